/** Where the fields of a FlatBuffers table lie, for each set of fields that is present. */
import { MAX_LAYOUTS } from './limits.ts';

/** One table shape for one set of present fields. */
export interface Layout {
  readonly mask: number;
  /** The vtable as it stands in the buffer: its length, the table's length, one offset a field; trailing absent fields cut off. */
  readonly vtable: Uint16Array;
  /** Bytes of the table, the offset to the vtable included. */
  readonly size: number;
  /** Holds a field of alignment 8, so that the table must begin at 4 modulo 8. */
  readonly wide: boolean;
  /** Offset in the table for each field; 0: absent. */
  readonly at: Int32Array;
  /** In which message, and where there, the writer last put this vtable: equal shapes in one message share it. */
  serial: number;
  place: number;
}

/** The layouts of one table type. Field i has sizes[i] bytes (0: no such field) and aligns[i]. At most 31 fields. */
export class Layouts {
  private readonly sizes: readonly number[];
  private readonly aligns: readonly number[];
  private readonly known = new Map<number, Layout>();
  private last: Layout;

  constructor(sizes: readonly number[], aligns: readonly number[]) {
    this.sizes = sizes;
    this.aligns = aligns;
    this.last = this.compute(0);
  }

  /** The layout of the fields in `mask`. */
  of(mask: number): Layout {
    if (this.last.mask === mask) return this.last;
    let layout = this.known.get(mask);
    if (layout === undefined) {
      layout = this.compute(mask);
      if (this.known.size < MAX_LAYOUTS) this.known.set(mask, layout);
    }
    this.last = layout;
    return layout;
  }

  /** Widest fields first, so that no byte between fields is lost. */
  private compute(mask: number): Layout {
    const at = new Int32Array(this.sizes.length);
    let next = 4;
    let count = 0;
    let wide = false;
    for (const align of [8, 4, 2, 1]) {
      for (let i = 0; i < this.sizes.length; i++) {
        if ((mask & (1 << i)) === 0 || this.aligns[i] !== align) continue;
        at[i] = next;
        next += this.sizes[i]!;
        if (align === 8) wide = true;
        if (i >= count) count = i + 1;
      }
    }
    const vtable = new Uint16Array(2 + count);
    vtable[0] = 4 + 2 * count;
    vtable[1] = next;
    for (let i = 0; i < count; i++) vtable[2 + i] = at[i]!;
    return { mask, vtable, size: next, wide, at, serial: 0, place: 0 };
  }
}
