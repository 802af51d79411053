/**
 * Writes valid FlatBuffers bytes forwards, straight into a slab: a table first, then what it points to. Positions are
 * absolute in the slab; a message begins at a multiple of 8, so they are aligned as the format asks.
 */
import { SchemaError } from './errors.ts';
import type { Layout } from './layout.ts';
import { MAX_BUFFER, SLAB_BYTES } from './limits.ts';
import { writeUtf8 } from './utf8.ts';

/** A message is begun in a slab only where this much is left, so that most need not be moved. */
const SLAB_REST = 2_048;

let serials = 0;

/**
 * Results are subarrays of shared slabs: messages written one after the other lie side by side. A slab is never
 * written twice, so results stay as they are. Not re-entrant: begin … finish is one unit.
 */
export class Writer {
  bytes: Uint8Array;
  view: DataView;
  /** Next free byte. */
  pos = 0;
  /** Names the message under way; layouts use it to know whether their vtable is in it already. */
  serial = 0;
  private start = 0;
  /** Nothing at or after this was written to in the message under way. */
  private limit = 0;

  constructor() {
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Starts a message; `prefixed`: its length stands before it. What an earlier, failed message left is wiped. */
  begin(prefixed: boolean): void {
    if (this.limit > this.start) this.bytes.fill(0, this.start, this.limit);
    // A slab made larger for one message is left to that message alone.
    if (this.bytes.length !== SLAB_BYTES || this.start + SLAB_REST > SLAB_BYTES) {
      this.bytes = new Uint8Array(SLAB_BYTES);
      this.view = new DataView(this.bytes.buffer);
      this.start = 0;
    }
    this.serial = ++serials;
    this.pos = this.start + (prefixed ? 8 : 4);
    this.limit = this.pos;
  }

  /** Ends the message whose root table stands at `root`. A prefixed one is padded to a multiple of 8 bytes. */
  finish(root: number, prefixed: boolean): Uint8Array {
    const start = this.start;
    let end = this.pos;
    if (prefixed) {
      end = (end + 7) & ~7;
      this.view.setUint32(start, end - start - 4, true);
      this.view.setUint32(start + 4, root - start - 4, true);
    } else {
      this.view.setUint32(start, root - start, true);
    }
    this.start = (end + 7) & ~7;
    this.limit = this.start;
    return this.bytes.subarray(start, end);
  }

  /** Makes room for `count` bytes from `pos` on, padding up to 8 included. Positions stay as they are. */
  reserve(count: number): void {
    const need = this.pos + count + 16;
    if (need > this.bytes.length) this.grow(need);
    if (need > this.limit) this.limit = need;
  }

  /** A larger slab for the message under way, at the same position, so that every position taken so far holds. */
  private grow(need: number): void {
    if (need - this.start > MAX_BUFFER) {
      throw new SchemaError('bad-value', '', `a message of more than ${MAX_BUFFER} bytes`);
    }
    const bytes = new Uint8Array(Math.max(need, this.start + 2 * (this.pos - this.start)) + 1024);
    bytes.set(this.bytes.subarray(this.start, this.limit), this.start);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** Puts an empty table of this layout, with its vtable before it unless this message has one; returns its position. */
  table(layout: Layout): number {
    const vtable = layout.vtable;
    this.reserve(2 * vtable.length + layout.size);
    if (layout.serial !== this.serial) {
      const place = (this.pos + 1) & ~1;
      for (let i = 0; i < vtable.length; i++) this.view.setUint16(place + 2 * i, vtable[i]!, true);
      this.pos = place + 2 * vtable.length;
      layout.serial = this.serial;
      layout.place = place;
    }
    const table = layout.wide ? ((this.pos + 3) & ~7) + 4 : (this.pos + 3) & ~3;
    this.view.setInt32(table, table - layout.place, true);
    this.pos = table + layout.size;
    return table;
  }

  /** Points the offset at `slot` to `target`, which lies behind it. */
  link(slot: number, target: number): void {
    this.view.setUint32(slot, target - slot, true);
  }

  /** Appends a string and points `slot` to it. Throws bad-value on a lone surrogate, naming `where`. */
  text(slot: number, value: string, where: string): void {
    this.reserve(3 * value.length + 5);
    const at = (this.pos + 3) & ~3;
    const end = writeUtf8(this.bytes, at + 4, value, where);
    this.view.setUint32(slot, at - slot, true);
    this.view.setUint32(at, end - at - 4, true);
    this.pos = end + 1;
  }

  /** Appends a vector of bytes whose content begins at a multiple of `align`, and points `slot` to it. */
  blob(slot: number, value: Uint8Array, align: number): void {
    const at = this.vector(slot, value.length, 1, align);
    this.bytes.set(value, at);
  }

  /** Appends a vector of `count` zeroed elements and points `slot` to it; returns the first element's position. */
  vector(slot: number, count: number, size: number, align: number): number {
    this.reserve(count * size + 4);
    const at = align === 8 ? ((this.pos + 3) & ~7) + 4 : (this.pos + 3) & ~3;
    this.view.setUint32(slot, at - slot, true);
    this.view.setUint32(at, count, true);
    this.pos = at + 4 + count * size;
    return at + 4;
  }
}

/** Puts a 64-bit unsigned integer given as a safe one. */
export function putUlong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Puts a 64-bit signed integer given as a safe one. */
export function putLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
