/**
 * Gives each number a place: 0, 1, 2 … in the order they came. Open addressing over typed arrays, because the largest
 * explorations hold tens of millions.
 */
export class NumberIndex {
  private slots: Int32Array = new Int32Array(1 << 12).fill(-1);
  private keys: Float64Array = new Float64Array(1 << 11);
  size = 0;

  /** The place of a number; `size` grows by one if it is new. */
  place(key: number): number {
    let slot = this.find(key);
    const known = this.slots[slot]!;
    if (known !== -1) return known;
    if (this.size === this.keys.length) {
      this.grow();
      slot = this.find(key);
    }
    this.slots[slot] = this.size;
    this.keys[this.size] = key;
    return this.size++;
  }

  /** The number at a place. */
  key(place: number): number {
    return this.keys[place]!;
  }

  private find(key: number): number {
    const mask = this.slots.length - 1;
    let slot = hash(key) & mask;
    for (;;) {
      const place = this.slots[slot]!;
      if (place === -1 || this.keys[place] === key) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const keys = new Float64Array(this.keys.length * 2);
    keys.set(this.keys);
    this.keys = keys;
    this.slots = new Int32Array(keys.length * 2).fill(-1);
    for (let place = 0; place < this.size; place++) this.slots[this.find(keys[place]!)] = place;
  }
}

function hash(key: number): number {
  const high = Math.floor(key / 4294967296);
  const low = key - high * 4294967296;
  let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
