/**
 * One field of many rows as a column of a frame (client.fbs), and back. Numbers that are whole, or lie on a grid of a power of
 * two, are written as their distances from a base, in as few bytes as these need; others in their field's own width.
 */
import { SchemaError, show } from './errors.ts';
import type { Field, FieldType, Row, Scalar } from './types.ts';
import { INTEGER_RANGE } from './values.ts';

/** As client.fbs has it: exactly one vector is not empty. */
export interface Column {
  readonly base: number;
  readonly shift: number;
  readonly bytes: Uint8Array;
  readonly shorts: readonly number[];
  readonly words: readonly number[];
  readonly floats: readonly number[];
  readonly doubles: readonly number[];
  readonly texts: readonly string[];
}

/** Finest grid looked for: 1 / 65,536. */
const MAX_SHIFT = 16;
const NOTHING: readonly never[] = [];
const NO_BYTES = new Uint8Array(0);
const NONE: Column = {
  base: 0,
  shift: 0,
  bytes: NO_BYTES,
  shorts: NOTHING,
  words: NOTHING,
  floats: NOTHING,
  doubles: NOTHING,
  texts: NOTHING,
};

/** The field of these rows, of which there must be one at least. */
export function columnOf(field: Field, rows: readonly Row[]): Column {
  const { name, values } = field;
  if (field.type === 'string') return { ...NONE, texts: rows.map((row) => row[name] as string) };
  if (field.type === 'bool') return { ...NONE, bytes: Uint8Array.from(rows, (row) => (row[name] ? 1 : 0)) };
  if (values !== undefined)
    return { ...NONE, bytes: Uint8Array.from(rows, (row) => values.indexOf(row[name] as string)) };
  const numbers = new Array<number>(rows.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = rows[i]![name] as number;
  return onGrid(numbers, field.type) ?? plain(numbers, field.type);
}

const plain = (numbers: readonly number[], type: FieldType): Column =>
  type === 'float' ? { ...NONE, floats: numbers } : { ...NONE, doubles: numbers };

/** Null where the numbers lie on no grid, or where that would not be shorter. Every step is exact in doubles. */
function onGrid(numbers: readonly number[], type: FieldType): Column | null {
  const shift = gridOf(numbers);
  if (shift < 0) return null;
  const scale = 2 ** shift;
  let least = numbers[0]!;
  let most = least;
  for (const number of numbers) {
    if (number < least) least = number;
    if (number > most) most = number;
  }
  const span = (most - least) * scale;
  if (span > (type === 'float' ? 0xffff : 0xffff_ffff)) return null;
  const widest = span <= 0xff ? 0xff : span <= 0xffff ? 0xffff : 0xffff_ffff;
  const base = least >= 0 && most * scale <= widest ? 0 : least;
  const steps = numbers.map((number) => (number - base) * scale);
  const column = { ...NONE, base, shift };
  if (widest === 0xff) return { ...column, bytes: Uint8Array.from(steps) };
  return widest === 0xffff ? { ...column, shorts: steps } : { ...column, words: steps };
}

/** The least shift that makes all numbers whole; -1: none does. */
function gridOf(numbers: readonly number[]): number {
  let shift = 0;
  let scale = 1;
  for (const number of numbers) {
    while (number * scale !== Math.floor(number * scale)) {
      if (++shift > MAX_SHIFT) return -1;
      scale *= 2;
    }
  }
  return shift;
}

/** How many rows a column speaks of. */
export function columnLength(column: Column): number {
  const { bytes, shorts, words, floats, doubles, texts } = column;
  return bytes.length + shorts.length + words.length + floats.length + doubles.length + texts.length;
}

/** The values of a column of `count` rows as rows hold them. Throws SchemaError `forged` on any that the field cannot have. */
export function columnValues(where: string, field: Field, column: Column, count: number): Scalar[] {
  if (columnLength(column) !== count) forged(where, `${columnLength(column)} values for ${count} rows`);
  if (field.type === 'string') {
    if (column.texts.length !== count) forged(where, 'no texts');
    return column.texts as Scalar[];
  }
  const { base, shift } = column;
  if (shift > MAX_SHIFT) forged(where, `a shift of ${shift}`);
  const step = 2 ** -shift;
  const read = reader(where, field);
  const steps = numbersIn(column, count);
  if (steps === null) return forged(where, 'more vectors than one, or texts');
  const values = new Array<Scalar>(count);
  for (let i = 0; i < count; i++) values[i] = read(base + steps[i]! * step);
  return values;
}

function numbersIn(column: Column, count: number): ArrayLike<number> | null {
  const { bytes, shorts, words, floats, doubles } = column;
  for (const vector of [bytes, shorts, words, floats, doubles]) if (vector.length === count) return vector;
  return null;
}

/** Turns a number into a value of the field, or throws. */
function reader(where: string, field: Field): (number: number) => Scalar {
  const { type, values } = field;
  const wrong = (number: number): never => forged(where, `${show(number)} is no ${type}`);
  if (values !== undefined) return (number) => values[number] ?? wrong(number);
  if (type === 'bool') return (number) => (number === 0 || number === 1 ? number === 1 : wrong(number));
  const range = INTEGER_RANGE[type];
  if (range === undefined) {
    const fits = (number: number) => type === 'double' || Math.fround(number) === number;
    return (number) => (number - number === 0 && fits(number) ? number + 0 : wrong(number));
  }
  const [least, most] = range;
  return (number) =>
    number >= least && number <= most && Number.isInteger(number) ? number + 0 : wrong(number);
}

function forged(where: string, detail: string): never {
  throw new SchemaError('forged', where, detail);
}
