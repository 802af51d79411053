/**
 * Bounds of the consensus core, each with its arithmetic. Dropping what exceeds them is always safe: not voting, not counting
 * and not remembering what can be asked for again are legal at any time [0063].
 */

/**
 * A device votes and keeps learned commands only for numbers up to upTo + this many windows. A leader is at most one window
 * ahead of what it knows issued; the rest is room for a device that lags behind its leader. Beyond, it catches up first.
 * With a window of 4,096 and commands of 200 B: 32,768 numbers, 6.5 MB.
 */
export const OPEN_WINDOWS = 8;

/**
 * Distinct commands a device votes for under one number. Each needs a leader that a majority followed and that ended without
 * the number being issued; a world that gets here is out of order for other reasons.
 */
export const VOTES_PER_NUMBER = 1_024;

/** Ballots whose votes are counted at once, the highest ones: the leader's, its predecessor's, and what is still under way. */
export const TALLY_BALLOTS = 8;

/** Separate ranges counted for one device in one ballot. A range ends where a message was lost, or commands change ballot. */
export const TALLY_RANGES = 4_096;

/** Pages of one BallotInfo. 4,096 pages of 256 KiB are 1 GiB, far above all votes within OPEN_WINDOWS. */
export const INFO_PAGES = 4_096;

/**
 * A part of a catch-up: commands asked for at once, fewer if these would be so many bytes. An answer is at most twice the bytes:
 * what came last says how long commands are, and the next may be longer.
 */
export const CATCH_UP_COMMANDS = 2_048;
export const CATCH_UP_BYTES = 1 << 20;
export const CATCH_UP_ANSWER_BYTES = 2 * CATCH_UP_BYTES;
/** Parts under way with one device: it reads one, one travels, one is applied. 6 MiB, well within what a link queues. */
export const CATCH_UP_PARTS = 3;

/** Confirm tokens that wait for a majority; more are refused by not being answered, and the host's asker times out. */
export const CONFIRMS = 4_096;

/** Heartbeat rounds under way for confirmations. A token that comes while so many are unanswered waits for the next. */
export const ROUNDS_UNDER_WAY = 4;

/** Heartbeat rounds without anything else before a leader proposes rest: 0.1 s by default. To wake costs one round. */
export const REST_AFTER_ROUNDS = 2;

/** A round trip is believed up to here: a path of five satellites, or a host that stands still between ping and pong. */
export const MOST_ROUND_TRIP_MS = 2_000;

/** Back-off after a lost attempt to lead doubles this many times at most: 16 times half an election time-out, 1.2 s. */
export const DOUBLINGS = 4;
