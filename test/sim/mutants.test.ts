import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants/all.ts';
import { LITERAL } from './mutants/consensus.ts';
import { hunt } from './mutants/hunt.ts';
import { loadProduction } from './mutants/load.ts';
import { runSpec } from './run.ts';

describe('mutants', () => {
  // The patent's text taken literally. All others: `npm run sim -- --mutants`.
  for (const mutant of LITERAL) {
    it(`is caught: ${mutant.name}`, { timeout: 120_000 }, async () => {
      const { by } = await hunt(mutant);
      expect(by?.rule).toMatch(/^(G1|G2|G3)$/);
    });
  }

  it('every edit still matches the production code exactly once', { timeout: 60_000 }, async () => {
    for (const { edits } of MUTANTS) await expect(loadProduction(edits)).resolves.toBeDefined();
    await expect(
      loadProduction([{ file: 'server/consensus/paxos.ts', find: 'no such text', replace: '' }]),
    ).rejects.toThrow('0 times');
  });

  it('the loader without edits is the production code', async () => {
    const { finding } = runSpec(await loadProduction([]), { seed: 'copy', steps: 1000 });
    expect(finding).toBeUndefined();
  });
});
