/** The timers of a world, part of its state: they survive failover because every replica holds them. */
import { hashBegin, hashFinish, hashNumber, hashText } from '../schemas/support/hash.ts';
import type { Digest } from '../schemas/support/types.ts';
import { HASH_KIND } from './hash-kinds.ts';
import type { TimerView } from './types.ts';

const before = (a: TimerView, b: TimerView): boolean => a.due < b.due || (a.due === b.due && a.id < b.id);

/** Timers by id, the next due first; equal due in order of id. A binary heap that drops cancelled timers when they come up. */
export class TimerQueue {
  private readonly byId = new Map<number, TimerView>();
  private heap: TimerView[] = [];

  get size(): number {
    return this.byId.size;
  }

  get(id: number): TimerView | undefined {
    return this.byId.get(id);
  }

  all(): IterableIterator<TimerView> {
    return this.byId.values();
  }

  add(timer: TimerView): void {
    this.byId.set(timer.id, timer);
    this.heap.push(timer);
    this.up(this.heap.length - 1);
  }

  remove(id: number): TimerView | undefined {
    const timer = this.byId.get(id);
    if (timer === undefined) return undefined;
    this.byId.delete(id);
    // Cancelled timers wait in the heap until they come up; without this a world that sets and cancels would grow.
    if (this.heap.length > 2 * this.byId.size + 64) this.rebuild();
    return timer;
  }

  /** The timer due next, whenever that is. */
  next(): TimerView | undefined {
    for (;;) {
      const top = this.heap[0];
      if (top === undefined || this.byId.get(top.id) === top) return top;
      this.pop();
    }
  }

  copy(): TimerQueue {
    const copy = new TimerQueue();
    for (const timer of this.byId.values()) copy.add(timer);
    return copy;
  }

  private rebuild(): void {
    this.heap = [];
    for (const timer of this.byId.values()) {
      this.heap.push(timer);
      this.up(this.heap.length - 1);
    }
  }

  private pop(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.down();
  }

  private up(from: number): void {
    const { heap } = this;
    const timer = heap[from]!;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  private down(): void {
    const { heap } = this;
    const timer = heap[0]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, timer)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = timer;
  }
}

/** Adds (1) or takes away (-1) a timer's hash. */
export function hashTimer(timer: TimerView, digest: Digest, sign: 1 | -1): void {
  hashBegin(HASH_KIND.timer);
  hashNumber(0, timer.id);
  hashNumber(1, timer.due);
  hashText(2, timer.name);
  hashText(3, timer.args);
  hashFinish(digest, sign);
}
