import type { SessionAnswer } from '../../game-logic/types.ts';

/** An action on its way to the leader, from the region that took it. */
export interface ActionRequest {
  /** Index of the region that waits for the answer. */
  readonly region: number;
  /** Names the request in that region; unique there while it is open; kept when it is resent. */
  readonly request: number;
  readonly session: string;
  readonly sequence: number;
  readonly action: string;
  readonly args: Uint8Array;
}

/** What goes back to `region` as a message; successes do not: that region sees the command itself. */
export type Reply = { readonly region: number; readonly request: number } & (
  | { readonly outcome: 'refused' | 'failed'; readonly code: string; readonly detail: string }
  | { readonly outcome: 'nothing'; readonly number: number; readonly result: string }
  | { readonly outcome: 'duplicate'; readonly answer: SessionAnswer }
  | { readonly outcome: 'not-leader' }
  /** A linearizable read may be served once `number` is applied. */
  | { readonly outcome: 'read'; readonly number: number }
);

/** The last command of a leader state: what the next one depends on. */
export interface Tip {
  readonly number: number;
  readonly born: number;
}
