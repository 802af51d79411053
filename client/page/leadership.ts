/** What the stream of commands tells of the servers behind it: who leads, how often that changed, how long the world stood still. Pure. */

export interface Ballot {
  readonly round: number;
  readonly region: string;
}

export class Leadership {
  ballot: Ballot | null = null;
  /** Changes of leader that this page lived through. */
  changes = 0;
  /** Milliseconds without a command at the last change; null before the first. */
  pauseMs: number | null = null;
  #lastAt: number | null = null;

  /** A command of the leader that holds `ballot`, seen at `now`. True if the leader changed with it. */
  command(ballot: Ballot, now: number): boolean {
    const before = this.ballot;
    const changed = before !== null && (before.round !== ballot.round || before.region !== ballot.region);
    if (changed) {
      this.changes++;
      this.pauseMs = this.#lastAt === null ? null : now - this.#lastAt;
    }
    this.ballot = ballot;
    this.#lastAt = now;
    return changed;
  }

  /** Commands were skipped: the next one says nothing of a pause. */
  skipped(): void {
    this.#lastAt = null;
  }
}
