/**
 * Bounds of the codecs. They bound work and memory for one value; how many values may be under way at a time is
 * for the rooms above (server/limits.ts, game-logic/limits.ts).
 */

/** UTF-16 units of one string argument of an action: a long chat line or a pasted page, not a file. */
export const MAX_ARGUMENT_STRING = 16_384;

/** UTF-16 units of one string in a row. At 3 bytes a unit a put stays below 200 KiB. */
export const MAX_ROW_STRING = 65_536;

/** Tables inside tables. The deepest of our schemas is Message > ExecuteBatch > Execute: 3. */
export const MAX_DEPTH = 8;

/**
 * Tables in one buffer. A snapshot part holds two tables a row, so this allows half a million rows in one part; the
 * rule that no byte may be used twice bounds the work of smaller buffers far below it.
 */
export const MAX_TABLES = 1_048_576;

/** Bytes of one buffer: positions stay well inside 31 bits. */
export const MAX_BUFFER = 0x4000_0000;

/** Field masks for which a table's layout is remembered; others are computed again. */
export const MAX_LAYOUTS = 512;

/** Bytes of one slab of the writer. About 200 warehouse commands; small enough that one kept command pins little. */
export const SLAB_BYTES = 65_536;
