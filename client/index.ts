/** What a client imports: `throughline/client`. */
export type { CommandJson } from '../game-logic/to-json.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { ActError, Refused, Unavailable, Unknown } from './errors.ts';
export { type ClientLimits, DEFAULT_LIMITS } from './limits.ts';
export type { Phase, ResyncReason } from './session-types.ts';
export type { ReadTable, ReadTables, WatchedTable, WatchedTables } from './tables.ts';
export type { ActOptions, ClientWorld, Issued, Resync, Status, Step } from './world.ts';
