/** A definition as the runtime uses it, its types forgotten; made by defineWorld only. */
import type { ActionType, WorldSchema } from '../schemas/support/types.ts';
import type { FunctionContext, TimerContext } from './context.ts';
import type { WorldDefinition } from './types.ts';

export type AnyContext = FunctionContext<WorldSchema, { readonly [name: string]: unknown }> &
  TimerContext<WorldSchema>;

/** `args`: an action's or a timer's; undefined for the others. */
export type LeaderFunction = (ctx: AnyContext, args: unknown) => unknown;

export interface ActionEntry {
  readonly type: ActionType;
  readonly run: LeaderFunction;
}

export interface RunnableDefinition extends WorldDefinition {
  readonly actions: ReadonlyMap<string, ActionEntry>;
  readonly timers: ReadonlyMap<string, LeaderFunction>;
  readonly join: LeaderFunction | undefined;
  readonly leave: LeaderFunction | undefined;
  readonly tick: LeaderFunction | undefined;
}

/** The runtime's view of a definition; throws if something else made it. */
export function runnable(definition: WorldDefinition): RunnableDefinition {
  const candidate = definition as Partial<RunnableDefinition>;
  if (!(candidate.actions instanceof Map))
    throw new TypeError(`world ${definition.name} was not made by defineWorld`);
  return candidate as RunnableDefinition;
}
