/**
 * Sessions as a leader state knows them: M's, and over them those that open commands wrote. As in overlay.ts an entry whose
 * writer M has applied is spent, says the same as M, and stays for a while because the next command of its session follows.
 */
import { Session } from './sessions.ts';

/** Fewer entries are not swept. */
const FEW_ENTRIES = 1_024;

/** What it lies on: M. */
export interface SessionBase {
  /** Last command applied. */
  readonly number: number;
  session(id: string): Session | undefined;
  sessions(): IterableIterator<{ readonly id: string }>;
  sessionCount(): number;
}

interface Entry {
  /** null: ended. */
  session: Session | null;
  writer: number;
}

export class SessionOverlay {
  /** Sessions there are, base and overlay together. */
  count: number;
  private readonly base: SessionBase;
  private readonly entries = new Map<string, Entry>();
  /** Sweep when there are more entries than this. */
  private sweepAbove = FEW_ENTRIES;

  constructor(base: SessionBase) {
    this.base = base;
    this.count = base.sessionCount();
  }

  /** Sessions that commands above the base wrote; 0 when it has applied everything. */
  get open(): number {
    let open = 0;
    for (const { writer } of this.entries.values()) if (writer > this.base.number) open++;
    return open;
  }

  get(id: string): Session | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined) return this.base.session(id);
    return entry.session ?? undefined;
  }

  *all(): IterableIterator<Session> {
    for (const { id } of this.base.sessions()) {
      const session = this.get(id);
      if (session !== undefined) yield session;
    }
    for (const [id, { session }] of this.entries)
      if (session !== null && this.base.session(id) === undefined) yield session;
  }

  writable(id: string, number: number): Session {
    const entry = this.entries.get(id);
    if (entry === undefined) {
      const under = this.base.session(id);
      if (under === undefined) this.count++;
      const session = new Session(id, under ?? null);
      this.entries.set(id, { session, writer: number });
      return session;
    }
    entry.writer = number;
    if (entry.session === null) {
      this.count++;
      // Not the base's: that one has ended, whether or not the base knows it yet.
      entry.session = new Session(id, null);
    }
    return entry.session;
  }

  drop(id: string, number: number): Session | undefined {
    const session = this.get(id);
    if (session === undefined) return undefined;
    this.count--;
    this.entries.set(id, { session: null, writer: number });
    return session;
  }

  /** The base has moved: lets spent entries go where there are many. */
  sweep(): void {
    if (this.entries.size <= this.sweepAbove) return;
    for (const [id, { writer }] of this.entries) if (writer <= this.base.number) this.entries.delete(id);
    this.sweepAbove = Math.max(FEW_ENTRIES, 2 * this.entries.size);
  }
}
