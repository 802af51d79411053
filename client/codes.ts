/** What the code of a server's no says of the act: pure, and the same for every client of the protocol. */

/** Had no effect because of the server's state, which may pass: the client tries again by itself. */
export const PASSING: ReadonlySet<string> = new Set(['no-quorum', 'draining']);

/** Had no effect, and trying again at once would make it worse: the caller decides. */
export const BACK_PRESSURE: ReadonlySet<string> = new Set(['overloaded', 'rate-limited']);

/** Trying again is up to the client. `doubtful`: an earlier copy of the act may still have an effect. */
export function passes(code: string, doubtful: boolean): boolean {
  return PASSING.has(code) || (doubtful && BACK_PRESSURE.has(code));
}

/** Definite whatever other copies of the act do: none of them can be executed any more, or ever. */
const FINAL: ReadonlySet<string> = new Set([
  'out-of-order',
  'no-such-action',
  'bad-arguments',
  'bad-request',
]);

/**
 * A no that settles the act. A region that the client left may still hold a copy of it, and a copy is a new attempt where this one was
 * refused: such a no is not definite until a later act of the session is executed, or the sequence is asked for again.
 */
export function isDefinite({ outcome, code }: No, doubtful: boolean): boolean {
  return !doubtful || (outcome === 'failed' && FINAL.has(code));
}

/** An answer that is not `issued`. A game's own codes come with `refused`, and may be any text. */
export interface No {
  readonly outcome: string;
  readonly code: string;
}
