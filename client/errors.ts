/** How an act can fail: the one language of errors, CONTRACT "HTTP, on the client port". */
import type { Settlement } from './session-types.ts';

/** What Refused, Unavailable and Unknown have in common. */
export class ActError extends Error {
  /** The game's code where it refused, otherwise one of the contract; `timeout` and `closed` are this client's own. */
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail: string) {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = new.target.name;
    this.code = code;
    this.detail = detail;
  }
}

/** A definite no: it had no effect, and a repeat is a new attempt. */
export class Refused extends ActError {}

/** No answer that counts. It had no effect and trying again is safe, unless it is Unknown. */
export class Unavailable extends ActError {
  /** `unknown` only of the subclass: the contract's "outcome". */
  readonly outcome: 'none' | 'unknown' = 'none';
}

/**
 * It may have had an effect: it was sent, and no answer came in time. The SDK asked again with the same sequence for as long
 * as it was allowed to; acting again is another act.
 */
export class Unknown extends Unavailable {
  override readonly outcome = 'unknown';
}

export function errorOf(settlement: Exclude<Settlement, { kind: 'issued' }>): ActError {
  const { kind, code, detail } = settlement;
  if (kind === 'refused') return new Refused(code, detail);
  if (kind === 'unavailable') return new Unavailable(code, detail);
  return new Unknown(code, detail);
}
