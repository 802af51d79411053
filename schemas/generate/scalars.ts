/** Expressions that read, write, check and type one scalar. */
import type { FieldType } from '../support/types.ts';
import { INTEGER_RANGE } from '../support/values.ts';
import type { EnumModel, TypeModel } from './model.ts';

export type ScalarModel = TypeModel & { readonly kind: 'scalar' };

/** Name of the constant that holds an enum's names. */
export function namesOf(enumeration: EnumModel): string {
  return `${enumeration.written.charAt(0).toLowerCase()}${enumeration.written.slice(1)}Names`;
}

/** `export type Kind = …` and its names. */
export function enumText(enumeration: EnumModel): string {
  const names = enumeration.values.map((value) => `'${value}'`);
  return `export type ${enumeration.written} = ${names.join(' | ')};
const ${namesOf(enumeration)}: readonly ${enumeration.written}[] = [${names.join(', ')}];`;
}

export function tsScalar(type: ScalarModel): string {
  if (type.enumeration !== null) return type.enumeration.written;
  return type.scalar === 'bool' ? 'boolean' : 'number';
}

/** What an absent scalar is. */
export function zeroText(type: ScalarModel): string {
  if (type.enumeration !== null) return `'${type.enumeration.values[0]}'`;
  return type.scalar === 'bool' ? 'false' : '0';
}

const READ: { readonly [type in FieldType]?: string } = {
  byte: 'getInt8',
  ubyte: 'getUint8',
  short: 'getInt16',
  ushort: 'getUint16',
  int: 'getInt32',
  uint: 'getUint32',
  float: 'getFloat32',
  double: 'getFloat64',
};

/** Reads the scalar at position `at` of the DataView `v`. */
export function readScalar(type: ScalarModel, at: string): string {
  if (type.enumeration !== null) return `${namesOf(type.enumeration)}[v.getUint8(${at})]!`;
  if (type.scalar === 'bool') return `v.getUint8(${at}) !== 0`;
  if (type.scalar === 'ulong') return `readUlong(v, ${at})`;
  if (type.scalar === 'long') return `readLong(v, ${at})`;
  const one = type.scalar === 'byte' || type.scalar === 'ubyte';
  const read = `v.${READ[type.scalar]}(${at}${one ? '' : ', true'})`;
  // Turns a -0 that another encoder wrote into 0, as setting one here does.
  return type.scalar === 'float' || type.scalar === 'double' ? `${read} + 0` : read;
}

/** Writes the already checked `value` at position `at` of the DataView `v`. */
export function putScalar(type: ScalarModel, at: string, value: string): string {
  if (type.scalar === 'bool') return `v.setUint8(${at}, ${value} ? 1 : 0);`;
  if (type.scalar === 'ulong') return `putUlong(v, ${at}, ${value});`;
  if (type.scalar === 'long') return `putLong(v, ${at}, ${value});`;
  const one = type.scalar === 'byte' || type.scalar === 'ubyte';
  return `v.${READ[type.scalar]!.replace('get', 'set')}(${at}, ${value}${one ? '' : ', true'});`;
}

/** The value as kept, or an error that names `where`; an enum stays its name. */
export function checkScalar(type: ScalarModel, where: string, value: string): string {
  if (type.enumeration !== null) return `nameOf('${where}', ${namesOf(type.enumeration)}, ${value})`;
  const range = INTEGER_RANGE[type.scalar];
  if (range !== undefined) return `integerOf('${where}', ${value}, ${range[0]}, ${range[1]})`;
  if (type.scalar === 'bool') return `boolOf('${where}', ${value})`;
  return `${type.scalar === 'float' ? 'float32Of' : 'float64Of'}('${where}', ${value})`;
}
