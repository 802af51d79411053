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
