/**
 * Every bound of the server, with its arithmetic. Nothing in the system grows without one. Bounds of the game runtime stand
 * in game-logic/limits.ts. Sizes are bytes, times milliseconds.
 */

// ---- Consensus: how far a leader may run ahead ------------------------------------------------------------------------

/** W of R8: open numbers. 8192 commands of about 200 bytes are 1.6 MB, what a slow follower has to swallow at once. */
export const WINDOW_COMMANDS = 8_192;
/** Payload of one message with commands. Well below the frame limit of the links, so that headers always fit. */
export const MESSAGE_BYTES = 1 << 20;
/** Issued commands that consensus keeps in memory for peers that lag: twice the window. */
export const TAIL_COMMANDS = 2 * WINDOW_COMMANDS;

// ---- Leader: queue, turn, answers -------------------------------------------------------------------------------------

/** Actions that wait for the leader, per region. At 20,000 actions a second a full queue is 0.2 s of waiting. */
export const LEADER_QUEUE_PER_REGION = 4_096;
/** Functions run in one turn; at 5 us each this is 5 ms, a fraction of a heartbeat. */
export const LEADER_TURN_FUNCTIONS = 1_024;
/** Bytes of commands made in one turn: one message to each peer. */
export const LEADER_TURN_BYTES = MESSAGE_BYTES / 2;
/** A turn that took this long runs no further function, so that heartbeats leave in time. */
export const LEADER_TURN_MS = 8;
/** Joins, leaves and ends in one turn; timers in one turn. The rest of a turn belongs to actions. */
export const LEADER_TURN_PRESENCE = 64;
export const LEADER_TURN_TIMERS = 64;
/** Negative answers remembered within a leadership, so that a copy of their request that comes late is not run. */
export const LEADER_CLOSED_ANSWERS = 8_192;
/** A timer or tick that failed is left alone for this long. */
export const LEADER_FAILURE_PAUSE_MS = 250;

// ---- Presence ---------------------------------------------------------------------------------------------------------

/** A session without a connection keeps its place this long before its leave function runs. */
export const PRESENCE_GRACE_MS = 10_000;
/** A region repeats its list this often; without news for three times as long its sessions count as disconnected. */
export const PRESENCE_REFRESH_MS = 2_000;
export const PRESENCE_STALE_MS = 3 * PRESENCE_REFRESH_MS;
/** Least time between two lists of one region, plus a millisecond for each 20 sessions: 10,000 sessions (220 KB) twice a second. */
export const PRESENCE_SPACING_MS = 50;
export const PRESENCE_SESSIONS_PER_MS = 20;
/** A session without a command for this long, and without a connection, is ended; tokens live a fraction of it. */
export const SESSION_IDLE_MS = 7 * 24 * 3_600_000;
/** How often ended sessions are looked for. */
export const SESSION_SWEEP_MS = 60_000;

// ---- Asking side: actions of this region that wait for an answer ---------------------------------------------------------

/** Contract: sequences of one session that may be outstanding. */
export const OUTSTANDING_PER_SESSION = 64;
/** Open actions of one region and world; what the leader queues for the region and what is in the window fit in. */
export const PENDING_ACTIONS = LEADER_QUEUE_PER_REGION + WINDOW_COMMANDS;
/** Open linearizable reads of one region and world. */
export const PENDING_READS = 4_096;
/** An action without an outcome for this long is answered `no-quorum`. */
export const ACTION_DEADLINE_MS = 5_000;
/** Without an answer for this long everything open is sent again to the same leader, in order; it knows copies. */
export const ACTION_RESEND_MS = 1_000;
/** Actions, and bytes of arguments, in one `execute` message. */
export const EXECUTE_ACTIONS = 1_024;
export const EXECUTE_BYTES = MESSAGE_BYTES / 4;

// ---- Replica ----------------------------------------------------------------------------------------------------------

/** Bytes of recent commands that a replica keeps for clients that catch up: some 80,000 small commands. */
export const REPLICA_TAIL_BYTES = 16 << 20;
/** Those who wait for a number to be applied. */
export const APPLIED_WAITERS = 16_384;
/** Replays of the past at a time, and states of the past kept as a start for the next. */
export const TIME_MACHINE_REPLAYS = 2;
export const TIME_MACHINE_CHECKPOINTS = 4;
/** Replays that may wait for their turn. */
export const TIME_MACHINE_QUEUE = 64;
/** Bytes of commands read from storage at a time in a replay, and at the start of a server. */
export const REPLAY_BYTES = 1 << 20;
