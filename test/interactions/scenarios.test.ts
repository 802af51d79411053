/** The protocol's scenario tests T01 to T84: where each is, and which wait for a part that does not exist yet. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Tests of what consensus does not do itself, by the folder that holds them. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // Functions, leader state, exactly once.
  leader: ['T63', 'T64', 'T65', 'T66', 'T67', 'T68', 'T69', 'T78'],
  // Injected faults that only checkers outside the device can see.
  sim: ['T47', 'T48', 'T51'],
  // An empty store under an old identity is refused.
  storage: ['T81'],
};

const WAITING: Readonly<Record<string, string>> = {
  T30: 'snapshots (R15): a leader whose quorum has compacted what it lacks',
  T77: 'certification of transactions that ran at the edge [0079]',
  T82: 'snapshots (R15): the identity of the last command in one',
  T83: 'snapshots (R15): one installed while preparing',
};

/** Names of tests and titles of stories in these folders. */
function cited(folders: readonly string[]): Set<string> {
  const root = join(import.meta.dirname, '..');
  const found = new Set<string>();
  for (const folder of folders)
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|txt)$/.test(name) || name.endsWith('scenarios.test.ts')) continue;
      const text = readFileSync(join(root, folder, name), 'utf8');
      for (const [, from, , to] of text.matchAll(/\bT(\d\d)(-T(\d\d))?\b/g))
        for (let number = Number(from); number <= Number(to ?? from); number++)
          found.add(`T${String(number).padStart(2, '0')}`);
    }
  return found;
}

describe('scenario tests of the protocol', () => {
  const all = Array.from({ length: 84 }, (_, index) => `T${String(index + 1).padStart(2, '0')}`);
  const elsewhere = Object.values(ELSEWHERE).flat();

  it('each is a story or a test here, stands in another room, or waits', () => {
    const here = cited(['interactions', 'consensus']);
    const listed = new Set([...elsewhere, ...Object.keys(WAITING)]);
    expect(all.filter((name) => !here.has(name) && !listed.has(name))).toEqual([]);
  });

  it('what stands in another room is there, and what waits has not come unnoticed', () => {
    for (const [folder, names] of Object.entries(ELSEWHERE)) {
      const there = cited([folder]);
      expect(names.filter((name) => !there.has(name))).toEqual([]);
    }
    const here = cited(['interactions', 'consensus']);
    expect(Object.keys(WAITING).filter((name) => here.has(name))).toEqual([]);
  });
});
