interface Entry<T> {
  readonly time: number;
  readonly order: number;
  readonly value: T;
}

/** A heap of what happens when; equal times come out in the order they were put in, so a run repeats exactly. */
export class EventQueue<T> {
  private readonly heap: Entry<T>[] = [];
  private order = 0;

  get size(): number {
    return this.heap.length;
  }

  get nextTime(): number {
    return this.heap[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  push(time: number, value: T): void {
    const entry = { time, order: this.order++, value };
    let at = this.heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, this.heap[parent]!)) break;
      this.heap[at] = this.heap[parent]!;
      at = parent;
    }
    this.heap[at] = entry;
  }

  pop(): T | undefined {
    const top = this.heap[0];
    const last = this.heap.pop();
    if (top === undefined || last === undefined) return undefined;
    if (this.heap.length > 0) this.sink(last);
    return top.value;
  }

  private sink(entry: Entry<T>): void {
    const size = this.heap.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(this.heap[child + 1]!, this.heap[child]!)) child++;
      if (!before(this.heap[child]!, entry)) break;
      this.heap[at] = this.heap[child]!;
      at = child;
    }
    this.heap[at] = entry;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
