/** What goes into one world's step function on one region server, and what comes out. Plain data; see world-host.ts. */
import type { Write } from '../consensus/types.ts';
import type { ThroughlineError } from '../errors.ts';
import type { PeerMessage } from '../links/types.ts';
import type { ActAnswer, ActRequest, AppliedBatch } from '../world-service.ts';

/** The host's clocks at the time of a turn. */
export interface Clock {
  /** Monotonic, ms; what time-outs are measured by. */
  readonly now: number;
  /** Milliseconds since the epoch; what games see. */
  readonly wall: number;
}

export type HostInput =
  | { readonly kind: 'peer'; readonly from: number; readonly message: PeerMessage }
  /** Every few milliseconds from `dueAt` on, and once at start. `roundTrip`: to the farthest peer, ms; left out where it is as before. */
  | { readonly kind: 'tick'; readonly roundTrip?: number }
  /** All writes up to this one are on stable storage. */
  | { readonly kind: 'persisted'; readonly write: number }
  | { readonly kind: 'link'; readonly device: number; readonly up: boolean }
  | { readonly kind: 'silent'; readonly device: number; readonly silent: boolean }
  /** A client's action; `id` names it in the effect `answers`, exactly once. */
  | { readonly kind: 'act'; readonly id: number; readonly request: ActRequest }
  /** A linearizable read; `id` names it in the effect `reads`, exactly once. */
  | { readonly kind: 'read'; readonly id: number }
  | { readonly kind: 'connected'; readonly session: string }
  /** A connection of the session went; `left`: it said good-bye. */
  | { readonly kind: 'disconnected'; readonly session: string; readonly left: boolean }
  | { readonly kind: 'lead'; readonly round?: number }
  | { readonly kind: 'step-down' }
  | { readonly kind: 'hand-over'; readonly to: number }
  /** Take no further action; what is open is still answered. */
  | { readonly kind: 'drain' };

export interface Answer {
  readonly id: number;
  readonly error: ThroughlineError | null;
  readonly answer?: ActAnswer;
}

/** A linearizable read may be served now, or never. */
export interface ReadAnswer {
  readonly id: number;
  readonly error: ThroughlineError | null;
}

/** In the order in which a shell should carry them out; sends and writes are independent of each other. */
export interface HostEffects {
  /** For stable storage, in this order, as one group. */
  readonly writes: readonly Write[];
  /** May leave at once: everything they rely on is durable. */
  readonly sends: readonly { readonly to: number; readonly message: PeerMessage }[];
  /** Newly applied commands; one entry a turn at most. */
  readonly applied: AppliedBatch | undefined;
  readonly answers: readonly Answer[];
  readonly reads: readonly ReadAnswer[];
  /** Issued commands to be read from storage and sent as `issued` messages. */
  readonly serve: readonly { readonly to: number; readonly from: number; readonly max: number }[];
  readonly leader: { readonly device: number | null; readonly ballot: number } | undefined;
  readonly alarms: readonly string[];
  /** Work is left that needs nothing but another turn. */
  readonly more: boolean;
  /** This copy of the world stopped for good; nothing in it may be used or answered from any more. */
  readonly stopped: Stopped | undefined;
}

export interface Stopped {
  /** The command at which it happened. */
  readonly number: number;
  readonly reason: string;
}

/** What a host may show; never used for decisions. */
export interface HostStatus {
  readonly role: 'follower' | 'preparing' | 'leading';
  readonly leader: number | null;
  readonly ballot: number;
  readonly voted: number;
  readonly issued: number;
  readonly applied: number;
  readonly queued: number;
  readonly inWindow: number;
  /** Actions of this region that wait for an answer. */
  readonly pending: number;
  readonly stopped: Stopped | undefined;
  /** Nothing happens in this world, and no heartbeats are sent for it. */
  readonly resting: boolean;
}
