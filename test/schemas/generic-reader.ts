/** Reads any table by the official FlatBuffers runtime, driven by flatc's reflection: a second opinion on our codecs. */
import { ByteBuffer } from 'flatbuffers';
import { type FieldModel, find, type Model, type TypeModel } from '../../schemas/generate/model.ts';

/** The table as a plain object with our conventions: camel case, '' and [] and null for what is absent. */
export function readGeneric(model: Model, root: string, bytes: Uint8Array, prefixed = false): unknown {
  const buffer = new ByteBuffer(bytes);
  const start = prefixed ? 4 : 0;
  return readTable(model, root, buffer, start + buffer.readUint32(start));
}

function readTable(
  model: Model,
  name: string,
  buffer: ByteBuffer,
  table: number,
): { [field: string]: unknown } {
  const result: { [field: string]: unknown } = {};
  for (const field of find(model.tables, name).fields) {
    if (field.deprecated || field.type.kind === 'unionType') continue;
    const offset = buffer.__offset(table, 4 + 2 * field.id);
    result[field.name] = offset === 0 ? absent(field) : present(model, field, buffer, table, table + offset);
  }
  return result;
}

function absent({ type }: FieldModel): unknown {
  if (type.kind === 'scalar') return type.enumeration?.values[0] ?? (type.scalar === 'bool' ? false : 0);
  if (type.kind === 'string') return '';
  if (type.kind !== 'vector') return null;
  return bytesOf(type) ? new Uint8Array(0) : [];
}

const bytesOf = (type: TypeModel) =>
  type.kind === 'vector' && type.of.kind === 'scalar' && type.of.scalar === 'ubyte';

function present(model: Model, field: FieldModel, buffer: ByteBuffer, table: number, at: number): unknown {
  const { type } = field;
  if (type.kind === 'union') {
    const union = find(model.unions, type.name);
    const name = union.tables[buffer.readUint8(table + buffer.__offset(table, 2 + 2 * field.id))]!;
    return { kind: find(model.tables, name).name, ...readTable(model, name, buffer, buffer.__indirect(at)) };
  }
  if (type.kind !== 'vector') return value(model, type, buffer, at);
  const first = buffer.__vector(at);
  const count = buffer.__vector_len(at);
  if (bytesOf(type)) return buffer.bytes().slice(first, first + count);
  const size = sizeOf(model, type.of);
  return Array.from({ length: count }, (_, i) => value(model, type.of, buffer, first + i * size));
}

function sizeOf(model: Model, type: TypeModel): number {
  if (type.kind === 'struct') return find(model.structs, type.name).size;
  if (type.kind !== 'scalar') return 4;
  return (
    { ulong: 8, long: 8, double: 8, int: 4, uint: 4, float: 4, short: 2, ushort: 2 }[type.scalar as string] ??
    1
  );
}

function value(model: Model, type: TypeModel, buffer: ByteBuffer, at: number): unknown {
  if (type.kind === 'string') return buffer.__string(at);
  if (type.kind === 'table') return readTable(model, type.name, buffer, buffer.__indirect(at));
  if (type.kind === 'struct') {
    const members = find(model.structs, type.name).fields;
    return Object.fromEntries(
      members.map((one) => [one.name, value(model, one.type, buffer, at + one.offset)]),
    );
  }
  if (type.kind !== 'scalar') throw new Error(`a ${type.kind} in a vector`);
  if (type.enumeration !== null) return type.enumeration.values[buffer.readUint8(at)];
  switch (type.scalar) {
    case 'bool':
      return buffer.readUint8(at) !== 0;
    case 'byte':
      return buffer.readInt8(at);
    case 'ubyte':
      return buffer.readUint8(at);
    case 'short':
      return buffer.readInt16(at);
    case 'ushort':
      return buffer.readUint16(at);
    case 'int':
      return buffer.readInt32(at);
    case 'uint':
      return buffer.readUint32(at);
    case 'long':
      return Number(buffer.readInt64(at));
    case 'ulong':
      return Number(buffer.readUint64(at));
    case 'float':
      return buffer.readFloat32(at);
    default:
      return buffer.readFloat64(at);
  }
}
