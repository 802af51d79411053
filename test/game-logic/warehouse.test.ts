/** The warehouse's rules, as CONTRACT.md has them. */
import { describe, expect, it } from 'vitest';
import { Failed, Refused } from '../../game-logic/errors.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';

type World = ReturnType<typeof warehouse.testWorld>;
const MOST = Number.MAX_SAFE_INTEGER;

function amounts(world: World): { [id: string]: number } {
  return Object.fromEntries([...world.tables.warehouse.rows()].map(({ id, amount }) => [id, amount]));
}

/** A world that holds these amounts, brought in by 'clerk'. */
function stocked(start: { readonly [id: string]: number }): World {
  const world = warehouse.testWorld();
  for (const [to, amount] of Object.entries(start)) world.act('clerk', 'inbound', { to, amount });
  return world;
}

interface Case {
  readonly name: string;
  readonly start?: { readonly [id: string]: number };
  readonly act: (world: World) => { readonly number: number; readonly result: unknown };
  readonly result: unknown;
  readonly after: { readonly [id: string]: number };
}

const done: readonly Case[] = [
  {
    name: 'inbound [0076] f',
    act: (world) => world.act('q', 'inbound', { to: 'A', amount: 500 }),
    result: { A: 500 },
    after: { A: 500, B: 0, C: 0 },
  },
  {
    name: 'transfer [0076] g',
    start: { A: 500 },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'B', amount: 100 }),
    result: { A: 400, B: 100 },
    after: { A: 400, B: 100, C: 0 },
  },
  {
    name: 'outbound of everything',
    start: { C: 7 },
    act: (world) => world.act('r', 'outbound', { from: 'C', amount: 7 }),
    result: { C: 0 },
    after: { A: 0, B: 0, C: 0 },
  },
  {
    name: 'open',
    act: (world) => world.act('r', 'open', { id: 'D' }),
    result: { D: 0 },
    after: { A: 0, B: 0, C: 0, D: 0 },
  },
  {
    name: 'the most that can be',
    act: (world) => world.act('r', 'inbound', { to: 'A', amount: MOST }),
    result: { A: MOST },
    after: { A: MOST, B: 0, C: 0 },
  },
  {
    name: 'transfer of the most to an empty warehouse',
    start: { A: MOST },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'B', amount: MOST }),
    result: { A: 0, B: MOST },
    after: { A: 0, B: MOST, C: 0 },
  },
  {
    name: 'transfer to itself makes and loses nothing',
    start: { A: 5 },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'A', amount: 5 }),
    result: { A: 5 },
    after: { A: 5, B: 0, C: 0 },
  },
  {
    name: 'transfer to itself of the most',
    start: { A: MOST },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'A', amount: MOST }),
    result: { A: MOST },
    after: { A: MOST, B: 0, C: 0 },
  },
  {
    name: 'a name like a property of every object',
    act: (world) => world.act('r', 'open', { id: '__proto__' }),
    result: JSON.parse('{"__proto__":0}'),
    after: JSON.parse('{"A":0,"B":0,"C":0,"__proto__":0}'),
  },
];

const refused: readonly (Omit<Case, 'result' | 'after'> & { readonly code: string })[] = [
  {
    name: 'outbound of more than there is',
    start: { A: 3 },
    act: (world) => world.act('r', 'outbound', { from: 'A', amount: 4 }),
    code: 'insufficient-goods',
  },
  {
    name: 'transfer of more than there is',
    start: { A: 3 },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'B', amount: 4 }),
    code: 'insufficient-goods',
  },
  {
    name: 'transfer to itself of more than there is',
    start: { A: 3 },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'A', amount: 4 }),
    code: 'insufficient-goods',
  },
  {
    name: 'inbound to nowhere',
    act: (world) => world.act('r', 'inbound', { to: 'Z', amount: 1 }),
    code: 'no-such-warehouse',
  },
  {
    name: 'outbound from nowhere',
    act: (world) => world.act('r', 'outbound', { from: 'Z', amount: 1 }),
    code: 'no-such-warehouse',
  },
  {
    name: 'transfer to nowhere',
    start: { A: 1 },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'Z', amount: 1 }),
    code: 'no-such-warehouse',
  },
  {
    name: 'transfer from nowhere',
    act: (world) => world.act('r', 'transfer', { from: 'Z', to: 'A', amount: 1 }),
    code: 'no-such-warehouse',
  },
  { name: 'open twice', act: (world) => world.act('r', 'open', { id: 'A' }), code: 'already-open' },
  {
    name: 'inbound past the most',
    start: { A: MOST },
    act: (world) => world.act('r', 'inbound', { to: 'A', amount: 1 }),
    code: 'too-many-goods',
  },
  {
    name: 'transfer past the most',
    start: { A: 1, B: MOST },
    act: (world) => world.act('r', 'transfer', { from: 'A', to: 'B', amount: 1 }),
    code: 'too-many-goods',
  },
];

describe('warehouse', () => {
  it('starts with A, B and C, empty', () => {
    expect(warehouse.testWorld().state.toJSON()).toEqual({
      warehouse: [
        { id: 'A', amount: 0 },
        { id: 'B', amount: 0 },
        { id: 'C', amount: 0 },
      ],
    });
  });

  it.each(done)('$name', ({ start, act, result, after }) => {
    const world = stocked(start ?? {});
    const before = world.state.number;
    const answer = act(world);
    expect(answer.result).toEqual(result);
    expect(answer.number).toBe(world.state.number);
    expect(amounts(world)).toEqual(after);
    expect(world.state.number - before).toBeLessThanOrEqual(1);
  });

  it.each(refused)('refuses: $name', ({ start, act, code }) => {
    const world = stocked(start ?? {});
    const before = amounts(world);
    const { number } = world.state;
    expect(() => act(world)).toThrow(Refused);
    expect(() => act(world)).toThrow(code);
    expect(amounts(world)).toEqual(before);
    expect(world.state.number).toBe(number);
  });

  it.each([0, -1, 1.5, MOST + 1, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number])(
    'has no amount %s',
    (amount) => {
      for (const act of [
        (world: World) => world.act('r', 'inbound', { to: 'A', amount }),
        (world: World) => world.act('r', 'outbound', { from: 'A', amount }),
        (world: World) => world.act('r', 'transfer', { from: 'A', to: 'B', amount }),
      ]) {
        const world = stocked({ A: 10 });
        let code = 'none';
        try {
          act(world);
        } catch (error) {
          code = (error as Failed).code;
        }
        expect(code).toBe('bad-arguments');
        expect(amounts(world)).toEqual({ A: 10, B: 0, C: 0 });
      }
    },
  );

  it('an amount of 0 is told before a warehouse that is not there', () => {
    expect(() => warehouse.testWorld().act('r', 'inbound', { to: 'Z', amount: 0 })).toThrow(Failed);
  });
});
