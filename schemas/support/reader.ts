/** Reads verified FlatBuffers bytes. Positions are absolute in the underlying ArrayBuffer. */
import { readUtf8 } from './utf8.ts';

/** One underlying buffer, seen both ways. */
export interface Source {
  readonly buffer: ArrayBufferLike;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

let last: Source = wrap(new ArrayBuffer(0));

function wrap(buffer: ArrayBufferLike): Source {
  return { buffer, view: new DataView(buffer), bytes: new Uint8Array(buffer) };
}

/** The views of the buffer under `bytes`; the last one is remembered, for messages of one frame share it. */
export function sourceOf(bytes: Uint8Array): Source {
  if (last.buffer !== bytes.buffer || last.bytes.length !== bytes.buffer.byteLength)
    last = wrap(bytes.buffer);
  return last;
}

/** Where field `id` of the table at `table` lies; 0 if absent. */
export function fieldAt(view: DataView, table: number, id: number): number {
  const vtable = table - view.getInt32(table, true);
  const entry = 4 + 2 * id;
  if (entry >= view.getUint16(vtable, true)) return 0;
  const offset = view.getUint16(vtable + entry, true);
  return offset === 0 ? 0 : table + offset;
}

/** The same where the vtable and its length are known: generated code reads many fields of one table. */
export function entryAt(
  view: DataView,
  table: number,
  vtable: number,
  length: number,
  entry: number,
): number {
  if (entry >= length) return 0;
  const offset = view.getUint16(vtable + entry, true);
  return offset === 0 ? 0 : table + offset;
}

/** The target of the offset at `slot`. */
export function target(view: DataView, slot: number): number {
  return slot + view.getUint32(slot, true);
}

/** Bit i is set if field i is present, for the first `count` fields. */
export function presentMask(view: DataView, table: number, count: number): number {
  const vtable = table - view.getInt32(table, true);
  const held = Math.min(count, (view.getUint16(vtable, true) - 4) >> 1);
  let mask = 0;
  for (let i = 0; i < held; i++) {
    if (view.getUint16(vtable + 4 + 2 * i, true) !== 0) mask |= 1 << i;
  }
  return mask;
}

export function readUlong(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

export function readLong(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/**
 * Short strings come again and again: sessions, actions, keys. The last one with each hash is kept, so that most need not be
 * made anew and a Map that is asked for one need not hash it. 4,096 strings of 32 units are 256 KiB.
 */
const NAMES: string[] = new Array<string>(4_096).fill('');
const NAME_BYTES = 32;

/** The string to which the offset at `slot` points; '' where `slot` is 0 (absent). */
export function readText(source: Source, slot: number): string {
  if (slot === 0) return '';
  const { bytes, view } = source;
  const at = slot + view.getUint32(slot, true);
  const length = view.getUint32(at, true);
  return length > NAME_BYTES ? readUtf8(bytes, at + 4, at + 4 + length) : readName(bytes, at + 4, length);
}

function readName(bytes: Uint8Array, start: number, length: number): string {
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[start + i]!, 0x85eb_ca6b) ^ (hash >>> 15);
  const place = (hash ^ (hash >>> 13)) & 4_095;
  const known = NAMES[place]!;
  if (known.length === length) {
    let i = 0;
    // What is kept is plain characters only, and no byte of another character equals one of them.
    while (i < length && known.charCodeAt(i) === bytes[start + i]) i++;
    if (i === length) return known;
  }
  const text = readUtf8(bytes, start, start + length);
  // Only plain characters are as many units as bytes.
  if (text.length === length) NAMES[place] = text;
  return text;
}

const NO_BYTES = new Uint8Array(0);

/** The bytes of the vector to which the offset at `slot` points, not copied; empty where `slot` is 0 (absent). */
export function readBlob(source: Source, slot: number): Uint8Array {
  if (slot === 0) return NO_BYTES;
  const at = slot + source.view.getUint32(slot, true);
  return source.bytes.subarray(at + 4, at + 4 + source.view.getUint32(at, true));
}
