/**
 * Numbers seen so far, each with its order of arrival and where it came from: open addressing over typed arrays, 24 bytes a
 * state, because the largest explorations hold tens of millions.
 */
export class StateSet {
  private slots: Int32Array = new Int32Array(1 << 16).fill(-1);
  private keys: Float64Array = new Float64Array(1 << 15);
  private parents: Int32Array = new Int32Array(1 << 15);
  private actions: Int32Array = new Int32Array(1 << 15);
  size = 0;

  /** The index of a new state, or -1 if it was here before. */
  add(key: number, parent: number, action: number): number {
    if (this.size === this.keys.length) this.grow();
    const slot = this.find(key);
    if (this.slots[slot] !== -1) return -1;
    const index = this.size++;
    this.slots[slot] = index;
    this.keys[index] = key;
    this.parents[index] = parent;
    this.actions[index] = action;
    return index;
  }

  key(index: number): number {
    return this.keys[index]!;
  }

  /** Actions from the first state to this one. */
  path(index: number): number[] {
    const actions: number[] = [];
    for (let at = index; this.parents[at]! >= 0; at = this.parents[at]!) actions.push(this.actions[at]!);
    return actions.reverse();
  }

  private find(key: number): number {
    const mask = this.slots.length - 1;
    let slot = hash(key) & mask;
    for (;;) {
      const index = this.slots[slot]!;
      if (index === -1 || this.keys[index] === key) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const length = this.keys.length * 2;
    this.keys = copyInto(new Float64Array(length), this.keys);
    this.parents = copyInto(new Int32Array(length), this.parents);
    this.actions = copyInto(new Int32Array(length), this.actions);
    this.slots = new Int32Array(length * 2).fill(-1);
    for (let index = 0; index < this.size; index++) this.slots[this.find(this.keys[index]!)] = index;
  }
}

function copyInto<T extends Float64Array | Int32Array>(target: T, source: T): T {
  target.set(source as never);
  return target;
}

function hash(key: number): number {
  const low = (key % 4294967296) | 0;
  const high = (key / 4294967296) | 0;
  let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
