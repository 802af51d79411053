/** The compact tables that drive the verifier; generated from the schema. */

/** What a field or a vector's element is. The numbers stand in generated code. */
export const KIND = {
  /** No such field any more: never looked at. */
  skip: 0,
  /** 1, 2 or 4 bytes of integer, any value. */
  plain: 1,
  /** 0 or 1. */
  bool: 2,
  /** An unsigned byte below `ref`. */
  enumeration: 3,
  ulong: 4,
  long: 5,
  float: 6,
  double: 7,
  /** Inline; `ref` is the struct. */
  struct: 8,
  string: 9,
  /** `ref` is the table. */
  table: 10,
  /** The value of a union; its type is the field before; `ref` is the union. */
  union: 11,
  /** The type of a union, looked at with its value. */
  unionType: 12,
} as const;

/** Added to an element's kind: a vector of it. */
export const VECTOR = 16;

/** Numbers of one field: kind, bytes, alignment (of the content, for a vector), ref, required (0 or 1). */
export const FIELD_NUMBERS = 5;

export interface TableShape {
  readonly name: string;
  /** Names by field id; '' where there is no such field. */
  readonly fields: readonly string[];
  /** FIELD_NUMBERS for each field id. For a vector, bytes are those of one element. */
  readonly numbers: readonly number[];
}

export interface Shape {
  readonly tables: readonly TableShape[];
  /** For each struct: offset, kind, ref of every member (nested structs laid flat) whose value must be checked. */
  readonly structs: readonly (readonly number[])[];
  /** For each union: the table of each type; -1 for type 0. */
  readonly unions: readonly (readonly number[])[];
}
