export interface ReporterLimits {
  readonly refreshMs: number;
  readonly spacingMs: number;
  readonly sessionsPerMs: number;
}

export interface PresenceReport {
  readonly sessions: readonly string[];
  readonly left: readonly string[];
}

/** Counts the connections of this region's sessions and says when the leader has to be told. */
export class PresenceReporter {
  private readonly limits: ReporterLimits;
  private readonly connections = new Map<string, number>();
  private readonly left = new Set<string>();
  private changed = false;
  private reportedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: ReporterLimits) {
    this.limits = limits;
  }

  connected(session: string): void {
    const count = this.connections.get(session) ?? 0;
    this.connections.set(session, count + 1);
    this.left.delete(session);
    if (count === 0) this.changed = true;
  }

  disconnected(session: string, left: boolean): void {
    const count = this.connections.get(session);
    if (count === undefined) return;
    if (count > 1) {
      this.connections.set(session, count - 1);
      return;
    }
    this.connections.delete(session);
    if (left) this.left.add(session);
    this.changed = true;
  }

  /** The session is connected here. */
  has(session: string): boolean {
    return this.connections.has(session);
  }

  /** There is a new leader, or a new way to it. */
  reset(): void {
    this.reportedAt = Number.NEGATIVE_INFINITY;
  }

  /** When the next list is due if nothing changes. */
  dueAt(): number {
    if (!this.changed && this.connections.size === 0) return Number.POSITIVE_INFINITY;
    return this.changed ? Number.NEGATIVE_INFINITY : this.reportedAt + this.limits.refreshMs;
  }

  /** The whole list, if one is due. Ask only when it can be sent. */
  take(now: number): PresenceReport | undefined {
    if (!this.changed && this.connections.size === 0) return undefined;
    const since = now - this.reportedAt;
    const spacing = this.limits.spacingMs + this.connections.size / this.limits.sessionsPerMs;
    if (since < (this.changed ? spacing : this.limits.refreshMs)) return undefined;
    this.changed = false;
    this.reportedAt = now;
    const report = { sessions: [...this.connections.keys()], left: [...this.left] };
    this.left.clear();
    return report;
  }
}
