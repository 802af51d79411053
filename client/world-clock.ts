/** The world's clock as a client can know it. Pure. */

/**
 * How far the world's clock is ahead of ours, as the fastest delivery of late shows it: a command that was held up on its
 * way makes the clock look slow, never fast. It forgets slowly, so that a leader with another clock is followed.
 */
export class WorldClock {
  #offset: number | null = null;
  #at = 0;

  heard(worldTime: number, now: number): void {
    const offset = worldTime - now;
    if (this.#offset === null || offset > this.#offset || this.#offset - offset > 2_000)
      this.#offset = offset;
    // 1 % of the difference each 50 ms: a lasting change is followed within some seconds.
    else this.#offset += (offset - this.#offset) * Math.min(0.5, (now - this.#at) / 5_000);
    this.#at = now;
  }

  /** World time now, or null before the first command. */
  time(now: number): number | null {
    return this.#offset === null ? null : now + this.#offset;
  }
}
