import { describe, expect, it } from 'vitest';
import { loadProduction } from '../mutants/load.ts';
import * as production from '../production.ts';
import { runSpec } from '../run.ts';
import { Violation } from '../violation.ts';
import { checkMemory, measure } from './memory.ts';

const config = {
  devices: 3,
  self: 0,
  weights: [1, 1, 1],
  window: 2,
  voting: 'leader',
  tailCommands: 4,
  messageBytes: 64,
  seed: 1,
  timing: { heartbeat: 10, election: 40, lease: 40, retransmit: 20 },
  ranks: [0, 1, 2],
} as const;

const durable = { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] };
const command = (number: number) => ({ number, born: 3, precedent: 3, bytes: new Uint8Array(8) });

describe('memory', () => {
  it('counts each object once, and bytes as one value', () => {
    const shared = { number: 1, bytes: new Uint8Array(1000) };
    expect(measure([shared, shared, [1, 2]])).toBe(7);
    expect(measure(new Map([['a', new Set([1, 2])]]))).toBe(5);
  });

  it.each(['tail', 'votes', 'early', 'tally', 'role', 'asks', 'rest'])('a core whose %s grows', (part) => {
    const consensus = new production.Consensus(config, durable) as unknown as {
      core: Record<string, unknown> & { paxos: Record<string, unknown> };
    };
    const check = () => checkMemory(config, { ballots: 3, issued: 0 }, consensus);
    expect(check).not.toThrow();
    const many = Array.from({ length: 20_000 }, (_, index) => command(index));
    if (part === 'asks') consensus.core['lease'] = { asks: many };
    else if (part === 'rest') consensus.core['forgotten'] = many;
    else consensus.core.paxos[part] = { items: many };
    expect(check).toThrow(part === 'rest' ? 'what is left of the core' : part);
    expect(check).toThrow(Violation);
  });

  // Production code that forgets to forget.
  it('finds a leak in a run that is long enough', { timeout: 60_000 }, async () => {
    const leaking = await loadProduction([
      {
        file: 'server/consensus/paxos.ts',
        find: 'packIssued(tail, setup.config.tailCommands);',
        replace: 'packIssued(tail, Number.MAX_SAFE_INTEGER);',
      },
    ]);
    const rules = Array.from({ length: 12 }, (_, index) => {
      const spec = { seed: `leak-${index}`, steps: 12_000, kind: 'timed' } as const;
      return runSpec(leaking, spec).finding?.rule;
    });
    expect(rules).toContain('memory');
  });
});
