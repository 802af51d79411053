/** A world's Delta table: what a command changed, or a snapshot's rows. */
import { SchemaError } from './errors.ts';
import { Layouts } from './layout.ts';
import { fieldAt, presentMask, type Source, sourceOf, target } from './reader.ts';
import type { Shape } from './shape.ts';
import type { Change, ChangeOp, Draft, Key, Row, TableType } from './types.ts';
import { verify } from './verifier.ts';
import type { Writer } from './writer.ts';

/** What is generated for one state table, beyond its public face. */
export interface RowCodec<R extends Row = Row, D extends Draft = Draft> extends TableType<R, D> {
  /** One bit a field. */
  readonly full: number;
  /** Bit i is field i. Field ids equal field indexes. */
  readonly keyBit: number;
  /** Writes the key and the fields of `mask` (which are read from `row`) as a table; returns its position. */
  write(writer: Writer, key: Key, row: Row | undefined, mask: number): number;
  /** A row of every field; absent ones hold defaults. */
  read(source: Source, table: number): R;
  /** The row with the fields that are present put over those of `row`. */
  readOver(source: Source, table: number, row: R): R;
  readKey(source: Source, table: number): Key;
}

/** Takes the changes of a delta one by one; `at` is where the row's table stands in `source`. */
export interface ChangeTarget {
  changed(op: ChangeOp, type: RowCodec, key: Key, source: Source, at: number): void;
}

const OPS: readonly ChangeOp[] = ['put', 'patch', 'remove'];
const DELTA = new Layouts([4], [4]);
/** table Change { op: Op; row: Row (required); }: op 0, the union's type 1, its value 2. */
const CHANGE = new Layouts([1, 1, 4], [1, 1, 4]).of(7);

export function encodeDelta(
  writer: Writer,
  codecs: readonly RowCodec[],
  changes: readonly Change[],
): Uint8Array {
  writer.begin(false);
  const layout = DELTA.of(1);
  const root = writer.table(layout);
  let slot = writer.vector(root + layout.at[0]!, changes.length, 4, 4);
  for (const change of changes) {
    writer.link(slot, putChange(writer, codecs, change));
    slot += 4;
  }
  return writer.finish(root, false);
}

function putChange(writer: Writer, codecs: readonly RowCodec[], change: Change): number {
  const codec = codecs[change.table.code - 1];
  if (codec !== change.table)
    throw new SchemaError('bad-value', change.table.name, 'a table of another world');
  const at = writer.table(CHANGE);
  writer.view.setUint8(at + CHANGE.at[0]!, OPS.indexOf(change.op));
  writer.view.setUint8(at + CHANGE.at[1]!, codec.code);
  writer.link(at + CHANGE.at[2]!, codec.write(writer, change.key, change.row, maskOf(codec, change)));
  return at;
}

/** The fields to write beside the key. */
function maskOf(codec: RowCodec, change: Change): number {
  if (change.op === 'remove') return 0;
  if (change.row === undefined)
    throw new SchemaError('bad-value', codec.name, `a ${change.op} without a row`);
  if (change.op === 'put') {
    if (codec.keyOf(change.row) !== change.key) {
      throw new SchemaError(
        'bad-value',
        codec.name,
        `a put of key ${change.key} with the row of another key`,
      );
    }
    return codec.full;
  }
  const mask = change.mask ?? 0;
  if ((mask & ~codec.full) !== 0)
    throw new SchemaError('bad-value', codec.name, `mask ${mask} has unknown fields`);
  return mask;
}

/** `delta` is the Delta table's number in `shape`. */
export function decodeDelta(
  shape: Shape,
  delta: number,
  codecs: readonly RowCodec[],
  bytes: Uint8Array,
  trusted: boolean,
): Change[] {
  const source = sourceOf(bytes);
  const view = source.view;
  const start = bytes.byteOffset;
  const root = trusted ? target(view, start) : verify(shape, delta, source, start, bytes.length, false);
  const slot = fieldAt(view, root, 0);
  if (slot === 0) return [];
  const vector = target(view, slot);
  const changes = new Array<Change>(view.getUint32(vector, true));
  for (let i = 0, at = vector + 4; i < changes.length; i++, at += 4) {
    changes[i] = readChange(codecs, source, target(view, at));
  }
  return changes;
}

/** Hands the changes of the verified delta that begins at `start` of `source` to `to`, in order. */
export function eachChange(
  codecs: readonly RowCodec[],
  source: Source,
  start: number,
  to: ChangeTarget,
): void {
  const { view } = source;
  const slot = fieldAt(view, target(view, start), 0);
  if (slot === 0) return;
  const vector = target(view, slot);
  const end = vector + 4 + 4 * view.getUint32(vector, true);
  for (let at = vector + 4; at < end; at += 4) {
    const change = target(view, at);
    const opAt = fieldAt(view, change, 0);
    const op = opAt === 0 ? 'put' : OPS[view.getUint8(opAt)]!;
    const type = codecs[view.getUint8(fieldAt(view, change, 1)) - 1]!;
    const row = target(view, fieldAt(view, change, 2));
    if (op === 'put') requireWhole(type, presentMask(view, row, type.fields.length));
    to.changed(op, type, type.readKey(source, row), source, row);
  }
}

function requireWhole(type: RowCodec, mask: number): void {
  if ((mask | type.keyBit) !== type.full)
    throw new SchemaError('forged', type.name, `a put without field ${lacking(type, mask)}`);
}

/** Verifies the delta of `length` bytes that begins at `start` of `source`. Throws SchemaError `forged`. */
export function verifyDelta(
  shape: Shape,
  delta: number,
  source: Source,
  start: number,
  length: number,
): void {
  verify(shape, delta, source, start, length, false);
}

function readChange(codecs: readonly RowCodec[], source: Source, change: number): Change {
  const view = source.view;
  const opAt = fieldAt(view, change, 0);
  const op = opAt === 0 ? 'put' : OPS[view.getUint8(opAt)]!;
  const table = codecs[view.getUint8(fieldAt(view, change, 1)) - 1]!;
  const at = target(view, fieldAt(view, change, 2));
  if (op === 'remove') return { table, op, key: table.readKey(source, at) };
  const row = table.read(source, at);
  const key = table.keyOf(row);
  const mask = presentMask(view, at, table.fields.length) & ~table.keyBit;
  if (op === 'patch') return { table, op, key, row, mask };
  requireWhole(table, mask);
  return { table, op, key, row };
}

function lacking(table: RowCodec, mask: number): string {
  return table.fields.find((_, i) => ((mask | table.keyBit) & (1 << i)) === 0)?.name ?? '';
}
