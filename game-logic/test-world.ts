/**
 * A world in memory for tests of a game's rules: a leader state and a replica, a clock that only the test moves, and a seeded
 * random source. After every command the two copies' digests are compared, as on a server.
 */
import type { WorldSchema } from '../schemas/support/types.ts';
import type { ActionName, InputOf, Named, TableName } from './context.ts';
import { Failed, Refused } from './errors.ts';
import { LeaderState } from './leader-state.ts';
import { WorldState } from './state.ts';
import type { Call, Environment, Executed, WorldDefinition } from './types.ts';

export interface TestWorldOptions {
  /** Milliseconds since the epoch at the start. */
  readonly now?: number;
  /** Equal seeds give equal ctx.random() sequences. */
  readonly seed?: number;
}

/** A table as a test reads it. */
export interface ReadableTable<R, K> {
  readonly size: number;
  get(key: K): R | undefined;
  has(key: K): boolean;
  rows(): IterableIterator<R>;
}

export type ReadableTables<S> = {
  readonly [N in TableName<S>]: ReadableTable<Named<S, N>['row'], Named<S, N>['key']>;
};

const DEFAULT_NOW = 1_700_000_000_000;
/** Round 1 of the only region there is. */
const BALLOT = 1;

export class TestWorld<S extends WorldSchema = WorldSchema> {
  /** The replica; every command is applied to it at once. */
  readonly state: WorldState;
  /** Its tables, by name. */
  readonly tables: ReadableTables<S>;
  /** Bytes of every command so far; commands[0] is number 1. */
  readonly commands: Uint8Array[] = [];
  /** What functions logged. */
  readonly logged: { readonly message: string; readonly fields: object }[] = [];
  readonly leader: LeaderState;
  private readonly definition: WorldDefinition;
  private readonly sequences = new Map<string, number>();
  private readonly environment: Environment & { now: number };
  private nextTick: number;

  constructor(definition: WorldDefinition, options: TestWorldOptions = {}) {
    this.definition = definition;
    this.state = new WorldState(definition);
    this.leader = new LeaderState(this.state);
    this.environment = {
      now: options.now ?? DEFAULT_NOW,
      random: seeded(options.seed ?? 1),
      log: (message, fields = {}) => this.logged.push({ message, fields }),
    };
    this.nextTick = this.environment.now + (definition.tickEveryMs ?? 0);
    const tables: { [name: string]: unknown } = {};
    for (const name of this.state.tableNames()) tables[name] = this.state.table(name);
    this.tables = tables as ReadableTables<S>;
  }

  /** The clock. */
  get now(): number {
    return this.environment.now;
  }

  /**
   * A player acts, with the session's next sequence; joins first, as on a server. Throws Refused with the game's code, or
   * Failed with the framework's. `number` is the world's number after it: that of its command, if it made one.
   */
  act<A extends ActionName<S>>(
    session: string,
    action: A,
    args: InputOf<S, A>,
  ): { readonly number: number; readonly result: unknown } {
    if (this.state.session(session)?.joined !== true) this.join(session);
    const type = this.definition.schema.actions[action];
    if (type === undefined) throw new Failed('no-such-action', action);
    const sequence = (this.sequences.get(session) ?? 0) + 1;
    this.sequences.set(session, sequence);
    const origin = { region: 0, request: sequence };
    const bytes = type.encode(args);
    return this.answered({ kind: 'action', session, sequence, action, args: bytes, origin });
  }

  /** Runs the world's join function unless the session is joined. */
  join(session: string): void {
    this.answered({ kind: 'join', session });
  }

  leave(session: string): void {
    this.answered({ kind: 'leave', session });
  }

  /** Ends the session: its sequences begin at 1 again. */
  end(session: string): void {
    this.answered({ kind: 'end', session });
    this.sequences.delete(session);
  }

  /** Moves the clock by `ms` (a tick's time unless given), fires the timers due by then, and runs one tick. */
  tick(ms: number = this.definition.tickEveryMs ?? 0): void {
    const until = this.environment.now + ms;
    this.fireTimers(until);
    this.environment.now = until;
    this.nextTick = until + (this.definition.tickEveryMs ?? 0);
    this.answered({ kind: 'tick' });
  }

  /** Lets `ms` pass: timers fire and ticks run, each at its time. */
  advance(ms: number): void {
    const until = this.environment.now + ms;
    const everyMs = this.definition.tickEveryMs;
    while (everyMs !== null && this.nextTick <= until) this.tick(this.nextTick - this.environment.now);
    this.fireTimers(until);
    this.environment.now = until;
  }

  private fireTimers(until: number): void {
    for (;;) {
      const timer = this.leader.nextTimer();
      if (timer === undefined || timer.due > until) return;
      this.environment.now = Math.max(this.environment.now, timer.due);
      this.answered({ kind: 'timer' });
    }
  }

  /** Any call, as a leader would make it; its command, if any, is issued at once. */
  execute(call: Call): Executed {
    const executed = this.leader.execute(call, BALLOT, this.environment);
    if (executed.kind === 'command') {
      this.commands.push(executed.bytes);
      this.state.apply(executed.bytes, false);
      this.leader.issued(executed.number);
    }
    return executed;
  }

  private answered(call: Call): { readonly number: number; readonly result: unknown } {
    const logged = this.logged.length;
    const executed = this.execute(call);
    switch (executed.kind) {
      case 'command':
      case 'nothing':
        return { number: this.state.number, result: JSON.parse(executed.result) };
      case 'refused':
        throw new Refused(executed.code, executed.detail);
      case 'failed': {
        const why = this.logged[logged];
        throw new Failed(executed.code, executed.detail, why === undefined ? undefined : { cause: why });
      }
      case 'duplicate':
        throw new Error('a new sequence was executed before');
    }
  }
}

/** A small generator (mulberry32): enough for tests of rules, no more. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
