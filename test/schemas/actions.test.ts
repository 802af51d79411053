import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arenaSchema } from '../../schemas/generated/arena.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import type { ActionType, WorldSchema } from '../../schemas/support/types.ts';
import { printable, scalar } from './arbitraries.ts';
import { flatcBytes, flatcJson } from './flatc.ts';

const worlds: readonly { name: string; schema: WorldSchema }[] = [
  { name: 'arena', schema: arenaSchema },
  { name: 'warehouse', schema: warehouseSchema },
];

const argsOf = (action: ActionType) =>
  fc.record(Object.fromEntries(action.fields.map((field) => [field.name, scalar(field.type, field.values)])));

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

describe.each(worlds)('actions of $name', ({ name, schema }) => {
  it.each(Object.values(schema.actions))('$name comes back as it went, and through flatc', (action) => {
    fc.assert(
      fc.property(argsOf(action), (args) => {
        expect(action.decode(action.encode(args))).toEqual(args);
      }),
    );
    const root = `throughline.${name}.Act`;
    for (const args of fc.sample(argsOf(action), { numRuns: 5, seed: 11 }).map(printable)) {
      const json = flatcJson(name, root, action.encode(args)) as { action_type: string };
      expect(json.action_type).toBe(pascal(action.name));
      expect(action.decode(flatcBytes(name, root, json))).toEqual(args);
    }
  });
});

describe('arguments', () => {
  const { transfer, open } = warehouseSchema.actions;
  const { move, strike, say } = arenaSchema.actions;
  const good = { from: 'A', to: 'B', amount: 5 };
  const whole = 'expected an integer from 0 to 9007199254740991 (exact integers only, and never as strings)';

  const cases: readonly [name: string, action: ActionType, args: unknown, message: string][] = [
    ['missing scalar', transfer, { from: 'A', to: 'B' }, 'transfer.amount: missing'],
    ['undefined scalar', transfer, { ...good, amount: undefined }, 'transfer.amount: missing'],
    ['missing string', transfer, { to: 'B', amount: 1 }, 'transfer.from: missing'],
    ['null', transfer, { ...good, amount: null }, `transfer.amount: ${whole}, got null`],
    [
      'string for integer',
      transfer,
      { ...good, amount: '5' },
      `transfer.amount: ${whole}, got the string "5"`,
    ],
    [
      'integer above 2^53 as string',
      transfer,
      { ...good, amount: '9007199254740993' },
      `transfer.amount: ${whole}, got the string "9007199254740993"`,
    ],
    [
      'integer above 2^53',
      transfer,
      { ...good, amount: 2 ** 53 },
      `transfer.amount: ${whole}, got 9007199254740992`,
    ],
    ['bigint', transfer, { ...good, amount: 5n }, `transfer.amount: ${whole}, got the bigint 5`],
    ['fraction', transfer, { ...good, amount: 1.5 }, `transfer.amount: ${whole}, got 1.5`],
    ['negative', transfer, { ...good, amount: -1 }, `transfer.amount: ${whole}, got -1`],
    ['NaN', transfer, { ...good, amount: Number.NaN }, `transfer.amount: ${whole}, got NaN`],
    ['boolean for integer', transfer, { ...good, amount: true }, `transfer.amount: ${whole}, got true`],
    ['number for string', transfer, { ...good, to: 7 }, 'transfer.to: expected a string, got 7'],
    ['object for string', open, { id: {} }, 'open.id: expected a string, got an object'],
    [
      'unknown',
      transfer,
      { ...good, extra: 1 },
      'transfer.extra: no such argument; it takes from, to, amount',
    ],
    [
      'prototype',
      open,
      JSON.parse('{"id":"a","__proto__":{"x":1}}'),
      'open.__proto__: no such argument; it takes id',
    ],
    ['no object', transfer, null, 'transfer: expected an object of arguments, got null'],
    ['array', transfer, [1], 'transfer: expected an object of arguments, got an array of 1'],
    ['text', transfer, 'x', 'transfer: expected an object of arguments, got the string "x"'],
    ['nothing', transfer, undefined, 'transfer.from: missing'],
    [
      'infinite',
      move,
      { dx: Number.POSITIVE_INFINITY, dy: 0 },
      'move.dx: expected a finite number that fits a 32-bit float, got Infinity',
    ],
    [
      'too large',
      move,
      { dx: 1e300, dy: 0 },
      'move.dx: expected a finite number that fits a 32-bit float, got 1e+300',
    ],
    [
      'long',
      say,
      { text: 'x'.repeat(16_385) },
      'say.text: a string of 16385 characters; at most 16384 are allowed',
    ],
    [
      'lone surrogate',
      open,
      { id: '\ud800' },
      'open.id: expected a string without lone surrogates, got the string "\\ud800"',
    ],
  ];
  it.each(cases)('%s', (_name, action, args, message) => {
    let thrown: unknown;
    try {
      action.encode(args);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SchemaError);
    expect((thrown as SchemaError).message).toBe(message);
    expect((thrown as SchemaError).code).toBe('bad-arguments');
  });

  it('bounds are inclusive', () => {
    for (const amount of [0, 2 ** 53 - 1])
      expect(transfer.decode(transfer.encode({ ...good, amount }))).toEqual({ ...good, amount });
    expect(say.decode(say.encode({ text: 'x'.repeat(16_384) }))['text']).toHaveLength(16_384);
  });

  it('an optional string that is absent is the empty string', () => {
    expect(strike.decode(strike.encode({}))).toEqual({ target: '' });
    expect(strike.decode(strike.encode(undefined))).toEqual({ target: '' });
    expect(strike.encode({ target: '' })).toEqual(strike.encode({}));
  });

  it('[EDGE1] bytes of another action, or of none, are refused', () => {
    expect(() => open.decode(transfer.encode(good))).toThrow(
      /^open: the bytes hold arguments of action 4, not 1$/,
    );
    expect(() => open.decode(new Uint8Array(40))).toThrow(SchemaError);
    const long = flatcBytes('warehouse', 'throughline.warehouse.Act', {
      action_type: 'Open',
      action: { id: 'x'.repeat(20_000) },
    });
    expect(() => open.decode(long)).toThrow(
      'open.id: a string of 20000 characters; at most 16384 are allowed',
    );
  });
});
