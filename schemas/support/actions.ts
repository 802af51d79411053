/** Arguments of actions: plain JSON in, bytes of the world's Act table between, plain values out. */
import { SchemaError, show } from './errors.ts';
import { Layouts } from './layout.ts';
import { MAX_ARGUMENT_STRING } from './limits.ts';
import { entryAt, type Source, sourceOf, target } from './reader.ts';
import type { Shape } from './shape.ts';
import type { ActionType, Field, FieldType, Scalar } from './types.ts';
import { argumentOf } from './values.ts';
import { verify } from './verifier.ts';
import { putLong, putUlong, type Writer } from './writer.ts';

/** What is generated for one action. */
export interface ActionCodec {
  readonly name: string;
  /** Discriminator in the world's Action union, from 1. */
  readonly code: number;
  readonly fields: readonly Field[];
  /** Field ids, for deprecated ids leave gaps. */
  readonly ids: readonly number[];
  /** Bit i: argument i must be given. Scalars always are. */
  readonly required: number;
  readonly layouts: Layouts;
  read(source: Source, table: number): { readonly [name: string]: Scalar };
}

/** table Act { action: Action (required); }: the union's type has id 0, its value id 1. */
const ACT = new Layouts([1, 4], [1, 4]).of(3);

/** The public face of one action; `act` is the Act table's number in `shape`. */
export function actionType(codec: ActionCodec, writer: Writer, shape: Shape, act: number): ActionType {
  return {
    name: codec.name,
    fields: codec.fields,
    encode: (args) => encode(codec, writer, args),
    decode: (bytes) => decode(codec, shape, act, bytes),
  };
}

function encode(codec: ActionCodec, writer: Writer, args: unknown): Uint8Array {
  const values = checked(codec, args);
  let mask = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== undefined) mask |= 1 << codec.ids[i]!;
  }
  writer.begin(false);
  const root = writer.table(ACT);
  writer.view.setUint8(root + ACT.at[0]!, codec.code);
  const layout = codec.layouts.of(mask);
  const table = writer.table(layout);
  writer.link(root + ACT.at[1]!, table);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== undefined) put(writer, codec.fields[i]!, table + layout.at[codec.ids[i]!]!, value);
  }
  return writer.finish(root, false);
}

/** One value for each field; undefined where an optional string is absent or empty. */
function checked(codec: ActionCodec, args: unknown): (Scalar | undefined)[] {
  const given = args === undefined ? {} : args;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new SchemaError('bad-arguments', codec.name, `expected an object of arguments, got ${show(args)}`);
  }
  for (const name of Object.keys(given)) {
    if (codec.fields.some((field) => field.name === name)) continue;
    const known = codec.fields.map((field) => field.name).join(', ');
    const takes = known === '' ? 'it takes none' : `it takes ${known}`;
    throw new SchemaError('bad-arguments', `${codec.name}.${name}`, `no such argument; ${takes}`);
  }
  return codec.fields.map((field, i) => {
    const value = Object.hasOwn(given, field.name)
      ? (given as { readonly [name: string]: unknown })[field.name]
      : undefined;
    const where = `${codec.name}.${field.name}`;
    if (value !== undefined) {
      const scalar = argumentOf(where, field, value);
      return scalar === '' && (codec.required & (1 << i)) === 0 ? undefined : scalar;
    }
    if (field.type !== 'string' || (codec.required & (1 << i)) !== 0) {
      throw new SchemaError('bad-arguments', where, 'missing');
    }
    return undefined;
  });
}

const PUT: { readonly [type in FieldType]?: (view: DataView, at: number, value: number) => void } = {
  byte: (view, at, value) => view.setInt8(at, value),
  ubyte: (view, at, value) => view.setUint8(at, value),
  short: (view, at, value) => view.setInt16(at, value, true),
  ushort: (view, at, value) => view.setUint16(at, value, true),
  int: (view, at, value) => view.setInt32(at, value, true),
  uint: (view, at, value) => view.setUint32(at, value, true),
  long: putLong,
  ulong: putUlong,
  float: (view, at, value) => view.setFloat32(at, value, true),
  double: (view, at, value) => view.setFloat64(at, value, true),
};

function put(writer: Writer, field: Field, at: number, value: Scalar): void {
  if (field.values !== undefined) writer.view.setUint8(at, field.values.indexOf(value as string));
  else if (field.type === 'string') writer.text(at, value as string, field.name);
  else if (field.type === 'bool') writer.view.setUint8(at, value === true ? 1 : 0);
  else PUT[field.type]!(writer.view, at, value as number);
}

function decode(
  codec: ActionCodec,
  shape: Shape,
  act: number,
  bytes: Uint8Array,
): { readonly [name: string]: Scalar } {
  const source = sourceOf(bytes);
  const root = verify(shape, act, source, bytes.byteOffset, bytes.length, false);
  const vtable = root - source.view.getInt32(root, true);
  const length = source.view.getUint16(vtable, true);
  const code = source.view.getUint8(entryAt(source.view, root, vtable, length, 4));
  if (code !== codec.code) {
    throw new SchemaError(
      'bad-arguments',
      codec.name,
      `the bytes hold arguments of action ${code}, not ${codec.code}`,
    );
  }
  const args = codec.read(source, target(source.view, entryAt(source.view, root, vtable, length, 6)));
  for (const field of codec.fields) {
    const value = args[field.name]!;
    if (field.type === 'string' && (value as string).length > MAX_ARGUMENT_STRING) {
      argumentOf(`${codec.name}.${field.name}`, field, value);
    }
  }
  return args;
}
