import type { Answer } from '../../../client/session-types.ts';
import type { Deed } from './warehouse-model.ts';

/** How a deed ended for whoever asked. */
export type Fate =
  | { readonly kind: 'issued'; readonly number: number; readonly result: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'unavailable'; readonly code: string }
  | { readonly kind: 'unknown'; readonly code: string };

/** One deed as its player lived it; times in simulated ms, `issued…` how many commands were issued then. */
export interface Lived {
  readonly session: string;
  readonly deed: Deed;
  /** 0 until it was sent for the first time. */
  sequence: number;
  /** How often it was sent while an earlier copy might still have had an effect, and the first time. */
  copies: number;
  readonly called: number;
  readonly issuedBefore: number;
  returned: number;
  issuedAfter: number;
  fate: Fate | null;
}

/** A read of the whole state at a region, and the number it was true at. */
export interface Read {
  readonly called: number;
  readonly issuedBefore: number;
  returned: number;
  /** null: no answer. */
  seen: { readonly number: number; readonly amounts: string } | null;
}

/** Everything that players did and were told in a run. */
export class Deeds {
  readonly deeds: Lived[] = [];
  readonly reads: Read[] = [];

  begin(session: string, deed: Deed, now: number, issued: number): Lived {
    const lived: Lived = {
      session,
      deed,
      sequence: 0,
      copies: 0,
      called: now,
      issuedBefore: issued,
      returned: Number.POSITIVE_INFINITY,
      issuedAfter: Number.POSITIVE_INFINITY,
      fate: null,
    };
    this.deeds.push(lived);
    return lived;
  }

  get open(): number {
    return this.deeds.filter(({ fate }) => fate === null).length;
  }
}

export function end(lived: Lived, fate: Fate, now: number, issued: number): void {
  if (lived.fate !== null) throw new Error(`deed ${lived.session}#${lived.sequence} ended twice`);
  lived.fate = fate;
  lived.returned = now;
  lived.issuedAfter = issued;
}

/** What a server's answer means to whoever asks over HTTP: no second thoughts, as it stands. */
export function fateOf({ outcome, number, result, code }: Answer): Fate {
  if (outcome === 'issued') return { kind: 'issued', number, result };
  if (outcome === 'refused' || code === 'bad-arguments') return { kind: 'refused', code };
  return { kind: outcome === 'unknown' ? 'unknown' : 'unavailable', code };
}
