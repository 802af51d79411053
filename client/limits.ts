/** Bounds and times of a client; times in milliseconds. A caller may tighten them through `connect`. */
export interface ClientLimits {
  /** Acts on the wire at once. The contract lets a session have 64 outstanding; more would be refused. */
  readonly outstanding: number;
  /** Acts that wait for a place on the wire. At 20 acts a second this is 12 s of play: longer than any act may wait. */
  readonly queued: number;
  /** How long an act may stay unsettled: several failovers, but short enough for a person to be told. */
  readonly actMs: number;
  /** Pause before an act is sent again that a server could not decide. A failover takes tens to hundreds of ms. */
  readonly retryMs: number;
  /** It doubles each time, up to this. */
  readonly retryMaxMs: number;
  /** From dialling to the welcome message; longer after failures (patience.ts). */
  readonly dialMs: number;
  /** From the call of `connect` to a world that is current. */
  readonly connectMs: number;
  /** A silent connection is asked for a sign of life this often … */
  readonly pingMs: number;
  /** … and given up after three unanswered ones. */
  readonly silentMs: number;
  /**
   * An act unanswered for this long, and up to half of it more, makes the client try another region. Servers say themselves when
   * they lost their peers; this is for one that does not know it. Longer where it did not help, see patience.ts.
   */
  readonly stuckMs: number;
  /** First and longest window within which a lost connection is dialled again; doubles with each failure in between. */
  readonly backOffMinMs: number;
  readonly backOffMaxMs: number;
  /** The first window where a connection broke in a world with fewer commands a second than `quietPerSecond`. */
  readonly backOffQuietMs: number;
  readonly quietPerSecond: number;
  /** A connection must have been live this long before its loss counts as a first failure again. */
  readonly stableMs: number;
  /** A server that stays behind what this client has applied is left after this time. */
  readonly behindMs: number;
  /** Bytes of one snapshot, all parts: far above any world that a client should mirror. */
  readonly snapshotBytes: number;
  /** Parts of one snapshot. */
  readonly snapshotParts: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  outstanding: 64,
  queued: 256,
  actMs: 10_000,
  retryMs: 200,
  retryMaxMs: 2_000,
  dialMs: 3_000,
  connectMs: 15_000,
  pingMs: 1_000,
  silentMs: 3_000,
  stuckMs: 4_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
  backOffQuietMs: 40,
  quietPerSecond: 200,
  stableMs: 5_000,
  behindMs: 5_000,
  snapshotBytes: 256 * 1024 * 1024,
  snapshotParts: 65_536,
};

/**
 * A client that goes on with a token from before (a page that was reloaded) does not know which sequences it used last:
 * up to 64 may still be on their way, and the replica that welcomes it may lag behind, even by all that several lives of
 * the page did. So its sequences begin at the time of day, which no act of an earlier life is above while a life makes
 * fewer than 1,024 acts in a millisecond: 1.8e15 today, 2^53 in the year 2248. Gaps are allowed.
 */
export const SEQUENCES_PER_MS = 1_024;

/** Where the clock of this host is behind that of the one before: at least this far above what is known to be executed. */
export const RESUME_GAP = 1_024;
