/**
 * Bounds of the game runtime. What one function may change and what one world may hold; a function that goes past one
 * is answered `too-large` or `overloaded` and leaves no trace.
 */

/** Answers kept per session: CONTRACT "held for the last 128 executed". A power of two is not needed. */
export const ANSWERS_KEPT = 128;

/**
 * Sessions in a world unless its definition says otherwise. A session that has used all its answers holds about
 * 128 × 120 bytes = 15 KiB, so 10,000 of them stay near 150 MiB.
 */
export const SESSIONS_PER_WORLD = 10_000;

/** Highest `maxSessions` a definition may ask for: 1.5 GiB by the arithmetic above. */
export const SESSIONS_AT_MOST = 100_000;

/** UTF-16 units of a session's name; gateways make names of 22. */
export const SESSION_NAME_LENGTH = 128;

/** Rows a world may hold; at 200 bytes a row about 200 MiB on each replica. */
export const ROWS_PER_WORLD = 1_000_000;

/** Rows one function may change: a tick that moves every player of a full arena, with room. */
export const ROWS_PER_COMMAND = 4_096;

/**
 * Bytes of one command's row changes; 4,096 changes of 40 bytes are 160 KiB. With a result and timers as long as they
 * may be a command has at most 256 + 12 + 64 × 3.2 KiB = 473 KiB, less than half of the 1 MiB that a peer message carries.
 */
export const COMMAND_BYTES = 256 * 1024;

/** Characters of a function's result as JSON; 128 of them are kept for each session. */
export const RESULT_LENGTH = 4_096;

/** Values nested in each other in a result or in a timer's arguments. */
export const JSON_DEPTH = 16;

/** Timers that one function may set; a timer's id is 64 × the command's number + its place. */
export const TIMERS_PER_COMMAND = 64;

/** Timers pending in a world. A leader copies them when it takes over: 10,000 cost about a millisecond. */
export const TIMERS_PER_WORLD = 10_000;

/** Characters of a timer's arguments as JSON. */
export const TIMER_ARGS_LENGTH = 1_024;

/** Milliseconds a timer may lie ahead: ten years. */
export const TIMER_AHEAD_MS = 10 * 366 * 24 * 3_600_000;

/** UTF-16 units of a refusal's code and of its detail; longer ones are cut. */
export const CODE_LENGTH = 64;
export const DETAIL_LENGTH = 200;

/** UTF-16 units of what a log line says about a function that threw. */
export const LOG_LENGTH = 2_000;

/**
 * One part of a snapshot for a client: about a quarter of a MiB, so that parts of several clients share a socket's buffer.
 * One row alone may be larger (its strings may have 65,536 units each).
 */
export const SNAPSHOT_PART_BYTES = 256 * 1024;
export const SNAPSHOT_PART_ROWS = 8_192;

/** Actions of a client that are predicted at a time: as many as may be outstanding (CONTRACT). */
export const PREDICTED_ACTIONS = 64;

/**
 * Rows of a table that a frame names by their places, which have two bytes. A gateway keeps 60 bytes for each: 4 MB. In larger
 * tables rows are named by their keys.
 */
export const PLACED_ROWS = 65_536;
/** Rows looked at to learn the places of a table, for each row that had to be named by its key before: 16 × 60 ns = 1 us. */
export const PLACES_WORTH = 16;
/** So many rows have no columns of their own: at two bytes a field they would take less than the columns' own 30 bytes each. */
export const FRAME_FEW_ROWS = 8;
