/** When the world's tick is due. Ticks that were missed, in a pause or behind a slow one, are not made up for. */
export class TickSchedule {
  private readonly everyMs: number | null;
  private next = 0;

  constructor(everyMs: number | null) {
    this.everyMs = everyMs;
  }

  start(now: number): void {
    this.next = now;
  }

  due(now: number): boolean {
    return this.everyMs !== null && now >= this.next;
  }

  get dueAt(): number {
    return this.everyMs === null ? Number.POSITIVE_INFINITY : this.next;
  }

  /** The tick due at `now` has run; the next one keeps the beat unless that lies in the past. */
  ran(now: number): void {
    const every = this.everyMs ?? 0;
    this.next += every;
    if (this.next <= now) this.next = now + every;
  }

  pause(now: number, ms: number): void {
    this.next = Math.max(this.next, now + ms);
  }
}
