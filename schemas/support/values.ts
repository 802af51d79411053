/** Checks of single values on their way into a row, an argument or a message; each returns the value as it is kept. */
import { SchemaError, show } from './errors.ts';
import { MAX_ARGUMENT_STRING, MAX_ROW_STRING } from './limits.ts';
import type { Field, FieldType, Scalar, SchemaErrorCode } from './types.ts';
import { isWellFormed } from './utf8.ts';

const MAX = Number.MAX_SAFE_INTEGER;

/** Least and greatest value of each integer type; 64-bit ones end where a Number stops being exact. */
export const INTEGER_RANGE: { readonly [type in FieldType]?: readonly [least: number, most: number] } = {
  byte: [-128, 127],
  ubyte: [0, 255],
  short: [-32_768, 32_767],
  ushort: [0, 65_535],
  int: [-2_147_483_648, 2_147_483_647],
  uint: [0, 4_294_967_295],
  long: [-MAX, MAX],
  ulong: [0, MAX],
};

function wrong(code: SchemaErrorCode, where: string, expected: string, value: unknown): never {
  throw new SchemaError(code, where, `expected ${expected}, got ${show(value)}`);
}

export function integerOf(
  where: string,
  value: unknown,
  least: number,
  most: number,
  code: SchemaErrorCode = 'bad-value',
): number {
  if (typeof value === 'number' && value >= least && value <= most && Number.isInteger(value))
    return value + 0;
  const exact = most === MAX ? ' (exact integers only, and never as strings)' : '';
  return wrong(code, where, `an integer from ${least} to ${most}${exact}`, value);
}

/** Rounded to 32 bits; -0 becomes 0. */
export function float32Of(where: string, value: unknown, code: SchemaErrorCode = 'bad-value'): number {
  if (typeof value === 'number') {
    const rounded = Math.fround(value);
    if (rounded - rounded === 0) return rounded + 0;
  }
  return wrong(code, where, 'a finite number that fits a 32-bit float', value);
}

/** -0 becomes 0. */
export function float64Of(where: string, value: unknown, code: SchemaErrorCode = 'bad-value'): number {
  if (typeof value === 'number' && value - value === 0) return value + 0;
  return wrong(code, where, 'a finite number', value);
}

export function boolOf(where: string, value: unknown, code: SchemaErrorCode = 'bad-value'): boolean {
  if (typeof value === 'boolean') return value;
  return wrong(code, where, 'true or false', value);
}

/** A string with a UTF-8 form and not longer than a row's string may be. */
export function stringOf(
  where: string,
  value: unknown,
  most: number = MAX_ROW_STRING,
  code: SchemaErrorCode = 'bad-value',
): string {
  if (typeof value !== 'string') return wrong(code, where, 'a string', value);
  if (value.length > most) {
    throw new SchemaError(code, where, `a string of ${value.length} characters; at most ${most} are allowed`);
  }
  if (!isWellFormed(value)) wrong(code, where, 'a string without lone surrogates', value);
  return value;
}

/** One of an enum's names. */
export function nameOf<N extends string>(
  where: string,
  names: readonly N[],
  value: unknown,
  code: SchemaErrorCode = 'bad-value',
): N {
  for (const name of names) if (name === value) return name;
  return wrong(code, where, `one of ${names.join(', ')}`, value);
}

/** The number of an enum's name. */
export function enumOf(where: string, names: readonly string[], value: unknown): number {
  const index = names.indexOf(value as string);
  if (index < 0) wrong('bad-value', where, `one of ${names.join(', ')}`, value);
  return index;
}

/** Any argument, checked by its field. */
export function argumentOf(where: string, field: Field, value: unknown): Scalar {
  const code = 'bad-arguments';
  if (field.values !== undefined) return nameOf(where, field.values, value, code);
  const range = INTEGER_RANGE[field.type];
  if (range !== undefined) return integerOf(where, value, range[0], range[1], code);
  if (field.type === 'string') return stringOf(where, value, MAX_ARGUMENT_STRING, code);
  if (field.type === 'bool') return boolOf(where, value, code);
  return field.type === 'float' ? float32Of(where, value, code) : float64Of(where, value, code);
}

/** Throws no-such-field if `values` has a key that is none of the table's fields. */
export function onlyFields(table: string, fields: readonly Field[], values: object): void {
  for (const name of Object.keys(values)) {
    if (fields.some((field) => field.name === name)) continue;
    const known = fields.map((field) => field.name).join(', ');
    throw new SchemaError('no-such-field', `${table}.${name}`, `no such field; the table has ${known}`);
  }
}
