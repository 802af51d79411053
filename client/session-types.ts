/** What goes into the client's session machine and what comes out; see session.ts. */
import type { Frame } from '../schemas/generated/client.ts';

/** connecting: no server has welcomed us (yet, or again). catching-up: welcome, commands still missing. */
export type Phase = 'connecting' | 'catching-up' | 'live' | 'closed';

/** The first message of a server, of schemas/client.fbs. */
export interface Welcome {
  readonly protocol: number;
  readonly region: string;
  /** In index order: ballot b belongs to regions[b % regions.length]. */
  readonly regions: readonly string[];
  readonly world: string;
  readonly schema: string;
  readonly session: string;
  readonly token: string;
  /** Last command applied by the replica that welcomes. */
  readonly number: number;
  /** Highest executed sequence of the session, as far as that replica knows. */
  readonly sequence: number;
}

export interface Act {
  readonly action: string;
  /** Bytes of the world's Act table. */
  readonly args: Uint8Array;
}

/** A server's answer to an act, of schemas/client.fbs. */
export interface Answer {
  readonly sequence: number;
  readonly outcome: 'issued' | 'refused' | 'failed' | 'unknown';
  readonly number: number;
  readonly duplicate: boolean;
  readonly result: string;
  readonly code: string;
  readonly detail: string;
}

/** How an act ends, once. */
export type Settlement =
  | { readonly kind: 'issued'; readonly number: number; readonly result: string }
  /** A definite no. */
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** No effect; trying again is safe. */
  | { readonly kind: 'unavailable'; readonly code: string; readonly detail: string }
  /** May have had an effect. */
  | { readonly kind: 'unknown'; readonly code: string; readonly detail: string };

/**
 * Why commands were skipped. compacted: the server no longer held the ones asked for, or this client was too slow for
 * its stream. diverged: a command did not fit what is applied here. rewound: every server is behind what is applied here.
 */
export type ResyncReason = 'compacted' | 'diverged' | 'rewound';

/** A snapshot with all its parts; the machine only looks at its number. */
export interface CompleteSnapshot {
  readonly number: number;
}

export type SessionEvent<S extends CompleteSnapshot> =
  | { readonly kind: 'start' }
  /** Time passed; see `wakeAt`. */
  | { readonly kind: 'tick' }
  /** `ticket` is the caller's name for the act; its fate comes as `settle`. */
  | { readonly kind: 'act'; readonly ticket: number; readonly act: Act; readonly timeoutMs?: number }
  | { readonly kind: 'welcome'; readonly connection: number; readonly welcome: Welcome }
  /** A sign of life that carries nothing else. */
  | { readonly kind: 'heard'; readonly connection: number }
  | {
      readonly kind: 'command';
      readonly connection: number;
      readonly number: number;
      readonly bytes: Uint8Array;
    }
  /** Several commands as one. */
  | { readonly kind: 'frame'; readonly connection: number; readonly frame: Frame }
  | { readonly kind: 'snapshot'; readonly connection: number; readonly snapshot: S }
  | { readonly kind: 'answer'; readonly connection: number; readonly answer: Answer }
  | { readonly kind: 'move-on'; readonly connection: number; readonly reason: string }
  /**
   * The connection failed or was closed. `refusal`: the server said no for good, with this code. `retryAfterMs`: it has too many
   * guests, and asks not to be tried again sooner.
   */
  | {
      readonly kind: 'lost';
      readonly connection: number;
      readonly reason: string;
      readonly refusal?: string;
      readonly retryAfterMs?: number;
    }
  /** Report on an `apply` effect: done. `sequence` is 0 where the command is not of this session. */
  | { readonly kind: 'applied'; readonly number: number; readonly sequence: number; readonly result: string }
  /** Report on an `apply-frame` effect: done, up to and including `number`. */
  | { readonly kind: 'framed'; readonly number: number }
  /** Report on a `restore` effect: done. */
  | { readonly kind: 'restored'; readonly number: number }
  /** Report on any of them: the bytes do not fit; the state here must not be used to go on from. */
  | { readonly kind: 'fault'; readonly detail: string }
  | { readonly kind: 'close' };

export type Effect<S extends CompleteSnapshot> =
  /** Open `connection` to the address with this index; `from`: the first command wanted, null for a snapshot. */
  | {
      readonly kind: 'dial';
      readonly connection: number;
      readonly address: number;
      readonly from: number | null;
    }
  | { readonly kind: 'hang-up'; readonly connection: number; readonly consented: boolean }
  | { readonly kind: 'ping'; readonly connection: number }
  | { readonly kind: 'send'; readonly connection: number; readonly sequence: number; readonly act: Act }
  /** Must be reported at once, before any other event, by `applied`, `framed` or `fault`. */
  | { readonly kind: 'apply'; readonly bytes: Uint8Array }
  | { readonly kind: 'apply-frame'; readonly frame: Frame }
  | { readonly kind: 'restore'; readonly snapshot: S }
  | { readonly kind: 'settle'; readonly ticket: number; readonly settlement: Settlement }
  | { readonly kind: 'phase'; readonly phase: Phase; readonly reason: string }
  /** Commands after `after` up to and including `number` were not seen here one by one. */
  | {
      readonly kind: 'resync';
      readonly after: number;
      readonly number: number;
      readonly reason: ResyncReason;
    }
  /** Over for good: closed by the caller, or every address said no. */
  | { readonly kind: 'ended'; readonly code: string; readonly detail: string };

/** What is impure, handed in. `random` is uniform in [0, 1). */
export interface Moment {
  /** Milliseconds of any clock that does not go back. */
  readonly now: number;
  readonly random: number;
}
