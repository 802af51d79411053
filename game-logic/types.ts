/**
 * The seam between the game's state and those who drive it: the leader, a replica, a client's mirror, a test.
 * `state.ts` implements WorldState, `leader-state.ts` implements LeaderState, `define-world.ts` makes definitions.
 */
import type { Envelope } from '../schemas/support/command-types.ts';
import type { Digest, Key, Row, Scalar, TableType, WorldSchema } from '../schemas/support/types.ts';

/** A defined world; made by defineWorld only. `functions` are looked up by name at run time. */
export interface WorldDefinition {
  readonly name: string;
  readonly schema: WorldSchema;
  /** S0: rows every replica starts with. */
  readonly initial: readonly { readonly table: TableType; readonly row: Row }[];
  readonly hasJoin: boolean;
  readonly hasLeave: boolean;
  readonly tickEveryMs: number | null;
  readonly maxSessions: number;
}

/** One change of one row, as applied; `row` is undefined after a removal, `previous` before a put of a new key. */
export interface RowChange {
  readonly table: TableType;
  readonly key: Key;
  readonly row: Row | undefined;
  readonly previous: Row | undefined;
}

export interface Applied {
  readonly envelope: Envelope;
  readonly changes: readonly RowChange[];
}

/** A command that a replica applied, as far as those who wait for it need to know it. */
export interface AppliedCommand {
  readonly number: number;
  readonly born: number;
  /** '' where the command has no session. */
  readonly session: string;
  readonly sequence: number;
  /** JSON text. */
  readonly result: string;
  /** Of its origin; -1: it has none. */
  readonly region: number;
  readonly request: number;
  readonly changes: readonly RowChange[];
}

/** The commands first..last, applied as one; `changes` are what they came to, and the others are true at `last`. */
export interface AppliedFrame {
  readonly first: number;
  readonly last: number;
  readonly born: number;
  readonly time: number;
  /** Of the tables. */
  readonly digest: Digest;
  readonly changes: readonly RowChange[];
}

/** The last executed sequences of a session and their answers; part of the world (exactly once). */
export interface SessionView {
  readonly id: string;
  /** The join function ran and no leave since. */
  readonly joined: boolean;
  /** Highest executed sequence; 0 if none. */
  readonly sequence: number;
  /** World time of its last command. */
  readonly time: number;
  /** The answer of an executed sequence; 'settled': executed or not, too old to tell; undefined: never executed. */
  answer(sequence: number): SessionAnswer | 'settled' | undefined;
}
export interface SessionAnswer {
  readonly number: number;
  readonly result: string;
  readonly origin: { readonly region: number; readonly request: number } | null;
}

export interface TimerView {
  readonly id: number;
  readonly due: number;
  readonly name: string;
  readonly args: string;
}

/** Read access to one table; the same on a replica, a leader state and a mirror. Iteration is in insertion order of keys. */
export interface TableReader {
  readonly type: TableType;
  readonly size: number;
  get(key: Key): Row | undefined;
  has(key: Key): boolean;
  rows(): IterableIterator<Row>;
}

/** M(p): one copy of a world, changed by commands only. */
export interface WorldStateLike {
  readonly definition: WorldDefinition;
  /** Last applied command and its born; 0 and 0 at S0. */
  readonly number: number;
  readonly born: number;
  readonly time: number;
  readonly digest: Digest;
  readonly systemDigest: Digest;
  table(name: string): TableReader | undefined;
  tableNames(): readonly string[];
  rowCount(): number;
  session(id: string): SessionView | undefined;
  sessions(): IterableIterator<SessionView>;
  sessionCount(): number;
  nextTimer(): TimerView | undefined;
  /**
   * Applies the command numbered `number + 1`; throws StateError `digest-mismatch` (with number and both digests), `gap`,
   * `wrong-precedent` or `forged`, after which this copy must not be used any more (fail stop).
   */
  apply(bytes: Uint8Array): AppliedCommand;
  /** All tables as plain JSON: {"warehouse":[{…}]}. */
  toJSON(): { [table: string]: { [field: string]: Scalar }[] };
}

/** What a leader wants run. */
export type Call =
  | {
      readonly kind: 'action';
      readonly session: string;
      readonly sequence: number;
      readonly action: string;
      readonly args: Uint8Array;
      readonly origin: { readonly region: number; readonly request: number };
    }
  | { readonly kind: 'join' | 'leave' | 'end'; readonly session: string }
  | { readonly kind: 'tick' }
  /** The timer that is due next; ignored (`nothing`) if none is due at env.now. */
  | { readonly kind: 'timer' };

/** Everything impure a function is given. */
export interface Environment {
  /** Milliseconds since the epoch by this host's clock; the world's clock never goes below its last command's time. */
  readonly now: number;
  /** Uniform in [0, 1). */
  random(): number;
  log(message: string, fields?: object): void;
}

export type Executed =
  /** Already part of the leader state: propose it. */
  | { readonly kind: 'command'; readonly number: number; readonly bytes: Uint8Array; readonly result: string }
  /** Changed nothing; the answer depends on everything up to `version`. */
  | { readonly kind: 'nothing'; readonly result: string }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** A definite no of the framework: bad-arguments, no-such-action, out-of-order, settled, too-large, overloaded (too many sessions), internal (the function threw; logged). */
  | { readonly kind: 'failed'; readonly code: string; readonly detail: string }
  /** This sequence is executed already, in the leader state. */
  | { readonly kind: 'duplicate'; readonly answer: SessionAnswer };

/** LS(p): M(p) plus the commands not yet issued, as an overlay [0071]. Holds a reference to M, never changes it. */
export interface LeaderStateLike {
  /** Number of the last command in LS; the next one is version + 1. */
  readonly version: number;
  /** World time of the last command in LS. */
  readonly time: number;
  /** LS := apply(LS, c) for a command of H. */
  adopt(bytes: Uint8Array): void;
  /** Runs a function atomically on LS. `ballot`: born of the command it may return. */
  execute(call: Call, ballot: number, environment: Environment): Executed;
  /** M has applied up to `number`: forget overlay entries whose last writer is not above it. */
  issued(number: number): void;
  /** Read access for presence and timers: what LS knows. */
  session(id: string): SessionView | undefined;
  sessions(): IterableIterator<SessionView>;
  nextTimer(): TimerView | undefined;
  readonly digest: Digest;
  readonly systemDigest: Digest;
  /** Overlay rows held; 0 when version equals M's number. */
  readonly overlaySize: number;
}
