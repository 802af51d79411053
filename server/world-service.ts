/**
 * What a gateway (and the admin port) may ask of one world on this region server. Implemented by region.ts; a fake of it
 * is all that a gateway's test needs.
 */
import type { RowChange, WorldDefinition, WorldStateLike } from '../game-logic/types.ts';
import type { ThroughlineError } from './errors.ts';

export interface ActRequest {
  readonly session: string;
  readonly sequence: number;
  readonly action: string;
  /** Bytes of the world's Act table, as the client sent them or as ActionType.encode made them. */
  readonly args: Uint8Array;
}
export interface ActAnswer {
  readonly number: number;
  /** JSON text. */
  readonly result: string;
  readonly duplicate: boolean;
}

/** Whom the outcomes of actions are told. One object may ask for many: `tag` is what it gave along with an action. */
export interface Asker {
  /** Once for each action: `answer` where `error` is null. Must not throw. */
  answered(tag: number, error: ThroughlineError | null, answer: ActAnswer | undefined): void;
}

/** Newly applied commands first..last; `batch` is the run of their bytes exactly as the leader encoded them. */
export interface AppliedBatch {
  readonly first: number;
  readonly last: number;
  readonly batch: Uint8Array;
  readonly changes: readonly RowChange[];
}

export interface WorldService {
  readonly name: string;
  readonly definition: WorldDefinition;
  /** This replica's state, always at a command boundary; read-only, valid until the turn ends. */
  readonly state: WorldStateLike;
  /** Ballot integers: round * regions.length + index. */
  readonly regions: readonly string[];

  /** The asker is told exactly once, when the command is issued and applied here, or an error of errors.ts. Never throws. */
  act(request: ActRequest, asker: Asker, tag: number): void;

  /** A client of this session is connected here / no longer. The last disconnect with `left` true runs the world's leave function soon, otherwise after a grace period; what the session still asks for here is then handed to no other leader. */
  connected(session: string): void;
  disconnected(session: string, left: boolean): void;

  /** Resolves when this replica has applied `number`; rejects `unavailable` after `timeoutMs`. */
  applied(number: number, timeoutMs: number): Promise<void>;
  /** Resolves when this replica holds everything acknowledged before the call; rejects no-quorum. */
  linearizable(timeoutMs: number): Promise<void>;
  /** A state as of command `number` (time machine); rejects `compacted` or `not-found` if in the future. */
  stateAt(number: number): Promise<WorldStateLike>;
  /** Issued commands from..to as command bytes; fewer than asked when the log ends or `bytes` is reached; rejects `compacted`. */
  read(from: number, to: number, bytes: number): Promise<Uint8Array[]>;
  /** First number still held. */
  firstHeld(): number;
  /** Called after every applied batch, in order. Returns the unsubscriber. */
  subscribe(listener: (batch: AppliedBatch) => void): () => void;

  status(): WorldStatus;
  handOver(region: string): Promise<void>;
}

/** One element of "worlds" in GET /api/status. */
export interface WorldStatus {
  readonly world: string;
  readonly role: 'leader' | 'voter' | 'relay';
  readonly leader: string | null;
  readonly ballot: { readonly round: number; readonly region: string };
  readonly voted: number;
  readonly issued: number;
  readonly applied: number;
  readonly digest: string;
  readonly sessions: number;
  readonly queued: number;
  readonly inWindow: number;
  /** Nothing happens in this world, and it costs nothing. */
  readonly resting?: boolean;
  readonly rows: number;
  readonly log: { readonly first: number; readonly last: number; readonly bytes: number };
  readonly snapshot: { readonly number: number; readonly time: number };
}

/** What is needed of a world to act on it. */
export type ActingWorld = Pick<WorldService, 'act' | 'connected' | 'disconnected'>;

/** What an operator is shown of a world, and may ask of it; it may be on another thread. */
export interface WatchedWorld extends Pick<WorldService, 'name' | 'linearizable' | 'applied' | 'handOver'> {
  status(): WorldStatus | Promise<WorldStatus>;
}
