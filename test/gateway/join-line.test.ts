/** The line in front of the door: who comes in when, and who is told to come again. */
import { afterEach, describe, expect, it } from 'vitest';
import { complaint } from '../../client/connection.ts';
import type { ThroughlineError } from '../../server/errors.ts';
import { JoinLine } from '../../server/gateway/join-line.ts';
import { closeAll, openSite, RawClient, type Reply, seat, until } from './support.ts';

afterEach(closeAll);

const pass = () => new Promise<void>((resolve) => setImmediate(resolve));
const HERE = () => false;

/** A line whose clock is moved by hand, and what became of each who came. */
function open(limits: { joinsPerTurn?: number; joinsWaiting?: number; joinWaitMs?: number } = {}) {
  const clock = { now: 1_000 };
  const line = new JoinLine(
    { joinsPerTurn: 2, joinsWaiting: 100, joinWaitMs: 1_500, ...limits },
    () => clock.now,
  );
  const entered: number[] = [];
  const refused: { readonly who: number; readonly error: ThroughlineError }[] = [];
  const come = (who: number, gone = HERE) =>
    void line.turn(gone).then(
      () => entered.push(who),
      (error: ThroughlineError) => refused.push({ who, error }),
    );
  return { clock, line, entered, refused, come };
}

describe('the line in front of the door', () => {
  it('[EDGE2] lets in a few with each pass of the event loop, first come first served', async () => {
    const { line, entered, come } = open();
    for (let who = 0; who < 7; who++) come(who);
    expect(line.waiting).toBe(5);
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) {
      await pass();
      seen.push(entered.length);
    }
    const steps = seen.map((count, i) => count - (seen[i - 1] ?? 0));
    // Two at once, two with the first pass, then two with each.
    expect(steps[0]).toBeLessThanOrEqual(4);
    expect(Math.max(...steps.slice(1))).toBeLessThanOrEqual(2);
    expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6]);
    come(7);
    await Promise.resolve();
    expect(entered.at(-1)).toBe(7);
  });

  it('[EDGE2] refuses the one too many, with a time that follows the length of the line', async () => {
    const { clock, refused, come } = open({ joinsWaiting: 3, joinWaitMs: 60_000 });
    for (let who = 0; who < 6; who++) come(who);
    await Promise.resolve();
    clock.now += 1_200;
    come(6);
    await Promise.resolve();
    expect(refused.map(({ who }) => who)).toEqual([5, 6]);
    expect(refused.map(({ error }) => [error.code, error.retryAfterMs])).toEqual([
      ['overloaded', 500],
      ['overloaded', 1_200],
    ]);
  });

  it('tells those who waited too long to come again, and forgets those who left', async () => {
    const { clock, line, entered, refused, come } = open();
    for (let who = 0; who < 5; who++) come(who, () => who === 3);
    clock.now += 1_600;
    come(5);
    for (let i = 0; i < 4; i++) await pass();
    expect(entered).toEqual([0, 1, 5]);
    expect(refused.map(({ who, error }) => [who, error.code])).toEqual([
      [2, 'overloaded'],
      [3, 'bad-request'],
      [4, 'overloaded'],
    ]);
    expect(line.waiting).toBe(0);
    expect(line.refused).toBe(2);
  });

  it('answers all who wait when it closes', async () => {
    const { line, refused, come } = open();
    for (let who = 0; who < 4; who++) come(who);
    line.close();
    come(4);
    await pass();
    expect(refused.map(({ error }) => error.code)).toEqual(['draining', 'draining', 'draining']);
  });
});

describe.each(['uws', 'ws'] as const)('a crowd at the door, over %s', (transport) => {
  it('[EDGE2] comes in bit by bit, and who is told to come again learns when', async () => {
    const site = await openSite({ transport, limits: { joinsPerTurn: 1, joinsWaiting: 4 } });
    const crowd = await Promise.all(Array.from({ length: 40 }, () => seat(site, { world: 'warehouse' })));
    const of = (status: number): Reply[] => crowd.filter((reply) => reply.status === status);
    expect(of(200).length).toBeGreaterThanOrEqual(1);
    expect(of(200).length + of(503).length).toBe(40);
    for (const { json, headers } of of(503)) {
      expect(json.error).toBe('overloaded');
      expect(headers.get('retry-after')).toBe('1');
      // As the SDK reads it.
      expect(complaint(json.message)).toMatchObject({ refusal: undefined, retryAfterMs: 500 });
    }
    const late = await RawClient.join(site);
    expect(late.welcome?.region).toBe('eu');
  });

  it('[EDGE2] tells clients of a region without a leader to go elsewhere, in parts, each once', async () => {
    const limits = { sweepMs: 20, leaderlessMs: 100, moveOnSweeps: 4 };
    const site = await openSite({ transport, limits });
    const members = await Promise.all(Array.from({ length: 8 }, () => RawClient.join(site)));
    const told = () => members.filter(({ movedOn }) => movedOn !== null).length;
    site.world.leader = null;
    const steps = new Set<number>();
    await until('all are told', () => {
      steps.add(told());
      return told() === 8;
    });
    expect(members.every(({ movedOn }) => movedOn === 'no-quorum')).toBe(true);
    expect(steps.size).toBeGreaterThan(2);
    const late = await RawClient.join(site);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // It came although nobody leads: sent away again, it would only go round in circles.
    expect(late.movedOn).toBeNull();
    site.world.leader = 'us';
    await new Promise((resolve) => setTimeout(resolve, 60));
    site.world.leader = null;
    await until('the next time', () => late.movedOn !== null);
  });

  it('[EDGE2] says nothing of an election', async () => {
    const site = await openSite({ transport, limits: { sweepMs: 10, leaderlessMs: 400 } });
    const member = await RawClient.join(site);
    site.world.leader = null;
    await new Promise((resolve) => setTimeout(resolve, 150));
    site.world.leader = 'us';
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(member.movedOn).toBeNull();
  });
});
