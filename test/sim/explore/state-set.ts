import { NumberIndex } from './number-index.ts';

/** Global states seen so far, each with its place in the order of arrival and where it came from: 24 bytes a state. */
export class StateSet {
  private readonly index = new NumberIndex();
  private parents: Int32Array = new Int32Array(1 << 11);
  private actions: Int32Array = new Int32Array(1 << 11);

  get size(): number {
    return this.index.size;
  }

  /** Notes the way to a state if it is new. */
  add(key: number, parent: number, action: number): void {
    const before = this.index.size;
    const place = this.index.place(key);
    if (place < before) return;
    if (place === this.parents.length) {
      this.parents = doubled(this.parents);
      this.actions = doubled(this.actions);
    }
    this.parents[place] = parent;
    this.actions[place] = action;
  }

  key(place: number): number {
    return this.index.key(place);
  }

  /** Actions from the first state to this one. */
  path(place: number): number[] {
    const actions: number[] = [];
    for (let at = place; this.parents[at]! >= 0; at = this.parents[at]!) actions.push(this.actions[at]!);
    return actions.reverse();
  }
}

function doubled(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
