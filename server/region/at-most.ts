/** What may be said about each of a few at most once in a while: a peer that repeats itself must not fill the log. */
export class AtMostEvery {
  readonly #ms: number;
  readonly #last = new Map<number, number>();

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Whether it may be said about `one` again at `now`; then it counts as said. */
  due(one: number, now: number): boolean {
    if (now - (this.#last.get(one) ?? Number.NEGATIVE_INFINITY) < this.#ms) return false;
    this.#last.set(one, now);
    return true;
  }
}
