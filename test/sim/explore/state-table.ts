import { Column } from './column.ts';
import type { Node } from './nodes.ts';

const NONE = -1;
/** In the column of restarts: another state that can do the same and more came later. */
const COVERED = -1;

/**
 * Global states in the order they were reached, and where each came from: 4 bytes a device and 12 more. States whose devices are
 * equal are a list, and differ in the messages on their way and in the restarts used. Whatever happens after one of them can
 * also happen after another with the same devices, no fewer messages and no more restarts used, for messages can always be
 * late for ever. So only those that no other covers are kept (but for `whole`, where each counts).
 */
export class StateTable {
  private readonly nodes: readonly Node[];
  private readonly whole: boolean;
  private readonly columns: readonly Column[];
  private readonly used = new Column();
  private readonly parents = new Column();
  private readonly following = new Column();
  /** Lists of states, one for each tuple of device states. */
  private readonly tuples: readonly Column[];
  private readonly firsts = new Column();
  private slots: Int32Array = new Int32Array(1 << 12).fill(NONE);
  /** States that were covered by a later one before their turn came. */
  covered = 0;

  constructor(nodes: readonly Node[], devices: number, whole: boolean) {
    this.nodes = nodes;
    this.whole = whole;
    this.columns = Array.from({ length: devices }, () => new Column());
    this.tuples = Array.from({ length: devices }, () => new Column());
  }

  get size(): number {
    return this.parents.length;
  }

  /** Distinct tuples of device states. */
  get tupleCount(): number {
    return this.firsts.length;
  }

  /** Node of a device in a state. */
  node(index: number, device: number): Node {
    return this.nodes[this.columns[device]!.get(index)]!;
  }

  /** Restarts used, -1 where the state need not be looked at any more. */
  restarts(index: number): number {
    return this.used.get(index);
  }

  parent(index: number): number {
    return this.parents.get(index);
  }

  /** Takes a state in unless it brings nothing new. `fresh` is called before, where the tuple of device states is new. */
  add(state: readonly Node[], restarts: number, parent: number, fresh: () => void): void {
    const tuple = this.tupleOf(state, fresh);
    let before = NONE;
    for (let other = this.firsts.get(tuple); other !== NONE; ) {
      const next = this.following.get(other);
      if (this.covers(other, state, restarts)) return;
      if (!this.whole && this.isCovered(other, state, restarts)) {
        this.used.set(other, COVERED);
        this.covered++;
        if (before === NONE) this.firsts.set(tuple, next);
        else this.following.set(before, next);
      } else before = other;
      other = next;
    }
    const index = this.size;
    for (let device = 0; device < state.length; device++) this.columns[device]!.push(state[device]!.id);
    this.used.push(restarts);
    this.parents.push(parent);
    this.following.push(this.firsts.get(tuple));
    this.firsts.set(tuple, index);
  }

  private covers(index: number, state: readonly Node[], restarts: number): boolean {
    const used = this.used.get(index);
    if (this.whole ? used !== restarts : used > restarts) return false;
    for (let device = 0; device < state.length; device++) {
      const node = this.node(index, device);
      if (node !== state[device] && (this.whole || !holds(node.inbox, state[device]!.inbox))) return false;
    }
    return true;
  }

  private isCovered(index: number, state: readonly Node[], restarts: number): boolean {
    if (restarts > this.used.get(index)) return false;
    for (let device = 0; device < state.length; device++) {
      const node = this.node(index, device);
      if (node !== state[device] && !holds(state[device]!.inbox, node.inbox)) return false;
    }
    return true;
  }

  private tupleOf(state: readonly Node[], fresh: () => void): number {
    let slot = this.find(state);
    const known = this.slots[slot]!;
    if (known !== NONE) return known;
    fresh();
    const tuple = this.firsts.length;
    if (tuple * 2 >= this.slots.length) {
      this.grow();
      slot = this.find(state);
    }
    this.slots[slot] = tuple;
    for (let device = 0; device < state.length; device++) this.tuples[device]!.push(state[device]!.state.id);
    this.firsts.push(NONE);
    return tuple;
  }

  private find(state: readonly Node[]): number {
    let hash = 0;
    for (const node of state) hash = mixed(hash, node.state.id);
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const tuple = this.slots[slot]!;
      if (tuple === NONE || this.equals(tuple, state)) return slot;
    }
  }

  private equals(tuple: number, state: readonly Node[]): boolean {
    for (let device = 0; device < state.length; device++)
      if (this.tuples[device]!.get(tuple) !== state[device]!.state.id) return false;
    return true;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(NONE);
    const mask = this.slots.length - 1;
    for (let tuple = 0; tuple < this.firsts.length; tuple++) {
      let hash = 0;
      for (const column of this.tuples) hash = mixed(hash, column.get(tuple));
      let slot = hash & mask;
      while (this.slots[slot] !== NONE) slot = (slot + 1) & mask;
      this.slots[slot] = tuple;
    }
  }
}

/** Both ascending: is each of `part` in `all`? */
function holds(all: readonly number[], part: readonly number[]): boolean {
  if (part.length > all.length) return false;
  let at = 0;
  for (const id of part) {
    while (at < all.length && all[at]! < id) at++;
    if (all[at] !== id) return false;
    at++;
  }
  return true;
}

function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ value, 0x85ebca6b);
  next ^= next >>> 13;
  next = Math.imul(next, 0xc2b2ae35);
  return next ^ (next >>> 16);
}
