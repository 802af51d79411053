import type { Mutant } from './hunt.ts';

const edit = (file: string, find: string, replace: string) => ({
  file: `server/consensus/${file}.ts`,
  find,
  replace,
});

/** Worlds in which nothing happens: rest must not be taken for proof, and must end. */
export const REST: readonly Mutant[] = [
  {
    name: 'a leader at rest keeps its lease: what was answered before proves that it leads',
    source: 'own, 8.5',
    edits: [
      edit(
        'consensus',
        'onConfirm(core, step, input.token);',
        `if (core.rest.woken && core.lease !== null) extra.confirmed = input.token;
      else onConfirm(core, step, input.token);`,
      ),
    ],
    hunt: [{ sim: 'rest' }],
    seen: 'mutant-1',
  },
  {
    name: 'a follower at rest ignores a lost link',
    source: 'own',
    edits: [
      edit(
        'on-rest',
        "return paxos.role.kind !== 'follower' || leader === null || input.device === leader.device;",
        "return paxos.role.kind !== 'follower' || leader === null;",
      ),
    ],
    hunt: [{ sim: 'rest' }],
    seen: 'mutant-7',
  },
  {
    name: 'a leader rests when a majority agreed, whoever else is linked',
    source: 'own',
    edits: [
      edit(
        'on-rest',
        'if (isUp(election, device) && isHeard(election, device) && (all & (1 << device)) === 0) return;',
        '',
      ),
    ],
    hunt: [{ sim: 'rest' }],
    seen: 'mutant-21',
  },
];
