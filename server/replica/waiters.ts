interface Waiter {
  readonly number: number;
  readonly until: number;
  readonly done: (reached: boolean) => void;
}

/** Those who wait until this replica stands at a number, each until a time of its own. */
export class NumberWaiters {
  private readonly capacity: number;
  /** Lowest number first. */
  private waiters: Waiter[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.waiters.length;
  }

  /** False if too many wait already; `done` is then not called. */
  add(number: number, until: number, done: (reached: boolean) => void): boolean {
    if (this.waiters.length >= this.capacity) return false;
    let low = 0;
    for (let high = this.waiters.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.waiters[middle] as Waiter).number <= number) low = middle + 1;
      else high = middle;
    }
    this.waiters.splice(low, 0, { number, until, done });
    return true;
  }

  reached(number: number): void {
    let count = 0;
    while (count < this.waiters.length && (this.waiters[count] as Waiter).number <= number) count++;
    if (count === 0) return;
    for (const { done } of this.waiters.splice(0, count)) done(true);
  }

  expire(now: number): void {
    if (!this.waiters.some(({ until }) => until <= now)) return;
    const late = this.waiters.filter(({ until }) => until <= now);
    this.waiters = this.waiters.filter(({ until }) => until > now);
    for (const { done } of late) done(false);
  }
}
