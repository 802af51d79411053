/**
 * Checks untrusted FlatBuffers bytes before any field is read: every offset, length, vtable and string, required
 * fields, unions, enum values, safe 64-bit integers, finite floats. Work is at most proportional to the length: no byte
 * may belong to two objects (but vtables are shared), so a forged length or a web of offsets ends at once.
 */
import { SchemaError } from './errors.ts';
import { MAX_BUFFER, MAX_DEPTH, MAX_TABLES } from './limits.ts';
import type { Source } from './reader.ts';
import { FIELD_NUMBERS, KIND, type Shape, type TableShape, VECTOR } from './shape.ts';
import { validUtf8 } from './utf8.ts';

// One verification at a time; kept here rather than handed down so that the hot path allocates nothing.
let shape: Shape;
let view: DataView;
let bytes: Uint8Array;
let base = 0;
let end = 0;
/** Bytes that may still be claimed by an object. */
let budget = 0;
let tables = 0;
/** End of the last object seen: what lies behind it is padding or garbage. */
let reach = 0;

/**
 * Verifies the buffer start..start+length of `source` with a root table of type `root`; returns the root's position.
 * `prefixed`: four bytes of length come first, and must name exactly the rest. Throws SchemaError `forged`.
 */
export function verify(
  by: Shape,
  root: number,
  source: Source,
  start: number,
  length: number,
  prefixed: boolean,
): number {
  const head = prefixed ? 4 : 0;
  const name = by.tables[root]!.name;
  if (length < head + 8) forged(name, `${length} bytes are too few`);
  if (length > MAX_BUFFER) forged(name, `${length} bytes are too many`);
  shape = by;
  view = source.view;
  bytes = source.bytes;
  base = start;
  end = start + length;
  budget = length - head - 4;
  tables = MAX_TABLES;
  reach = start;
  if (prefixed && view.getUint32(start, true) !== length - 4) {
    forged(name, `length prefix ${view.getUint32(start, true)} on ${length - 4} bytes`);
  }
  const position = indirect(name, '', start + head);
  checkTable(root, position, MAX_DEPTH);
  if (end - reach >= 8) forged(name, `${end - reach} bytes of garbage at the end`);
  for (let p = reach; p < end; p++) {
    if (bytes[p] !== 0) forged(name, 'garbage at the end');
  }
  return position;
}

function forged(name: string, detail: string): never {
  throw new SchemaError('forged', name, detail);
}

function fail(name: string, field: string, detail: string): never {
  forged(field === '' ? name : `${name}.${field}`, detail);
}

/** The target of the offset at `slot` (in bounds): aligned to 4, with 4 readable bytes. */
function indirect(name: string, field: string, slot: number): number {
  const offset = view.getUint32(slot, true);
  if (offset < 4 || offset > end - 4 - slot) fail(name, field, `offset ${offset} leads outside`);
  const position = slot + offset;
  if (((position - base) & 3) !== 0) fail(name, field, `offset ${offset} is not aligned`);
  return position;
}

function claim(name: string, field: string, at: number, count: number): void {
  budget -= count;
  if (at + count > reach) reach = at + count;
  if (budget < 0) fail(name, field, 'bytes are used twice');
}

function checkTable(type: number, table: number, depth: number): void {
  const t = shape.tables[type]!;
  if (depth === 0) forged(t.name, `tables nested deeper than ${MAX_DEPTH}`);
  if (--tables < 0) forged(t.name, `more than ${MAX_TABLES} tables`);
  const vtable = table - view.getInt32(table, true);
  if (vtable < base || vtable > end - 4 || ((vtable - base) & 1) !== 0) forged(t.name, 'vtable out of place');
  const entries = view.getUint16(vtable, true);
  const size = view.getUint16(vtable + 2, true);
  if (entries < 4 || (entries & 1) !== 0 || entries > end - vtable)
    forged(t.name, `vtable of ${entries} bytes`);
  if (size < 4 || size > end - table) forged(t.name, `table of ${size} bytes`);
  claim(t.name, '', table, size);
  if (vtable + entries > reach) reach = vtable + entries;
  const numbers = t.numbers;
  for (let i = 0, id = 0; i < numbers.length; i += FIELD_NUMBERS, id++) {
    const kind = numbers[i]!;
    if (kind === KIND.skip || kind === KIND.unionType) continue;
    const offset = 4 + 2 * id < entries ? view.getUint16(vtable + 4 + 2 * id, true) : 0;
    if (kind === KIND.union) {
      const before = 2 + 2 * id < entries ? view.getUint16(vtable + 2 + 2 * id, true) : 0;
      checkUnion(t, id, table, size, before, offset, depth);
      continue;
    }
    if (offset === 0) {
      if (numbers[i + 4] === 1) fail(t.name, t.fields[id]!, 'required, but absent');
      continue;
    }
    const vector = kind >= VECTOR;
    const pointer = vector || kind === KIND.string || kind === KIND.table;
    const bytesHere = pointer ? 4 : numbers[i + 1]!;
    const alignHere = pointer ? 4 : numbers[i + 2]!;
    if (offset < 4 || offset + bytesHere > size) fail(t.name, t.fields[id]!, 'lies outside its table');
    const at = table + offset;
    if (((at - base) & (alignHere - 1)) !== 0) fail(t.name, t.fields[id]!, 'not aligned');
    if (kind === KIND.plain) continue;
    if (vector) checkVector(t, id, at, depth);
    else if (kind === KIND.string) checkString(t.name, t.fields[id]!, at);
    else if (kind === KIND.table) checkTable(numbers[i + 3]!, indirect(t.name, t.fields[id]!, at), depth - 1);
    else if (kind === KIND.struct) checkStruct(t.name, t.fields[id]!, numbers[i + 3]!, at);
    else checkScalar(t.name, t.fields[id]!, kind, numbers[i + 3]!, at);
  }
}

