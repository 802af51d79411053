/** What a region's main thread and its workers tell each other; calls are in worker.ts and crew.ts. */
import type { RegionConfig, WorldEntry } from '../config.ts';
import type { HostInput } from '../replica/types.ts';
import type { ActAnswer, ActRequest } from '../world-service.ts';
import type { WireError } from './wire-error.ts';

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly config: RegionConfig;
  readonly worlds: readonly WorldEntry[];
  /** From 1. */
  readonly index: number;
  readonly logLevel: string;
  readonly counters: SharedArrayBuffer;
}

export type ToWorker =
  /** One encoded message of a peer, not looked into. */
  | { readonly kind: 'peer'; readonly from: number; readonly bytes: Uint8Array }
  /** From now on the worlds are told the time; and no longer. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'halt' }
  /** For every world. */
  | { readonly kind: 'all'; readonly input: HostInput }
  /** Milliseconds to the farthest peer and back. */
  | { readonly kind: 'way'; readonly roundTrip: number }
  /** An action that came over the peer port; `id` is in its answer. */
  | { readonly kind: 'act'; readonly world: string; readonly id: number; readonly request: ActRequest }
  | { readonly kind: 'connected'; readonly world: string; readonly session: string }
  | {
      readonly kind: 'disconnected';
      readonly world: string;
      readonly session: string;
      readonly left: boolean;
    };

export type ToMain =
  /** One encoded message for each of these peers. */
  | { readonly kind: 'send'; readonly devices: readonly number[]; readonly bytes: Uint8Array }
  | {
      readonly kind: 'answered';
      readonly id: number;
      readonly error: WireError | null;
      readonly answer: ActAnswer | undefined;
    }
  /** Something nobody meant to happen: this worker does nothing more. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stopped'; readonly world: string; readonly reason: string }
  /** What a peer sent cannot be read. */
  | { readonly kind: 'nonsense'; readonly from: number; readonly reason: string }
  /** A line of the log, or several. */
  | { readonly kind: 'log'; readonly text: string };
