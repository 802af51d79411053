import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants/all.ts';
import { LITERAL } from './mutants/consensus.ts';
import { hunt, STEPS, summary } from './mutants/hunt.ts';
import { loadProduction } from './mutants/load.ts';
import { EXACTLY_ONCE, LEADER, RESUME } from './mutants/world.ts';
import { PINNED } from './pinned.ts';
import { runSpec } from './run.ts';

/** Sections of PROTOCOL.md that name ways of breaking it, and how many of them section 15 says there are. */
const NAMED = /^(2\.\d|14|15)\b/;
const NAMED_AT_LEAST = 26;

describe('mutants', () => {
  // The patent's text taken literally.
  for (const mutant of LITERAL) {
    it(`is caught: ${mutant.name}`, { timeout: 120_000 }, async () => {
      const { by } = await hunt(mutant);
      expect(by?.rule).toMatch(/^(G1|G2|G3|R2)$/);
    });
  }

  // With a seed that is known to show it, or soon. From scratch and with the whole table: `npm run sim -- --mutants`.
  it.each(MUTANTS.filter((mutant) => !LITERAL.includes(mutant)))(
    'is caught: $name',
    { timeout: 60_000 },
    async (mutant) => {
      const caught = await hunt(mutant, true);
      expect(summary([caught])).toMatch(/^caught 1 of 1/);
    },
  );

  it('are those that the protocol names, and five or more of each kind of our own', () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(MUTANTS.filter(({ source }) => NAMED.test(source)).length).toBeGreaterThanOrEqual(NAMED_AT_LEAST);
    for (const kind of [LEADER, EXACTLY_ONCE, RESUME]) expect(kind.length).toBeGreaterThanOrEqual(5);
  });

  it.each(PINNED)(
    'a pinned seed fails under its fault: $name',
    { timeout: 60_000 },
    async ({ fault, ...spec }) => {
      const mutant = MUTANTS.find(({ name }) => name === fault);
      expect(mutant, `no mutant is called '${fault}'`).toBeDefined();
      const { finding } = runSpec(await loadProduction(mutant!.edits), spec);
      expect(finding, 'no more; `npm run sim -- --pins` finds a seed that does').toBeDefined();
    },
  );

  it('an edit that does not match the production code exactly once is an error', async () => {
    const nonsense = [{ file: 'server/consensus/paxos.ts', find: 'no such text', replace: '' }];
    await expect(loadProduction(nonsense)).rejects.toThrow('0 times');
  });

  it('the loader without edits is the production code', async () => {
    const { finding } = runSpec(await loadProduction([]), { seed: 'copy', steps: STEPS });
    expect(finding).toBeUndefined();
  });
});
