/** The gateway's bounds as one value, so that a test can make them small. Meaning and arithmetic: server/limits.ts. */
import * as limits from '../limits.ts';

export interface GatewayLimits {
  readonly flushMs: number;
  readonly frameBytes: number;
  readonly mergeMs: number;
  readonly mergedBytes: number;
  readonly mergedSlowCommands: number;
  readonly recentBytes: number;
  readonly readBytes: number;
  readonly outboxLow: number;
  readonly outboxHigh: number;
  readonly outboxCheck: number;
  readonly outboxMost: number;
  readonly slowCommands: number;
  readonly stallMs: number;
  readonly aheadMs: number;
  readonly sweepMs: number;
  readonly snapshotRows: number;
  readonly snapshotReuse: number;
  readonly snapshots: number;
  readonly clients: number;
  readonly seats: number;
  readonly seatSeconds: number;
  readonly joinsPerTurn: number;
  readonly joinsWaiting: number;
  readonly joinWaitMs: number;
  readonly joinMs: number;
  readonly inboundBytes: number;
  readonly idleSeconds: number;
  readonly strikes: number;
  readonly outstanding: number;
  readonly rate: number;
  readonly burst: number;
  readonly excess: number;
  readonly bodyBytes: number;
  readonly discardBytes: number;
  readonly requests: number;
  readonly followers: number;
  readonly followMs: number;
  readonly readMs: number;
  readonly httpPresenceMs: number;
  readonly sessions: number;
  readonly tokens: number;
  readonly tokenMs: number;
  readonly pageBytes: number;
  readonly pageFiles: number;
  readonly drainMs: number;
  readonly leaderlessMs: number;
  readonly moveOnSweeps: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  flushMs: limits.GATEWAY_FLUSH_MS,
  frameBytes: limits.GATEWAY_FRAME_BYTES,
  mergeMs: limits.GATEWAY_MERGE_MS,
  mergedBytes: limits.GATEWAY_MERGED_BYTES,
  mergedSlowCommands: limits.GATEWAY_MERGED_SLOW_COMMANDS,
  recentBytes: limits.GATEWAY_RECENT_BYTES,
  readBytes: limits.GATEWAY_READ_BYTES,
  outboxLow: limits.GATEWAY_OUTBOX_LOW,
  outboxHigh: limits.GATEWAY_OUTBOX_HIGH,
  outboxCheck: limits.GATEWAY_OUTBOX_CHECK,
  outboxMost: limits.GATEWAY_OUTBOX_MOST,
  slowCommands: limits.GATEWAY_SLOW_COMMANDS,
  stallMs: limits.GATEWAY_STALL_MS,
  aheadMs: limits.GATEWAY_AHEAD_MS,
  sweepMs: limits.GATEWAY_SWEEP_MS,
  snapshotRows: limits.GATEWAY_SNAPSHOT_ROWS,
  snapshotReuse: limits.GATEWAY_SNAPSHOT_REUSE,
  snapshots: limits.GATEWAY_SNAPSHOTS,
  clients: limits.GATEWAY_CLIENTS,
  seats: limits.GATEWAY_SEATS,
  seatSeconds: limits.GATEWAY_SEAT_SECONDS,
  joinsPerTurn: limits.GATEWAY_JOINS_PER_TURN,
  joinsWaiting: limits.GATEWAY_JOINS_WAITING,
  joinWaitMs: limits.GATEWAY_JOIN_WAIT_MS,
  joinMs: limits.GATEWAY_JOIN_MS,
  inboundBytes: limits.GATEWAY_INBOUND_BYTES,
  idleSeconds: limits.GATEWAY_IDLE_SECONDS,
  strikes: limits.GATEWAY_STRIKES,
  outstanding: limits.OUTSTANDING_PER_SESSION,
  rate: limits.GATEWAY_RATE,
  burst: limits.GATEWAY_BURST,
  excess: limits.GATEWAY_EXCESS,
  bodyBytes: limits.GATEWAY_BODY_BYTES,
  discardBytes: limits.GATEWAY_DISCARD_BYTES,
  requests: limits.GATEWAY_REQUESTS,
  followers: limits.GATEWAY_FOLLOWERS,
  followMs: limits.GATEWAY_FOLLOW_MS,
  readMs: limits.GATEWAY_READ_MS,
  httpPresenceMs: limits.GATEWAY_HTTP_PRESENCE_MS,
  sessions: limits.GATEWAY_SESSIONS,
  tokens: limits.GATEWAY_TOKENS,
  tokenMs: limits.GATEWAY_TOKEN_MS,
  pageBytes: limits.GATEWAY_PAGE_BYTES,
  pageFiles: limits.GATEWAY_PAGE_FILES,
  drainMs: limits.GATEWAY_DRAIN_MS,
  leaderlessMs: limits.GATEWAY_LEADERLESS_MS,
  moveOnSweeps: limits.GATEWAY_MOVE_ON_SWEEPS,
};
