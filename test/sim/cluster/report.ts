import type { Truth } from '../check/truth.ts';

export interface Report {
  /** Simulated milliseconds. */
  readonly time: number;
  readonly steps: number;
  readonly issued: number;
  /** Ballots in which something issued was created. */
  readonly ballots: number;
  readonly faults: number;
  /** How often a leader went to rest. */
  readonly rests: number;
}

export function reportOf(truth: Truth, so: Pick<Report, 'time' | 'steps' | 'faults' | 'rests'>): Report {
  return {
    ...so,
    issued: truth.upTo,
    ballots: new Set(truth.issued.map(({ command }) => command.born)).size,
  };
}
