/** The arena's rows and contexts by short names. */
import type { ArenaSchema, PlayerDraft, PlayerRow } from '../../../schemas/generated/arena.ts';
import type { FunctionContext, TimerContext } from '../../context.ts';

export type { PlayerDraft, PlayerRow };

interface Timers {
  readonly respawn: { readonly player: string };
  readonly grow: undefined;
}

/** What actions, joins, leaves and ticks are given. */
export type Context = FunctionContext<ArenaSchema, Timers>;
/** What is common to those and to timers. */
export type AnyContext = Context | TimerContext<ArenaSchema>;
