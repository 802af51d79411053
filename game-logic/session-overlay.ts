/** Sessions as a leader state knows them: M's, and over them those that open commands wrote. */
import { Session } from './sessions.ts';

/** What it lies on: M. */
export interface SessionBase {
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

  constructor(base: SessionBase) {
    this.base = base;
    this.count = base.sessionCount();
  }

  /** Entries held; 0 when the base has applied everything. */
  get size(): number {
    return this.entries.size;
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

  /** Forgets the entry unless a command above `number` wrote it. */
  forget(id: string, number: number): void {
    const entry = this.entries.get(id);
    if (entry !== undefined && entry.writer <= number) this.entries.delete(id);
  }
}
