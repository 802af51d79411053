import { describe, expect, it } from 'vitest';
import { PINNED } from './pinned.ts';
import * as production from './production.ts';
import { commandOf, KINDS, runSpec, type Spec, Tally } from './run.ts';

/** Fresh runs of each kind in this suite: the same seeds each time. `npm run sim` takes new ones for as long as you like. */
const RUNS = { timed: 100, wild: 260, world: 40, 'wild-world': 140, rest: 50, 'rest-world': 25 } as const;

/** A simulator in which nothing happens would find nothing: commands that a run of each kind issues on average, at least. */
const ISSUED = { timed: 20, wild: 10, world: 20, 'wild-world': 10, rest: 20, 'rest-world': 20 } as const;
/** How often a leader goes to rest in a run, at least: nobody may rest where it is not looked at. */
const RESTS = { timed: 0, wild: 0, world: 0, 'wild-world': 0, rest: 5, 'rest-world': 2 } as const;

/** What a failure prints: the command that repeats it. */
function failures(specs: readonly Spec[]): { readonly tally: Tally; readonly failed: string[] } {
  const tally = new Tally();
  for (const spec of specs) tally.add(runSpec(production, spec));
  return {
    tally,
    failed: tally.failed.map(({ spec, finding }) => `${finding?.detail}\n  ${commandOf(spec)}`),
  };
}

describe('[SEQ2, SEQ4] the simulator', () => {
  it.each(PINNED)('pinned: $name', (spec) => {
    expect(failures([spec]).failed).toEqual([]);
  });

  it.each(KINDS)('%s runs under faults break no rule, and recover', { timeout: 60_000 }, (kind) => {
    const specs = Array.from({ length: RUNS[kind] }, (_, index) => ({
      seed: `suite-${index}`,
      steps: 2500,
      kind,
    }));
    const { tally, failed } = failures(specs);
    expect(failed).toEqual([]);
    expect(tally.issued / tally.runs).toBeGreaterThan(ISSUED[kind]);
    expect(tally.ballots / tally.runs).toBeGreaterThan(2);
    expect(tally.rests / tally.runs).toBeGreaterThanOrEqual(RESTS[kind]);
    if (RESTS[kind] === 0) expect(tally.rests).toBe(0);
    expect(tally.faults / tally.runs).toBeGreaterThan(10);
  });

  it('repeats a run exactly from its seed', () => {
    const lines = () => {
      const out: string[] = [];
      const { report } = runSpec(production, { seed: 'again', steps: 3000 }, (line) => out.push(line));
      return { report, out };
    };
    const first = lines();
    expect(first.out.length).toBeGreaterThan(1000);
    expect(lines()).toEqual(first);
  });
});
