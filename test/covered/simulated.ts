import { expect, it } from 'vitest';
import { Explorer } from '../sim/explore/explorer.ts';
import { SMALLEST } from '../sim/explore/scope.ts';
import * as production from '../sim/production.ts';
import { KINDS, runSpec } from '../sim/run.ts';

/** Runs of each kind, and a few long ones: some lists are only tidied up after hundreds of commands. */
const RUNS = { timed: 60, wild: 80, world: 40, 'wild-world': 60, rest: 40, 'rest-world': 20 } as const;
const LONG = 6;

it.each(KINDS)('%s', (kind) => {
  const failed: string[] = [];
  for (let index = 0; index < RUNS[kind] + LONG; index++) {
    const spec = { seed: `coverage-${index}`, steps: index < RUNS[kind] ? 2500 : 15_000, kind };
    // What shows a run is part of it, too.
    const { finding } = runSpec(production, spec, index % 10 === 0 ? () => {} : undefined);
    if (finding !== undefined) failed.push(`${spec.seed}: ${finding.detail}`);
  }
  expect(failed).toEqual([]);
});

it('explored', () => {
  const scope = { ...SMALLEST, leaders: 3, restarts: 1, taught: true, voting: 'all' } as const;
  expect(new Explorer(production, scope).run().complete).toBe(true);
});
