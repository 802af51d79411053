import type { Digest } from './types.ts';

/** A Command envelope, decoded; `delta` stays bytes. See command.fbs for the meaning of the fields. */
export interface Envelope {
  readonly number: number;
  readonly born: number;
  readonly precedent: number;
  readonly time: number;
  /** '' where the command has no session. */
  readonly session: string;
  readonly sequence: number;
  readonly origin: { readonly region: number; readonly request: number } | null;
  readonly action: string;
  /** JSON text; 'null' where absent. */
  readonly result: string;
  readonly delta: Uint8Array | null;
  readonly timersSet: readonly {
    readonly id: number;
    readonly due: number;
    readonly name: string;
    readonly args: string;
  }[];
  /** 0: none. */
  readonly timerFired: number;
  readonly timersCancelled: readonly number[];
  readonly tables: Digest;
  readonly system: Digest;
}

/**
 * schemas/support/envelope.ts exports, over these:
 *   encodeEnvelope(e: Envelope): Uint8Array                — size-prefixed, length a multiple of 8
 *   decodeEnvelope(bytes: Uint8Array, trusted?): Envelope  — bytes of one size-prefixed command
 *   readId(bytes: Uint8Array, offset?): { number, born, precedent }   — fast path, verified bytes only
 *   splitBatch(batch: Uint8Array, trusted?): Uint8Array[]  — subarrays of the batch, no copy; verifies each unless trusted
 *   joinBatch(commands: readonly Uint8Array[]): Uint8Array — no copy where they lie side by side in one buffer
 */
export type EnvelopeModule = never;
