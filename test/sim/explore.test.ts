import { describe, expect, it } from 'vitest';
import { Explorer } from './explore/explorer.ts';
import { nameOf, type Scope, SMALLEST } from './explore/scope.ts';
import * as production from './production.ts';

/** Explored whole on every change. Larger ones: `npm run explore -- --nightly`. */
const SCOPES: readonly Partial<Scope>[] = [
  { numbers: 1, leaders: 3, taught: true },
  { numbers: 1, leaders: 3, restarts: 1 },
  { numbers: 1, leaders: 2, rounds: 2 },
  { numbers: 2, leaders: 2, lazyMarks: true },
  { numbers: 2, leaders: 2, window: 1 },
  { numbers: 1, leaders: 2, voting: 'all' },
  { devices: 5, numbers: 1, leaders: 2 },
  { numbers: 2, leaders: 2, restarts: 2 },
];

describe('[SEQ2, SEQ5] every state that the consensus core can reach', () => {
  for (const part of SCOPES) {
    const scope = { ...SMALLEST, ...part };
    it(`keeps G1-G4: ${nameOf(scope)}`, { timeout: 120_000 }, () => {
      const { complete, violation, states } = new Explorer(production, scope).run();
      expect(violation).toBeUndefined();
      expect(complete).toBe(true);
      expect(states).toBeGreaterThan(1000);
    });
  }
});
