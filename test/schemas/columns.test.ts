/** Columns of frames: whatever a field can hold comes back exactly; nothing else comes through. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, decodeFrame, encodeFrame } from '../../schemas/generated/client.ts';
import { columnOf, columnValues } from '../../schemas/support/columns.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import type { Field, FieldType, Scalar } from '../../schemas/support/types.ts';
import { INTEGER_RANGE } from '../../schemas/support/values.ts';

const LOOT = ['coin', 'gem', 'heart'];
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const grid = (of: fc.Arbitrary<number>) =>
  fc.oneof(
    of,
    fc.integer({ min: -9_000, max: 9_000 }).map((n) => n / 256),
    fc.nat(50).map((n) => 1.7e12 + n),
  );

function anyOf(type: FieldType): fc.Arbitrary<Scalar> {
  const range = INTEGER_RANGE[type];
  if (range !== undefined) {
    const [min, max] = range;
    const near = fc.nat(300).map((n) => Math.max(min, max - n));
    return fc.oneof(
      fc.nat(100),
      near,
      fc.maxSafeInteger().map((n) => Math.min(max, Math.max(min, n))),
    );
  }
  if (type === 'string') return fc.string({ unit: 'grapheme' });
  if (type === 'bool') return fc.boolean();
  return type === 'float' ? grid(float).map((value) => Math.fround(value)) : grid(double);
}

const types: FieldType[] = [
  ...(Object.keys(INTEGER_RANGE) as FieldType[]),
  ...(['string', 'bool', 'float', 'double'] as const),
];

/** Through the bytes of a frame. */
function sent(column: Column): Column {
  const head = { first: 1, last: 1, precedent: 0, born: 1, time: 0, tables: { low: 0, high: 0 } };
  const group = { table: 1, op: 'put', fields: 1, places: [], columns: [column] } as const;
  return decodeFrame(encodeFrame({ ...head, groups: [group] })).groups[0]!.columns[0]!;
}

const rowsOf = (values: readonly Scalar[]) => values.map((value) => ({ f: value }));
const numbers = (field: Field, values: readonly number[]) => columnOf(field, rowsOf(values));
const NO_COLUMN = numbers({ name: 'f', type: 'int' }, [0]);
const forge = (column: Partial<Column>): Column => ({ ...NO_COLUMN, bytes: new Uint8Array(0), ...column });

describe('columns', () => {
  it.each(types)('of type %s come back as they went', (type) => {
    const field: Field = { name: 'f', type };
    fc.assert(
      fc.property(fc.array(anyOf(type), { minLength: 1, maxLength: 40 }), (values) => {
        const column = sent(columnOf(field, rowsOf(values)));
        expect(columnValues('t.f', field, column, values.length)).toEqual(values);
      }),
      { numRuns: 400 },
    );
  });

  it('of enums carry numbers and give names', () => {
    const field: Field = { name: 'f', type: 'ubyte', values: LOOT };
    const column = sent(columnOf(field, rowsOf(['heart', 'coin', 'gem'])));
    expect([...column.bytes]).toEqual([2, 0, 1]);
    expect(columnValues('t.f', field, column, 3)).toEqual(['heart', 'coin', 'gem']);
  });

  it('take what the spread of the values needs, and never more than the own width', () => {
    const time: Field = { name: 'f', type: 'double' };
    expect(numbers(time, [1.7e12, 1.7e12 + 255])).toMatchObject({ base: 1.7e12, shift: 0 });
    expect(numbers(time, [1.7e12, 1.7e12 + 255]).bytes).toHaveLength(2);
    expect(numbers(time, [1.7e12, 1.7e12 + 256]).shorts).toEqual([0, 256]);
    expect(numbers(time, [0, 70_000]).words).toEqual([0, 70_000]);
    expect(numbers(time, [0.1, 2]).doubles).toEqual([0.1, 2]);
    const metres: Field = { name: 'f', type: 'float' };
    expect(numbers(metres, [1.5, 27.00390625])).toMatchObject({ base: 0, shift: 8, shorts: [384, 6913] });
    expect(numbers(metres, [Math.fround(0.1), 2]).floats).toHaveLength(2);
    // On a grid, but far apart: four bytes either way.
    expect(numbers(metres, [0.5, 2 ** 20]).floats).toHaveLength(2);
  });

  it.each([
    ['too few values', { name: 'f', type: 'int' }, forge({ words: [1] }), 2],
    ['two vectors', { name: 'f', type: 'int' }, forge({ words: [1], shorts: [1] }), 2],
    ['a text too many', { name: 'f', type: 'int' }, forge({ words: [1], texts: ['a'] }), 1],
    ['texts for numbers', { name: 'f', type: 'int' }, forge({ texts: ['a'] }), 1],
    ['numbers for texts', { name: 'f', type: 'string' }, forge({ words: [1] }), 1],
    ['beyond the range', { name: 'f', type: 'ubyte' }, forge({ shorts: [256] }), 1],
    ['below the range', { name: 'f', type: 'uint' }, forge({ base: -2, words: [1] }), 1],
    ['not whole', { name: 'f', type: 'int' }, forge({ base: 0.5, words: [1] }), 1],
    ['no bool', { name: 'f', type: 'bool' }, forge({ words: [2] }), 1],
    ['no name of the enum', { name: 'f', type: 'ubyte', values: LOOT }, forge({ words: [3] }), 1],
    ['no place among the names', { name: 'f', type: 'ubyte', values: LOOT }, forge({ floats: [0.5] }), 1],
    ['no float', { name: 'f', type: 'float' }, forge({ doubles: [0.1] }), 1],
    ['infinite', { name: 'f', type: 'double' }, forge({ base: 1.7e308, doubles: [1.7e308] }), 1],
    ['an endless float', { name: 'f', type: 'float' }, forge({ base: 1.7e308, doubles: [1.7e308] }), 1],
    ['too fine a grid', { name: 'f', type: 'double' }, forge({ shift: 17, words: [1] }), 1],
  ] as const)('[EDGE1] are refused with %s', (_, field, column, count) => {
    expect(() => columnValues('t.f', field, column, count)).toThrow(SchemaError);
  });
});
