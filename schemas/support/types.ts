/**
 * What generated code offers for each state table and world; the only door between schemas and game logic.
 * 64-bit integers are JavaScript numbers restricted to safe integers; floats are rounded to their width when set.
 */

import type { ChangeTarget } from './delta.ts';
import type { Source } from './reader.ts';

export type Key = string | number;
export type Scalar = string | number | boolean;
/** A row: an immutable plain object with every field of its table. */
export type Row = { readonly [field: string]: Scalar };

export type FieldType =
  | 'string'
  | 'bool'
  | 'byte'
  | 'ubyte'
  | 'short'
  | 'ushort'
  | 'int'
  | 'uint'
  | 'long'
  | 'ulong'
  | 'float'
  | 'double';

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Names by value where the field is an enum; rows and JSON then carry the name. */
  readonly values?: readonly string[];
}

/** Two independent 32-bit lanes, added row by row: equal sets of rows have equal digests in any order of changes. */
export interface Digest {
  low: number;
  high: number;
}

export type ChangeOp = 'put' | 'patch' | 'remove';

export interface Change {
  readonly table: TableType;
  readonly op: ChangeOp;
  readonly key: Key;
  /** put: the row. patch: the fields in `mask`; other fields hold defaults and mean nothing. remove: absent. */
  readonly row?: Row;
  /** Bit i is field i. */
  readonly mask?: number;
}

/** Told before the first change of a draft; gives leave or throws. */
export interface DraftOwner {
  touch(draft: Draft): void;
}

/**
 * A writable view of one row (generated accessors, `draft.hp -= 3`). `row` is never changed: the first set copies it.
 * Setting a value of the wrong type or out of range throws SchemaError naming table, field and value.
 */
export interface Draft {
  readonly $table: TableType;
  readonly $key: Key;
  /** The row as of now: the original until the first set, then a private copy. */
  $row: Row;
  /** Fields set so far, one bit each; a set to the equal value sets no bit. */
  $mask: number;
}

/** One state table, generated. `R` is its row interface, `D` its draft class. At most 31 fields. */
export interface TableType<R extends Row = Row, D extends Draft = Draft> {
  readonly name: string;
  /** Discriminator in the world's Row union, from 1. */
  readonly code: number;
  readonly fields: readonly Field[];
  /** Name and index of the key field. */
  readonly key: string;
  readonly keyIndex: number;
  /** A full row from some of its fields; the others get 0, false, '' or an enum's first name. Throws SchemaError. */
  make(values: Partial<R>): R;
  keyOf(row: R): Key;
  draft(row: R, owner: DraftOwner): D;
  /** A new row: `row` with the fields in `mask` taken from `patch`. */
  merge(row: R, patch: R, mask: number): R;
  /** Bits of the fields in which two rows of one key differ. */
  diff(before: R, after: R): number;
  /** Adds (sign 1) or takes away (sign -1) the row's hash. Depends on table and every field's value, on nothing else. */
  hash(row: R, digest: Digest, sign: 1 | -1): void;
}

/** One action's argument type. */
export interface ActionType {
  readonly name: string;
  readonly fields: readonly Field[];
  /** Checks and encodes plain JSON arguments; throws SchemaError `bad-arguments` naming the field. Unknown fields are errors. */
  encode(args: unknown): Uint8Array;
  /** Verifies and decodes bytes of the world's Act table; throws SchemaError if forged or of another action. */
  decode(bytes: Uint8Array): { readonly [name: string]: Scalar };
}

/** A whole world, generated from its .fbs. */
export interface WorldSchema {
  readonly name: string;
  /** Hash of the schema's text without comments; a change is a change of the wire. */
  readonly hash: string;
  readonly tables: { readonly [name: string]: TableType };
  readonly actions: { readonly [name: string]: ActionType };
  /** Valid FlatBuffers bytes of the world's Delta. */
  encodeDelta(changes: readonly Change[]): Uint8Array;
  /** Verifies, then decodes; throws SchemaError on forged bytes. `trusted`: verified before, skip the check. */
  decodeDelta(bytes: Uint8Array, trusted?: boolean): Change[];
  /** The same without making values of it: hands each change to `to`; throws what `to` throws. For verified bytes only. */
  eachChange(source: Source, start: number, to: ChangeTarget): void;
  /** Throws SchemaError `forged` unless the delta of `length` bytes from `start` on may be read. */
  verifyDelta(source: Source, start: number, length: number): void;
}

export type SchemaErrorCode = 'bad-arguments' | 'bad-value' | 'forged' | 'no-such-field';
