/** What a leader function is given, typed from the world's schema and definition. */
import type { Draft, Key, Row, Scalar, WorldSchema } from '../schemas/support/types.ts';
import type { Json } from './json.ts';

/** What generated code says of its tables and actions, for inference only. */
interface SchemaTypes {
  readonly tables: {
    readonly [name: string]: { readonly row: Row; readonly draft: Draft; readonly key: Key };
  };
  readonly actions: { readonly [name: string]: { readonly [name: string]: Scalar } };
  /** Arguments as a caller may give them. */
  readonly inputs: { readonly [name: string]: { readonly [name: string]: Scalar | undefined } };
}
/** Of a schema that was not generated, or is known as a WorldSchema only: any table, any action. */
export type TypesOf<S> = S extends { readonly $types?: infer T extends SchemaTypes } ? T : SchemaTypes;

export type TableName<S> = keyof TypesOf<S>['tables'] & string;
/** Row, draft and key of one table: `Named<ArenaSchema, 'player'>['row']`. */
export type Named<S, N extends TableName<S>> = TypesOf<S>['tables'][N];
/** Row and draft of a table type: `RowOf<ArenaSchema['tables']['player']>`. */
export type RowOf<T> = T extends { make(values: never): infer R } ? R : never;
export type DraftOf<T> = T extends { draft(row: never, owner: never): infer D } ? D : never;

export type ActionName<S> = keyof TypesOf<S>['actions'] & string;
/** Arguments as a function is given them: every field. */
export type ArgsOf<S, A extends ActionName<S>> = TypesOf<S>['actions'][A];
/** Arguments as a caller gives them: optional strings may be left out. */
export type InputOf<S, A extends ActionName<S>> = A extends keyof TypesOf<S>['inputs']
  ? TypesOf<S>['inputs'][A]
  : never;

/** One table as a function sees and changes it. Valid only while the function runs. */
export interface WritableTable<R, D, K> extends Iterable<D> {
  readonly size: number;
  /** A draft of the row: reads as the row, and what is set on it becomes the change. undefined: no such row. */
  get(key: K): D | undefined;
  /** The row as it is now, read-only; cheaper than a draft. */
  row(key: K): R | undefined;
  has(key: K): boolean;
  /** Puts a whole row; fields left out get 0, false, '' or an enum's first name. Its key must be given. */
  put(values: Partial<R>): void;
  /** False if there was no such row. */
  remove(key: K): boolean;
  /** Rows as they are now, read-only. Rows put during the iteration do not appear in it. */
  rows(): IterableIterator<R>;
  /** Drafts of all rows, likewise. */
  [Symbol.iterator](): IterableIterator<D>;
}

export type WorldTables<S> = {
  readonly [N in TableName<S>]: WritableTable<Named<S, N>['row'], Named<S, N>['draft'], Named<S, N>['key']>;
};

interface CommonContext<S extends WorldSchema> {
  readonly world: WorldTables<S>;
  /** World time, whole milliseconds since the epoch; never goes backwards in a world, across leaders too. */
  readonly now: number;
  /** The session that acts; '' in ticks and timers. */
  readonly session: string;
  /** Uniform in [0, 1). */
  random(): number;
  /**
   * Answers the player `refused` with this code (like 'out-of-reach') and undoes everything the function did. Write
   * `world.player.get(id) ?? ctx.refuse('no-such-player')` or `return ctx.refuse(…)`. Final, even if the throw is caught.
   */
  refuse(code: string, detail?: string): never;
  /**
   * Answers `bad-arguments`: a no that holds whatever the world is, so decide it by the arguments alone. For what a
   * schema cannot say, like "from 1".
   */
  badArguments(detail: string): never;
  /** Cancels a timer; false if it fired, was cancelled or never was. */
  cancel(timer: number): boolean;
  /** One line for the server's log, with plain fields; no secrets. */
  log(message: string, fields?: object): void;
}

/** For timers: what they set is checked when they run, because a type cannot depend on itself. */
export interface TimerContext<S extends WorldSchema> extends CommonContext<S> {
  after(ms: number, name: string, args?: Json): number;
}

export interface FunctionContext<S extends WorldSchema, T> extends CommonContext<S> {
  /**
   * Runs timer `name` of this world in `ms` milliseconds of world time, with a copy of `args`; part of the world, it
   * survives failover. Returns the timer's id, for cancel.
   */
  after<N extends keyof T & string>(
    ms: number,
    name: N,
    ...args: undefined extends T[N] ? [args?: T[N]] : [args: T[N]]
  ): number;
}

/**
 * A world's functions. They are synchronous: after an `await` the transaction would be over.
 * Write `timers` before the functions that set them, so that TypeScript knows their arguments there.
 */
export interface Functions<S extends WorldSchema, T> {
  /** S0: rows every replica starts with. */
  readonly initial?: { readonly [N in TableName<S>]?: readonly Partial<Named<S, N>['row']>[] };
  readonly timers?: { readonly [N in keyof T]: (ctx: TimerContext<S>, args: T[N]) => void };
  /** One for each action of the schema. What it returns is the player's answer: plain JSON. */
  readonly actions: {
    readonly [A in ActionName<S>]: (ctx: FunctionContext<S, T>, args: ArgsOf<S, A>) => unknown;
  };
  /** Runs when a session enters the world, as a command of its own before its first action. */
  readonly join?: (ctx: FunctionContext<S, T>) => void;
  /** Runs when it left. If it throws or refuses the session has left all the same. */
  readonly leave?: (ctx: FunctionContext<S, T>) => void;
  readonly tick?: { readonly everyMs: number; run(ctx: FunctionContext<S, T>): void };
  /** Sessions at a time; SESSIONS_PER_WORLD unless given. */
  readonly maxSessions?: number;
}
