import type { LeaderStateLike } from '../../game-logic/types.ts';

interface Report {
  readonly sessions: ReadonlySet<string>;
  readonly at: number;
}

export interface PresenceLimits {
  readonly graceMs: number;
  readonly staleMs: number;
}

const NOBODY: ReadonlySet<string> = new Set();

/**
 * Who is connected anywhere, by the lists of the regions; from it follow joins and leaves. Lists are whole, so one that is
 * lost costs nothing but time. Times are those of the host's monotonic clock.
 */
export class Presence {
  private readonly limits: PresenceLimits;
  private reports: Report[];
  /** Sessions to look at: one that connected may have to join, one that said good-bye to leave. */
  private readonly arrived = new Set<string>();
  private readonly goodbye = new Set<string>();
  /** Since when a session has been without a connection, oldest first. */
  private readonly absent = new Map<string, number>();

  constructor(regions: number, limits: PresenceLimits) {
    this.limits = limits;
    this.reports = Array.from({ length: regions }, () => ({ sessions: NOBODY, at: 0 }));
  }

  /** A new leadership: every session that the world knows as joined is absent until a region reports it. */
  start(state: LeaderStateLike, now: number): void {
    this.arrived.clear();
    this.goodbye.clear();
    this.absent.clear();
    this.reports = this.reports.map(() => ({ sessions: NOBODY, at: now }));
    for (const session of state.sessions()) if (session.joined) this.absent.set(session.id, now);
  }

  connected(session: string): boolean {
    return this.reports.some((report) => report.sessions.has(session));
  }

  report(region: number, sessions: readonly string[], left: readonly string[], now: number): void {
    const before = this.reports[region]?.sessions ?? NOBODY;
    const after = new Set(sessions);
    this.reports[region] = { sessions: after, at: now };
    for (const session of after) {
      if (before.has(session)) continue;
      this.absent.delete(session);
      this.goodbye.delete(session);
      this.arrived.add(session);
    }
    for (const session of before) if (!after.has(session)) this.gone(session, now);
    for (const session of left) {
      if (this.connected(session)) continue;
      this.arrived.delete(session);
      this.absent.delete(session);
      this.goodbye.add(session);
    }
  }

  /** An action of the session came: without a connection its grace period starts again. */
  acted(session: string, now: number): void {
    if (this.connected(session)) return;
    this.goodbye.delete(session);
    this.absent.delete(session);
    this.absent.set(session, now);
  }

  /** A region that fell silent has no sessions any more. */
  expire(now: number): void {
    this.reports.forEach((report, region) => {
      if (report.sessions.size > 0 && now - report.at > this.limits.staleMs) this.report(region, [], [], now);
    });
  }

  /** When somebody has to be looked at if no region says anything: -Infinity for now, Infinity for never. */
  dueAt(): number {
    if (this.arrived.size > 0 || this.goodbye.size > 0) return Number.NEGATIVE_INFINITY;
    let due = Number.POSITIVE_INFINITY;
    for (const since of this.absent.values()) {
      due = since + this.limits.graceMs;
      break;
    }
    for (const { sessions, at } of this.reports)
      if (sessions.size > 0) due = Math.min(due, at + this.limits.staleMs);
    return due;
  }

  /** The next session that may have to join; taken out. */
  nextArrived(): string | undefined {
    return take(this.arrived);
  }

  /** The next session that has to leave: it said good-bye, or its grace period is over; taken out. */
  nextLeaving(now: number): string | undefined {
    const said = take(this.goodbye);
    if (said !== undefined) return said;
    for (const [session, since] of this.absent) {
      if (now - since < this.limits.graceMs) return undefined;
      this.absent.delete(session);
      return session;
    }
    return undefined;
  }

  private gone(session: string, now: number): void {
    if (this.connected(session)) return;
    this.arrived.delete(session);
    this.absent.set(session, now);
  }
}

function take(set: Set<string>): string | undefined {
  for (const session of set) {
    set.delete(session);
    return session;
  }
  return undefined;
}
