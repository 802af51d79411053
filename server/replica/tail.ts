import { lengthAt } from '../../schemas/support/envelope.ts';

/** Commands that were applied together, end to end. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of the last applied commands, for clients that catch up; the oldest go when the bound is reached. Kept as the
 * batches they came in, for an object of its own for each of tens of thousands of commands would keep the collector busy.
 */
export class CommandTail {
  private readonly capacity: number;
  private runs: Run[] = [];
  /** Index of the oldest run held, and number of its first command. */
  private head = 0;
  private firstNumber: number;
  private next: number;
  private bytes = 0;

  /** `next`: number of the first command that will be added. */
  constructor(next: number, capacity: number) {
    this.firstNumber = next;
    this.next = next;
    this.capacity = capacity;
  }

  /** Number of the oldest command held; one above the last where none is. */
  get first(): number {
    return this.firstNumber;
  }

  /** The next `count` commands, end to end. */
  add(bytes: Uint8Array, count: number): void {
    this.runs.push({ first: this.next, last: this.next + count - 1, bytes });
    this.next += count;
    this.bytes += bytes.length;
    while (this.bytes > this.capacity && this.head < this.runs.length - 1) {
      const oldest = this.runs[this.head++] as Run;
      this.bytes -= oldest.bytes.length;
      this.firstNumber = oldest.last + 1;
    }
    if (this.head > 512 && this.head > this.runs.length / 2) {
      this.runs = this.runs.slice(this.head);
      this.head = 0;
    }
  }

  /** Commands from..to, fewer when `bytes` is reached, at least one if there is one; undefined if `from` is older than what is held. */
  read(from: number, to: number, bytes: number): Uint8Array[] | undefined {
    if (from < this.firstNumber) return undefined;
    const out: Uint8Array[] = [];
    let total = 0;
    for (let at = this.find(from); at < this.runs.length; at++) {
      const run = this.runs[at] as Run;
      for (let number = run.first, start = 0; number <= run.last; number++) {
        if (number > to) return out;
        const end = start + lengthAt(run.bytes, start);
        if (number >= from) {
          total += end - start;
          if (out.length > 0 && total > bytes) return out;
          out.push(run.bytes.subarray(start, end));
        }
        start = end;
      }
    }
    return out;
  }

  /** Index of the run that holds `number`, or of the place behind all. */
  private find(number: number): number {
    let low = this.head;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.runs[middle] as Run).last < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
