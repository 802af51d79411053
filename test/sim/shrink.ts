import { spansOf } from './kept.ts';
import type { Production } from './production.ts';
import { type Result, runSpec, type Spec } from './run.ts';

export interface Shrunk {
  /** The failing run as it was, and the smallest found that breaks the same rule. */
  readonly from: Result;
  readonly to: Result;
  /** Choices that were not the harmless one. */
  readonly kept: { readonly from: number; readonly to: number };
  /** Runs it took. */
  readonly runs: number;
}

export interface Patience {
  readonly ms: number;
  readonly runs: number;
}

const PATIENCE: Patience = { ms: 60_000, runs: 2_000 };
/** A calmer run that makes so many times the choices of the failing one runs away, and is no use. */
const RUNAWAY = 20;

/**
 * Makes a failing run calmer, as long as it breaks the same rule: shorter under fire, and with the harmless choice in place of
 * as many choices as possible, first many at once, then single ones (delta debugging). The harmless choices are what makes a
 * cluster small: three regions, two clients, no loss, no delay, no faults. The result is a run like any other, repeated from
 * its seed and the list of choices that are kept.
 */
export class Shrinker {
  private readonly production: Production;
  private readonly patience: Patience;
  private readonly start = performance.now();
  private runs = 0;

  constructor(production: Production, patience: Partial<Patience> = {}) {
    this.production = production;
    this.patience = { ...PATIENCE, ...patience };
  }

  /** null where the run does not fail. */
  shrink(spec: Spec): Shrunk | null {
    const from = this.run(spec, Infinity);
    if (from.finding === undefined) return null;
    const whole = Array.from({ length: from.choices }, (_, position) => position);
    const kept = spec.keep === undefined ? whole : whole.filter((at) => isKept(spec, at));
    let best: Candidate = { result: from, kept };
    for (let size = kept.length; size > 0; ) {
      best = this.shorter(best);
      const before = best.kept.length;
      best = this.calmer(best, from, size);
      if (this.isSpent) break;
      // As long as pieces of this size can go, others may go after them.
      if (best.kept.length === before || size > best.kept.length) size = Math.floor(size / 2);
    }
    const { result: to } = this.shorter(best);
    return { from, to, kept: { from: kept.length, to: best.kept.length }, runs: this.runs };
  }

  /** Fewer events under fire: half, three quarters, and so on. */
  private shorter(best: Candidate): Candidate {
    for (const share of [0, 0.5, 0.75, 0.9]) {
      const steps = Math.max(1, Math.floor(best.result.spec.steps * share));
      const tried = steps < best.result.spec.steps ? this.attempt(best, best.kept, steps) : null;
      if (tried !== null) return tried;
    }
    return best;
  }

  /** Without one piece of this many choices after the other. */
  private calmer(start: Candidate, from: Result, size: number): Candidate {
    let best = start;
    for (let at = 0; at < best.kept.length && !this.isSpent; ) {
      const without = [...best.kept.slice(0, at), ...best.kept.slice(at + size)];
      const tried = this.attempt(best, without, best.result.spec.steps, from.choices * RUNAWAY);
      if (tried === null) at += size;
      else best = tried;
    }
    return best;
  }

  /** The run with these choices, if it breaks the same rule; choices behind its end are forgotten. */
  private attempt(
    best: Candidate,
    kept: readonly number[],
    steps: number,
    most = best.result.choices * RUNAWAY,
  ): Candidate | null {
    if (this.isSpent) return null;
    const { spec, kind, finding } = best.result;
    const result = this.run({ ...spec, kind, steps, keep: spansOf(kept) }, most);
    if (result.finding === undefined || result.finding.rule !== finding?.rule) return null;
    return { result, kept: kept.filter((position) => position < result.choices) };
  }

  private run(spec: Spec, most: number): Result {
    this.runs++;
    return runSpec(this.production, spec, undefined, most);
  }

  private get isSpent(): boolean {
    return this.runs >= this.patience.runs || performance.now() - this.start > this.patience.ms;
  }
}

interface Candidate {
  readonly result: Result;
  readonly kept: readonly number[];
}

function isKept({ keep }: Spec, position: number): boolean {
  return keep === undefined || keep.some(([first, last]) => first <= position && position <= last);
}
