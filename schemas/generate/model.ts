/** A schema file as the generator sees it: names, ids and types, nothing of any target language. */
import type { FieldType } from '../support/types.ts';

export type TypeModel =
  /** `values`: names by number, where the scalar is an enum. */
  | { readonly kind: 'scalar'; readonly scalar: FieldType; readonly enumeration: EnumModel | null }
  | { readonly kind: 'string' }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'table'; readonly name: string }
  | { readonly kind: 'union'; readonly name: string }
  | { readonly kind: 'unionType' }
  | { readonly kind: 'vector'; readonly of: TypeModel }
  | { readonly kind: 'unsupported'; readonly what: string };

export interface FieldModel {
  readonly id: number;
  /** As written in the schema. */
  readonly written: string;
  /** In lower camel case: its name in TypeScript and JSON. */
  readonly name: string;
  readonly type: TypeModel;
  readonly required: boolean;
  readonly key: boolean;
  readonly optional: boolean;
  readonly deprecated: boolean;
  /** The default is 0, false, an enum's first name, or there is none. */
  readonly zeroDefault: boolean;
  /** Alignment of a vector's content, where the schema forces it. */
  readonly forceAlign: number | null;
  /** Of a struct's member. */
  readonly offset: number;
}

export interface TableModel {
  readonly written: string;
  /** In lower camel case. */
  readonly name: string;
  /** By id. */
  readonly fields: readonly FieldModel[];
}

export interface StructModel extends TableModel {
  readonly size: number;
  readonly align: number;
}

export interface EnumModel {
  readonly written: string;
  readonly underlying: string;
  /** In lower camel case, by number. */
  readonly values: readonly string[];
  /** Numbers run 0, 1, 2 …. */
  readonly contiguous: boolean;
}

export interface UnionModel {
  readonly written: string;
  /** Tables by type number; index 0 is NONE and empty. A member that is no table is empty too. */
  readonly tables: readonly string[];
}

export interface Model {
  /** Path from the project's root, for messages. */
  readonly file: string;
  /** arena of arena.fbs. */
  readonly name: string;
  readonly root: string | null;
  readonly tables: readonly TableModel[];
  readonly structs: readonly StructModel[];
  readonly enums: readonly EnumModel[];
  readonly unions: readonly UnionModel[];
  /** Of the text without comments and spaces. */
  readonly hash: string;
}

/** A fault of a schema file that the generator reports and stops at. */
export class GenerateError extends Error {
  constructor(file: string, place: string, detail: string) {
    super(`${file}: ${place === '' ? '' : `${place}: `}${detail}`);
    this.name = 'GenerateError';
  }
}

/** next_coin → nextCoin, NextBallot → nextBallot. */
export function camel(name: string): string {
  const joined = name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

export function find<T extends { readonly written: string }>(of: readonly T[], written: string): T {
  const found = of.find((one) => one.written === written);
  if (found === undefined) throw new Error(`no ${written} in the model`);
  return found;
}