function checkScalar(name: string, field: string, kind: number, ref: number, at: number): void {
  switch (kind) {
    case KIND.ulong: {
      if (view.getUint32(at + 4, true) > 0x1f_ffff) fail(name, field, 'above 2^53 - 1');
      return;
    }
    case KIND.long: {
      const high = view.getInt32(at + 4, true);
      if (high > 0x1f_ffff || high < -0x20_0000 || (high === -0x20_0000 && view.getUint32(at, true) === 0)) {
        fail(name, field, 'beyond 2^53 - 1');
      }
      return;
    }
    case KIND.float: {
      if ((view.getUint32(at, true) & 0x7f80_0000) === 0x7f80_0000) fail(name, field, 'not a finite number');
      return;
    }
    case KIND.double: {
      if ((view.getUint32(at + 4, true) & 0x7ff0_0000) === 0x7ff0_0000)
        fail(name, field, 'not a finite number');
      return;
    }
    case KIND.bool:
      if (view.getUint8(at) > 1) fail(name, field, `${view.getUint8(at)} is no bool`);
      return;
    case KIND.enumeration:
      if (view.getUint8(at) >= ref) fail(name, field, `${view.getUint8(at)} is no value of its enum`);
      return;
  }
}

function checkStruct(name: string, field: string, ref: number, at: number): void {
  const members = shape.structs[ref]!;
  for (let i = 0; i < members.length; i += 3) {
    checkScalar(name, field, members[i + 1]!, members[i + 2]!, at + members[i]!);
  }
}

function checkString(name: string, field: string, slot: number): void {
  const at = indirect(name, field, slot);
  const length = view.getUint32(at, true);
  if (length >= end - 4 - at) fail(name, field, `string of ${length} bytes leads outside`);
  claim(name, field, at, length + 5);
  const stop = at + 4 + length;
  if (bytes[stop] !== 0) fail(name, field, 'string without its final NUL');
  if (!validUtf8(bytes, at + 4, stop)) fail(name, field, 'string is not UTF-8');
}

function checkVector(t: TableShape, id: number, slot: number, depth: number): void {
  const field = t.fields[id]!;
  const i = id * FIELD_NUMBERS;
  const kind = t.numbers[i]! - VECTOR;
  const size = t.numbers[i + 1]!;
  const ref = t.numbers[i + 3]!;
  const at = indirect(t.name, field, slot);
  const count = view.getUint32(at, true);
  // Divided, not multiplied: no length can overflow.
  if (count > (end - 4 - at) / size) fail(t.name, field, `vector of ${count} leads outside`);
  claim(t.name, field, at, 4 + count * size);
  const first = at + 4;
  if (count > 0 && ((first - base) & (t.numbers[i + 2]! - 1)) !== 0)
    fail(t.name, field, 'content not aligned');
  if (kind === KIND.plain) return;
  const stop = first + count * size;
  for (let p = first; p < stop; p += size) {
    if (kind === KIND.struct) checkStruct(t.name, field, ref, p);
    else if (kind === KIND.string) checkString(t.name, field, p);
    else if (kind === KIND.table) checkTable(ref, indirect(t.name, field, p), depth - 1);
    else checkScalar(t.name, field, kind, ref, p);
  }
}

function checkUnion(
  t: TableShape,
  id: number,
  table: number,
  size: number,
  typeOffset: number,
  offset: number,
  depth: number,
): void {
  const field = t.fields[id]!;
  if (typeOffset !== 0 && (typeOffset < 4 || typeOffset + 1 > size))
    fail(t.name, field, 'type outside its table');
  const type = typeOffset === 0 ? 0 : view.getUint8(table + typeOffset);
  if (type === 0) {
    if (offset !== 0) fail(t.name, field, 'a value without a type');
    if (t.numbers[id * FIELD_NUMBERS + 4] === 1) fail(t.name, field, 'required, but absent');
    return;
  }
  const members = shape.unions[t.numbers[id * FIELD_NUMBERS + 3]!]!;
  if (type >= members.length) fail(t.name, field, `${type} is no type of its union`);
  if (offset < 4 || offset + 4 > size) fail(t.name, field, 'a type without a value');
  const at = table + offset;
  if (((at - base) & 3) !== 0) fail(t.name, field, 'not aligned');
  checkTable(members[type]!, indirect(t.name, field, at), depth - 1);
}
