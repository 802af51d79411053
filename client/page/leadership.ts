/** What the stream of commands tells of the servers behind it: who leads, how often that changed, how long the world stood still. Pure. */

export interface Ballot {
  readonly round: number;
  readonly region: string;
}

/** Without a command for so long the world was quiet anyway: the time until the next one is no pause. */
const QUIET_MS = 1_000;

export class Leadership {
  ballot: Ballot | null = null;
  /** Changes of leader that this page lived through. */
  changes = 0;
  /** Milliseconds of world time without a command at the last change; null before the first and where it cannot be told. */
  pauseMs: number | null = null;
  #lastAt: number | null = null;
  #lastGapMs = Number.POSITIVE_INFINITY;

  /**
   * A command of the leader that holds `ballot`, made at world time `time`: not when it arrived here, for what is caught up
   * arrives all at once. True if the leader changed with it.
   */
  command(ballot: Ballot, time: number): boolean {
    const gapMs = this.#lastAt === null ? Number.POSITIVE_INFINITY : time - this.#lastAt;
    const before = this.ballot;
    const changed = before !== null && (before.round !== ballot.round || before.region !== ballot.region);
    if (changed) {
      this.changes++;
      this.pauseMs = this.#lastGapMs < QUIET_MS && this.#lastAt !== null ? gapMs : null;
    }
    this.ballot = ballot;
    this.#lastAt = time;
    this.#lastGapMs = gapMs;
    return changed;
  }

  /** Commands were skipped: the next one says nothing of a pause. */
  skipped(): void {
    this.#lastAt = null;
  }
}
