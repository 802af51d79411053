import { describe, expect, it } from 'vitest';
import { Explorer } from './explore/explorer.ts';
import { nameOf, type Scope, SMALLEST } from './explore/scope.ts';
import { ALWAYS } from './explore/scopes.ts';
import { type Edit, loadProduction } from './mutants/load.ts';
import * as production from './production.ts';

describe('[SEQ2, SEQ5] every state that the consensus core can reach', () => {
  for (const { scope } of ALWAYS) {
    it(`keeps G1-G4: ${nameOf(scope)}`, { timeout: 120_000 }, () => {
      const { complete, violation, states } = new Explorer(production, scope).run();
      expect(violation).toBeUndefined();
      expect(complete).toBe(true);
      expect(states).toBeGreaterThan(1000);
    });
  }
});

/** Small enough to be explored without leaving anything out. */
const COMPARED: readonly Partial<Scope>[] = [
  { leaders: 3, restarts: 1 },
  { numbers: 2 },
  { numbers: 2, restarts: 1 },
  { restarts: 1, lazyMarks: true, rounds: 2 },
  { restarts: 1, voting: 'all' },
  { restarts: 1, ahead: 2 },
  { restarts: 1, ahead: 1, voting: 'all' },
  { taught: true, voting: 'all' },
  { devices: 5 },
];

describe('what the explorer leaves out', () => {
  for (const part of COMPARED) {
    const scope = { ...SMALLEST, ...part };
    it(`brings no disk and log that the rest does not: ${nameOf(scope)}`, { timeout: 120_000 }, () => {
      const part = new Explorer(production, scope).run();
      const whole = new Explorer(production, scope, true).run();
      expect(whole.complete).toBe(true);
      expect(part.checked).toBe(whole.checked);
      expect(part.states).toBeLessThan(whole.states);
    });
  }
});

/** Broken variants that only this dimension shows, each with the same scope without it. */
const BROKEN: readonly {
  readonly what: string;
  readonly edits: readonly Edit[];
  readonly found: Partial<Scope>;
  readonly missed: Partial<Scope>;
}[] = [
  {
    what: 'a leader counts its own vote before it is on its disk, and crashes',
    edits: [
      {
        file: 'server/consensus/voting.ts',
        find: "if (voting === 'leader') sendWritten(step, ownerOf(ballot, devices), message);",
        replace: `if (voting === 'leader' && ownerOf(ballot, devices) === paxos.setup.config.self)
    step.sends.push({ to: paxos.setup.config.self, message, after: 0 });
  else if (voting === 'leader') sendWritten(step, ownerOf(ballot, devices), message);`,
      },
    ],
    found: { restarts: 1, ahead: 1 },
    missed: { restarts: 1 },
  },
  {
    what: 'votes go to all before they are on the disk',
    edits: [
      {
        file: 'server/consensus/voting.ts',
        find: 'device < devices; device++) sendWritten(step, device, message);',
        replace: 'device < devices; device++) step.sends.push({ to: device, message, after: 0 });',
      },
    ],
    found: { voting: 'all', restarts: 1 },
    missed: { voting: 'leader', restarts: 1 },
  },
  {
    what: 'the window does not hold for commands that are proposed again',
    edits: [
      {
        file: 'server/consensus/leader.ts',
        find: 'Math.min(role.next - 1, upTo + window)',
        replace: '(window, role.next - 1)',
      },
    ],
    found: { numbers: 3, window: 2 },
    missed: { numbers: 2, window: 2 },
  },
];

describe('a dimension of the exploration', () => {
  for (const { what, edits, found, missed } of BROKEN) {
    it(`finds what is found without it not: ${what}`, { timeout: 120_000 }, async () => {
      const broken = await loadProduction(edits);
      const look = (part: Partial<Scope>) => new Explorer(broken, { ...SMALLEST, ...part }).run().violation;
      expect(look(missed)).toBeUndefined();
      const violation = look(found);
      expect(violation?.rule).toMatch(/^(G1|G3|I7)$/);
      expect(violation?.steps.length).toBeGreaterThan(3);
    });
  }
});
