/** The verifier's tables and the writer's layouts, as text. */
import { KIND, VECTOR } from '../support/shape.ts';
import type { FieldType } from '../support/types.ts';
import {
  type FieldModel,
  find,
  type Model,
  type StructModel,
  type TableModel,
  type TypeModel,
} from './model.ts';

export const SCALAR_BYTES: { readonly [type in FieldType]: number } = {
  bool: 1,
  byte: 1,
  ubyte: 1,
  short: 2,
  ushort: 2,
  int: 4,
  uint: 4,
  float: 4,
  long: 8,
  ulong: 8,
  double: 8,
  string: 4,
};

interface Extent {
  readonly kind: number;
  readonly size: number;
  readonly align: number;
  readonly ref: number;
}

function scalarKind(type: TypeModel & { kind: 'scalar' }): number {
  if (type.enumeration !== null) return KIND.enumeration;
  const checked: { readonly [scalar: string]: number } = {
    bool: KIND.bool,
    ulong: KIND.ulong,
    long: KIND.long,
    float: KIND.float,
    double: KIND.double,
  };
  return checked[type.scalar] ?? KIND.plain;
}

function index(of: readonly { readonly written: string }[], written: string): number {
  return of.findIndex((one) => one.written === written);
}

/** Kind, inline bytes, alignment and reference of a type that is no vector. */
export function extent(model: Model, type: TypeModel): Extent {
  switch (type.kind) {
    case 'scalar': {
      const size = SCALAR_BYTES[type.scalar];
      return { kind: scalarKind(type), size, align: size, ref: type.enumeration?.values.length ?? 0 };
    }
    case 'string':
      return { kind: KIND.string, size: 4, align: 4, ref: 0 };
    case 'struct': {
      const struct = find(model.structs, type.name);
      return {
        kind: KIND.struct,
        size: struct.size,
        align: struct.align,
        ref: index(model.structs, type.name),
      };
    }
    case 'table':
      return { kind: KIND.table, size: 4, align: 4, ref: index(model.tables, type.name) };
    case 'union':
      return { kind: KIND.union, size: 4, align: 4, ref: index(model.unions, type.name) };
    case 'unionType':
      return { kind: KIND.unionType, size: 1, align: 1, ref: 0 };
    default:
      throw new Error(`no extent of a ${type.kind}`);
  }
}

/** Inline bytes and alignment of a field in its table. */
function inline(model: Model, field: FieldModel): Extent {
  if (field.type.kind === 'vector') return { kind: 0, size: 4, align: 4, ref: 0 };
  return extent(model, field.type);
}

/** `new Layouts(…)` of a table; deprecated fields have no place. */
export function layoutsText(model: Model, table: TableModel): string {
  const all = table.fields.map((field) => (field.deprecated ? null : inline(model, field)));
  const sizes = all.map((one) => one?.size ?? 0);
  const aligns = all.map((one) => one?.align ?? 1);
  return `new Layouts([${sizes.join(', ')}], [${aligns.join(', ')}])`;
}

function numbers(model: Model, field: FieldModel): number[] {
  if (field.deprecated) return [KIND.skip, 0, 1, 0, 0];
  const required = field.required ? 1 : 0;
  if (field.type.kind === 'vector') {
    const element = extent(model, field.type.of);
    const align = Math.max(element.align, field.forceAlign ?? 1);
    return [VECTOR + element.kind, element.size, align, element.ref, required];
  }
  const { kind, size, align, ref } = extent(model, field.type);
  return [kind, size, align, ref, required];
}

/** Offset, kind, ref of each member that the verifier must look at. */
function structNumbers(model: Model, struct: StructModel, base: number): number[] {
  return struct.fields.flatMap((field) => {
    const at = base + field.offset;
    if (field.type.kind === 'struct') return structNumbers(model, find(model.structs, field.type.name), at);
    const { kind, ref } = extent(model, field.type);
    return kind === KIND.plain ? [] : [at, kind, ref];
  });
}

/** `const SHAPE: Shape = {…};` of a file. */
export function shapeText(model: Model): string {
  const tables = model.tables.map((table) => {
    const names = table.fields.map((field) => `'${field.deprecated ? '' : field.name}'`).join(', ');
    const rows = table.fields.map((field) => `        ${numbers(model, field).join(', ')},`).join('\n');
    const list = rows === '' ? '[]' : `[\n${rows}\n      ]`;
    return `    { name: '${table.name}', fields: [${names}], numbers: ${list} },`;
  });
  const structs = model.structs.map((struct) => `[${structNumbers(model, struct, 0).join(', ')}]`);
  const unions = model.unions.map(
    (union) => `[${union.tables.map((table, i) => (i === 0 ? -1 : index(model.tables, table))).join(', ')}]`,
  );
  return `/** For the verifier; see support/shape.ts. */
const SHAPE: Shape = {
  tables: [
${tables.join('\n')}
  ],
  structs: [${structs.join(', ')}],
  unions: [${unions.join(', ')}],
};`;
}
