/**
 * Who is told the time. Those awake are told at every tick; a sleeper again from a time of its own on, or when something comes
 * for it (`wake`). What sleeps costs nothing between two looks at the list, which are made when the first of them is due.
 */
export class Rota<T> {
  readonly #awake = new Set<T>();
  readonly #sleepers = new Map<T, number>();
  /** No sleeper is due before. */
  #earliest = Number.POSITIVE_INFINITY;

  /** Those to be told the time; may change while it is walked. */
  get awake(): Iterable<T> {
    return this.#awake;
  }

  get asleep(): number {
    return this.#sleepers.size;
  }

  wake(one: T): void {
    this.#sleepers.delete(one);
    this.#awake.add(one);
  }

  /** Until `until`, by the clock that `look` is given; Infinity: until it is woken. */
  sleep(one: T, until: number): void {
    this.#awake.delete(one);
    this.#sleepers.set(one, until);
    this.#earliest = Math.min(this.#earliest, until);
  }

  /** Wakes those whose time has come; returns them. */
  due(now: number): T[] {
    if (now < this.#earliest) return [];
    const due: T[] = [];
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const [one, until] of this.#sleepers) {
      if (until <= now) due.push(one);
      else this.#earliest = Math.min(this.#earliest, until);
    }
    for (const one of due) this.wake(one);
    return due;
  }
}
