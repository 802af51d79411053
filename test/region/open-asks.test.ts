import { describe, expect, it } from 'vitest';
import { ThroughlineError } from '../../server/errors.ts';
import { OpenAsks } from '../../server/region/open-asks.ts';
import type { Asker } from '../../server/world-service.ts';

function asker() {
  const told: string[] = [];
  const answered: Asker['answered'] = (tag, error, answer) =>
    void told.push(`${tag} ${error?.code ?? answer?.number}`);
  return { told, answered };
}
const issued = (number: number) => ({ number, result: '', duplicate: false });

describe('open asks', () => {
  it('[ANS4] tells each asker once, and nobody for what comes late', () => {
    const asks = new OpenAsks();
    const [ann, bob] = [asker(), asker()];
    const first = asks.add(ann, 1) as number;
    const second = asks.add(bob, 1) as number;
    asks.settle(first, null, issued(5));
    asks.settle(first, null, issued(6));
    // The slot is used again, its earlier number is not.
    const third = asks.add(ann, 2) as number;
    asks.settle(first, null, issued(7));
    expect(new Set([first, second, third]).size).toBe(3);
    expect([ann.told, bob.told, asks.size]).toEqual([['1 5'], [], 2]);
    asks.settleAll(new ThroughlineError('no-quorum', 'stopped'));
    asks.settle(second, null, issued(8));
    expect([ann.told, bob.told, asks.size]).toEqual([['1 5', '2 no-quorum'], ['1 no-quorum'], 0]);
  });

  it('reuses its places', () => {
    const asks = new OpenAsks();
    const { told, answered } = asker();
    for (let i = 0; i < 10_000; i++) asks.settle(asks.add({ answered }, i) as number, null, issued(i));
    expect(told.length).toBe(10_000);
    expect(asks.size).toBe(0);
    asks.settle(123, null, issued(1));
    expect(told.length).toBe(10_000);
  });
});
