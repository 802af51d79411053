/** The arena's rows and contexts by short names. */
import type { arenaSchema } from '../../../schemas/generated/arena.ts';
import type { DraftOf, FunctionContext, RowOf, TimerContext } from '../../context.ts';

export type Schema = typeof arenaSchema;
export type PlayerRow = RowOf<Schema['tables']['player']>;
export type PlayerDraft = DraftOf<Schema['tables']['player']>;

export interface Timers {
  readonly [name: string]: unknown;
  readonly respawn: { readonly player: string };
  readonly grow: undefined;
}

/** What actions, joins, leaves and ticks are given. */
export type Context = FunctionContext<Schema, Timers>;
/** What is common to those and to timers. */
export type AnyContext = Context | TimerContext<Schema>;
