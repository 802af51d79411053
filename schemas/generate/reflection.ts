/** Reads flatc's binary schema (reflection.fbs of the FlatBuffers project) into the generator's model. */
import { ByteBuffer } from 'flatbuffers';
import type { FieldType } from '../support/types.ts';
import {
  camel,
  type EnumModel,
  type FieldModel,
  type Model,
  type StructModel,
  type TableModel,
  type TypeModel,
  type UnionModel,
} from './model.ts';

/** BaseType of reflection.fbs, by number. */
const BASE: readonly (FieldType | '')[] = [
  '',
  '',
  'bool',
  'byte',
  'ubyte',
  'short',
  'ushort',
  'int',
  'uint',
  'long',
  'ulong',
  'float',
  'double',
];
const UNION_TYPE = 1;
const STRING = 13;
const VECTOR = 14;
const OBJECT = 15;
const UNION = 16;

/** A table of the reflection buffer; slots are those of reflection.fbs. */
class Table {
  private readonly buffer: ByteBuffer;
  private readonly at: number;

  constructor(buffer: ByteBuffer, at: number) {
    this.buffer = buffer;
    this.at = at;
  }

  private slot(id: number): number {
    const offset = this.buffer.__offset(this.at, 4 + 2 * id);
    return offset === 0 ? 0 : this.at + offset;
  }

  text(id: number): string {
    const at = this.slot(id);
    return at === 0 ? '' : (this.buffer.__string(at) as string);
  }

  byte(id: number): number {
    const at = this.slot(id);
    return at === 0 ? 0 : this.buffer.readUint8(at);
  }

  flag(id: number): boolean {
    return this.byte(id) !== 0;
  }

  short(id: number): number {
    const at = this.slot(id);
    return at === 0 ? 0 : this.buffer.readUint16(at);
  }

  int(id: number, absent: number): number {
    const at = this.slot(id);
    return at === 0 ? absent : this.buffer.readInt32(at);
  }

  long(id: number): bigint {
    const at = this.slot(id);
    return at === 0 ? 0n : this.buffer.readInt64(at);
  }

  double(id: number): number {
    const at = this.slot(id);
    return at === 0 ? 0 : this.buffer.readFloat64(at);
  }

  table(id: number): Table | null {
    const at = this.slot(id);
    return at === 0 ? null : new Table(this.buffer, this.buffer.__indirect(at));
  }

  tables(id: number): Table[] {
    const at = this.slot(id);
    if (at === 0) return [];
    const first = this.buffer.__vector(at);
    return Array.from(
      { length: this.buffer.__vector_len(at) },
      (_, i) => new Table(this.buffer, this.buffer.__indirect(first + 4 * i)),
    );
  }
}

/** The last part of a name with its namespace. */
function short(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The model of a binary schema. */
export function readModel(bfbs: Uint8Array, file: string, hash: string): Model {
  const buffer = new ByteBuffer(bfbs);
  const schema = new Table(buffer, buffer.readInt32(0));
  const objects = schema.tables(0);
  const enums = schema.tables(1);
  const root = schema.table(4);
  const context = { objects, enums };
  return {
    file,
    name: file.replace(/^.*\//, '').replace(/\.fbs$/, ''),
    root: root === null ? null : short(root.text(0)),
    tables: objects.filter((object) => !object.flag(2)).map((object) => readTable(context, object)),
    structs: objects
      .filter((object) => object.flag(2))
      .map(
        (object): StructModel => ({
          ...readTable(context, object),
          align: object.int(3, 1),
          size: object.int(4, 0),
        }),
      ),
    enums: enums.filter((one) => !one.flag(2)).map(readEnum),
    unions: enums.filter((one) => one.flag(2)).map((one) => readUnion(context, one)),
    hash,
  };
}

interface Context {
  readonly objects: readonly Table[];
  readonly enums: readonly Table[];
}

function readTable(context: Context, object: Table): TableModel {
  const written = short(object.text(0));
  const fields = object.tables(1).map((field) => readField(context, field));
  return { written, name: camel(written), fields: fields.sort((a, b) => a.id - b.id) };
}

function readField(context: Context, field: Table): FieldModel {
  const written = field.text(0);
  const attributes = new Map(field.tables(9).map((pair) => [pair.text(0), pair.text(1)]));
  const forced = attributes.get('force_align');
  return {
    id: field.short(2),
    written,
    name: camel(written),
    type: readType(context, field.table(1)!),
    required: field.flag(7),
    key: field.flag(8),
    optional: field.flag(11),
    deprecated: field.flag(6),
    zeroDefault: field.long(4) === 0n && field.double(5) === 0,
    forceAlign: forced === undefined ? null : Number(forced),
    offset: field.short(3),
  };
}

function readType(context: Context, type: Table): TypeModel {
  return baseType(context, type.byte(0), type.byte(1), type.int(2, -1));
}

function baseType(context: Context, base: number, element: number, index: number): TypeModel {
  const scalar = BASE[base];
  if (base === UNION_TYPE) return { kind: 'unionType' };
  if (scalar !== undefined && scalar !== '') {
    return { kind: 'scalar', scalar, enumeration: index < 0 ? null : readEnum(context.enums[index]!) };
  }
  if (base === STRING) return { kind: 'string' };
  if (base === UNION) return { kind: 'union', name: short(context.enums[index]!.text(0)) };
  if (base === OBJECT) {
    const object = context.objects[index]!;
    return { kind: object.flag(2) ? 'struct' : 'table', name: short(object.text(0)) };
  }
  if (base === VECTOR) return { kind: 'vector', of: baseType(context, element, 0, index) };
  return { kind: 'unsupported', what: base === 17 ? 'a fixed array' : `base type ${base}` };
}

function readEnum(one: Table): EnumModel {
  const values = one.tables(1).map((value) => ({ name: value.text(0), number: value.long(1) }));
  return {
    written: short(one.text(0)),
    underlying: BASE[one.table(3)!.byte(0)] ?? '',
    values: values.map((value) => camel(value.name)),
    contiguous: values.every((value, i) => value.number === BigInt(i)),
  };
}

function readUnion(context: Context, one: Table): UnionModel {
  const tables = one.tables(1).map((value) => {
    const type = value.table(3);
    const object = type !== null && type.byte(0) === OBJECT ? context.objects[type.int(2, -1)] : undefined;
    return object === undefined || object.flag(2) ? '' : short(object.text(0));
  });
  return { written: short(one.text(0)), tables };
}
