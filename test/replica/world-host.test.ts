import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../server/links/types.ts';
import { livelyWorld } from '../leader/bench.ts';
import { SmallCluster } from './small-cluster.ts';

const inbound = { to: 'A', amount: 500 };

describe('one world on three region servers', () => {
  it('[ANS1] answers where the action was taken, once its command is applied there', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    const first = cluster.act(other, 's', 1, 'inbound', inbound);
    cluster.settle();
    const second = cluster.act(leader, 't', 1, 'transfer', { from: 'A', to: 'B', amount: 100 });
    cluster.settle();
    expect(cluster.outcome(first)).toEqual({ number: 1, result: '{"A":500}', duplicate: false });
    expect(cluster.outcome(second)).toEqual({ number: 2, result: '{"A":400,"B":100}', duplicate: false });
    for (const device of [0, 1, 2]) expect(cluster.states[device]?.digest).toEqual(cluster.states[0]?.digest);
  });

  it('[ONCE2] answers a repeat from the replica, in any region, as a duplicate', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    cluster.act(0, 's', 1, 'inbound', inbound);
    cluster.settle();
    const ids = [0, 1, 2].map((device) => cluster.act(device, 's', 1, 'inbound', inbound));
    cluster.settle();
    for (const id of ids)
      expect(cluster.outcome(id)).toEqual({ number: 1, result: '{"A":500}', duplicate: true });
    expect(cluster.states[0]?.number).toBe(1);
  });

  it('the same sequence through two regions at once has one effect and one first answer', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    const ids = [0, 1, 2, 2].map((device) => cluster.act(device, 's', 1, 'inbound', inbound));
    cluster.settle();
    const answers = ids.map((id) => cluster.outcome(id) as { number: number; duplicate: boolean });
    expect(answers.map(({ number }) => number)).toEqual([1, 1, 1, 1]);
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(cluster.states[1]?.number).toBe(1);
  });

  it('the same sequence twice in one region: the first is the first, the second a duplicate', () => {
    const cluster = new SmallCluster();
    const other = (cluster.elect() + 1) % 3;
    const ids = [1, 2].map(() => cluster.act(other, 's', 1, 'inbound', inbound));
    cluster.settle();
    expect(ids.map((id) => cluster.outcome(id))).toEqual([
      { number: 1, result: '{"A":500}', duplicate: false },
      { number: 1, result: '{"A":500}', duplicate: true },
    ]);
  });

  it('a refusal travels back as a message, and a read sees everything acknowledged', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    const refused = cluster.act(other, 's', 1, 'outbound', { from: 'A', amount: 1 });
    const read = cluster.read(other);
    cluster.settle();
    expect(cluster.outcome(refused)).toEqual({
      code: 'refused',
      kind: 'refused',
      gameCode: 'insufficient-goods',
    });
    expect(cluster.reads.get(read)).toBeNull();
    expect(cluster.hosts[other]?.status().pending).toBe(0);
  });

  it('[ONCE3] knows from the replica what is settled and what is out of order', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    cluster.act(0, 's', 5, 'inbound', inbound);
    cluster.settle();
    const late = cluster.act(1, 's', 4, 'inbound', inbound);
    for (let sequence = 6; sequence <= 140; sequence++) {
      cluster.act(0, 's', sequence, 'inbound', { to: 'A', amount: 1 });
      cluster.settle();
    }
    const old = cluster.act(1, 's', 5, 'inbound', inbound);
    cluster.settle();
    expect(cluster.outcome(late)).toMatchObject({ code: 'out-of-order', kind: 'refused' });
    expect(cluster.outcome(old)).toMatchObject({ code: 'settled' });
  });

  it('bounds what one session has outstanding', () => {
    const cluster = new SmallCluster();
    const ids = Array.from({ length: 66 }, (_, at) => cluster.act(0, 's', at + 1, 'inbound', inbound));
    const other = cluster.act(0, 't', 1, 'inbound', inbound);
    cluster.settle();
    expect(ids.map((id) => cluster.outcome(id)).filter((outcome) => outcome !== undefined)).toEqual([
      { code: 'rate-limited', kind: 'unavailable', gameCode: undefined },
      { code: 'rate-limited', kind: 'unavailable', gameCode: undefined },
    ]);
    expect(cluster.outcome(other)).toBeUndefined();
  });

  it('a whole sequence from 1 is asked for', () => {
    const cluster = new SmallCluster();
    const ids = [0, -1, 1.5].map((sequence) => cluster.act(0, 's', sequence, 'inbound', inbound));
    cluster.settle();
    for (const id of ids) expect(cluster.outcome(id)).toMatchObject({ code: 'bad-request' });
  });

  it('sessions that connect anywhere join, and leave when they said good-bye', () => {
    const cluster = new SmallCluster({ definition: livelyWorld({ everyMs: 1e9 }) });
    const leader = cluster.elect();
    const other = (leader + 2) % 3;
    cluster.give(other, { kind: 'connected', session: 'eve' });
    cluster.pass(200);
    expect(cluster.states[0]?.session('eve')?.joined).toBe(true);
    cluster.give(other, { kind: 'disconnected', session: 'eve', left: true });
    cluster.pass(200);
    expect(cluster.states[0]?.session('eve')?.joined).toBe(false);
  });

  it('an act is done though its asker says good-bye in the same breath', () => {
    const cluster = new SmallCluster();
    const other = (cluster.elect() + 1) % 3;
    cluster.give(other, { kind: 'connected', session: 'eve' });
    cluster.settle();
    const id = cluster.act(other, 'eve', 1, 'inbound', inbound);
    cluster.give(other, { kind: 'disconnected', session: 'eve', left: true });
    cluster.settle();
    expect(cluster.outcome(id)).toMatchObject({ number: 1 });
  });

  it('what a session asked for at a region that it left is not done long after it was told no elsewhere', () => {
    const cluster = new SmallCluster();
    const lost = cluster.elect();
    cluster.give(lost, { kind: 'connected', session: 'eve' });
    cluster.settle();
    cluster.cut(lost);
    const there = cluster.act(lost, 'eve', 1, 'outbound', { from: 'A', amount: 1 });
    cluster.pass(1_000);
    const here = (lost + 1) % 3;
    const again = cluster.act(here, 'eve', 1, 'outbound', { from: 'A', amount: 1 });
    cluster.pass(50);
    expect(cluster.outcome(again)).toMatchObject({ code: 'refused' });
    // What it lacked comes; the region that it left is back.
    cluster.act(here, 'bob', 1, 'inbound', inbound);
    cluster.give(lost, { kind: 'disconnected', session: 'eve', left: false });
    cluster.pass(50);
    cluster.heal();
    cluster.pass(1_000);
    expect(cluster.hosts[lost]?.status()).toMatchObject({
      pending: 0,
      applied: cluster.states[here]?.number,
    });
    expect(cluster.outcome(there)).toMatchObject({ code: 'no-quorum', kind: 'unknown' });
    expect(cluster.states[here]?.session('eve')?.sequence ?? 0).toBe(0);
  });

  it('takes nothing while draining', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    cluster.give(0, { kind: 'drain' });
    const id = cluster.act(0, 's', 1, 'inbound', inbound);
    cluster.settle();
    expect(cluster.outcome(id)).toMatchObject({ code: 'draining', kind: 'unavailable' });
  });

  it('hands leadership over on request of any region', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const [asked, next] = [(leader + 1) % 3, (leader + 2) % 3];
    cluster.give(asked, { kind: 'hand-over', to: next });
    cluster.pass(100);
    expect(cluster.elect()).toBe(next);
  });

  it('[LEAD5] a region that is cut off need not be told the time, whoever is connected to it', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    cluster.give(2, { kind: 'connected', session: 'p' });
    cluster.pass(3_000);
    const host = cluster.hosts[2];
    expect(host?.status().resting).toBe(true);
    // The next list of who is connected is due some time.
    expect(host?.dueAt).toBeGreaterThan(cluster.now);
    expect(host?.dueAt).toBeLessThan(Number.POSITIVE_INFINITY);
    for (const device of [0, 1]) cluster.give(2, { kind: 'link', device, up: false });
    cluster.cut(2);
    cluster.pass(30_000);
    expect(host?.status()).toMatchObject({ resting: true, leader: null });
    expect(host?.dueAt).toBe(Number.POSITIVE_INFINITY);
    cluster.heal();
    for (const device of [0, 1]) cluster.give(2, { kind: 'link', device, up: true });
    cluster.pass(3_000);
    expect(host?.status()).toMatchObject({ resting: true, leader: 0 });
    expect(host?.dueAt).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('a region that leaves need not be told the time of a world at rest', () => {
    const cluster = new SmallCluster();
    cluster.elect();
    cluster.pass(3_000);
    cluster.give(1, { kind: 'drain' });
    cluster.settle();
    expect(cluster.hosts[1]?.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('runs no function while leadership is being handed over', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const next = (leader + 1) % 3;
    cluster.give(leader, { kind: 'hand-over', to: next });
    const id = cluster.act(leader, 's', 1, 'inbound', inbound);
    cluster.pass(300);
    expect(cluster.outcome(id)).toMatchObject({ number: 1, duplicate: false });
    expect((cluster.states[0]?.born ?? 0) % 3).toBe(next);
  });

  it('an action is run by the leadership that it is meant for, and by no other', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    const { ballot } = cluster.hosts[leader]?.status() ?? { ballot: 0 };
    const sent: PeerMessage[] = [];
    cluster.drop = (from, _to, message) => {
      if (from === leader && message.kind === 'reply') sent.push(message);
      return false;
    };
    const args = cluster.definition.schema.actions['inbound']?.encode(inbound) ?? new Uint8Array();
    const action = { region: other, request: 9, session: 's', sequence: 1, action: 'inbound', args };
    cluster.give(leader, {
      kind: 'peer',
      from: other,
      message: { kind: 'execute', ballot: ballot - 3, actions: [action] },
    });
    cluster.settle();
    expect(cluster.states[leader]?.number).toBe(0);
    expect(sent).toEqual([
      { kind: 'reply', ballot: ballot - 3, replies: [{ region: other, request: 9, outcome: 'not-leader' }] },
    ]);
    // In the name of a third region it is not run either.
    const forged = { ...action, region: leader };
    cluster.give(leader, {
      kind: 'peer',
      from: other,
      message: { kind: 'execute', ballot, actions: [forged] },
    });
    cluster.settle();
    expect(cluster.states[leader]?.number).toBe(0);
    expect(cluster.effects.flatMap(({ alarms }) => alarms)).toHaveLength(1);
  });

  it('an action that comes while its ballot is prepared is run once it is active', () => {
    const cluster = new SmallCluster();
    let prepared: number | undefined;
    cluster.drop = (_from, to, message) => {
      if (message.kind !== 'ballot-info') return false;
      prepared = to;
      return true;
    };
    for (let tries = 0; tries < 100 && prepared === undefined; tries++) cluster.pass(5);
    const candidate = prepared as number;
    const ballot = 3 + candidate;
    const other = (candidate + 1) % 3;
    const args = cluster.definition.schema.actions['inbound']?.encode(inbound) ?? new Uint8Array();
    const action = { region: other, request: 9, session: 's', sequence: 1, action: 'inbound', args };
    cluster.give(candidate, {
      kind: 'peer',
      from: other,
      message: { kind: 'execute', ballot, actions: [action] },
    });
    cluster.settle();
    expect(cluster.hosts[candidate]?.status()).toMatchObject({ role: 'preparing', queued: 1 });
    cluster.drop = () => false;
    expect(cluster.elect()).toBe(candidate);
    cluster.settle();
    expect(cluster.states[other]?.number).toBe(1);
  });
});

describe('when leaders come and go', () => {
  it('T73: the answer of a command that a majority holds survives its leader', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    const id = cluster.act(other, 's', 1, 'inbound', inbound);
    cluster.drop = (_from, to, message) => to === leader && message.kind === 'voted';
    cluster.settle();
    cluster.kill(leader);
    cluster.settle();
    expect(cluster.outcome(id)).toEqual({ number: 1, result: '{"A":500}', duplicate: false });
  });

  it('[0070] what was not answered is sent to the next leader, in order, and runs once', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    cluster.drop = (from) => from === leader;
    const ids = [1, 2, 3].map((sequence) =>
      cluster.act(other, 's', sequence, 'inbound', { to: 'A', amount: sequence }),
    );
    cluster.settle();
    cluster.kill(leader);
    cluster.elect();
    cluster.settle();
    expect(ids.map((id) => cluster.outcome(id))).toEqual([
      { number: 1, result: '{"A":1}', duplicate: false },
      { number: 2, result: '{"A":3}', duplicate: false },
      { number: 3, result: '{"A":6}', duplicate: false },
    ]);
  });

  it('[ANS3] an action that may have happened is never called a no', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    cluster.cut(leader);
    const sent = cluster.act(leader, 's', 1, 'inbound', inbound);
    cluster.pass(5_100);
    expect(cluster.outcome(sent)).toMatchObject({ code: 'no-quorum', kind: 'unknown' });
    expect(cluster.states[leader]?.number).toBe(0);
    const unsent = cluster.act(leader, 's', 2, 'inbound', inbound);
    cluster.pass(5_100);
    expect(cluster.outcome(unsent)).toMatchObject({ code: 'no-quorum', kind: 'unavailable' });
    cluster.heal();
    cluster.elect();
    const again = cluster.act(leader, 's', 1, 'inbound', inbound);
    cluster.pass(50);
    expect(cluster.outcome(again)).toEqual({ number: 1, result: '{"A":500}', duplicate: false });
  });

  it('[ANS4] a cut-off leader refuses nothing and confirms nothing', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    cluster.act(leader, 't', 1, 'inbound', { to: 'B', amount: 1 });
    cluster.settle();
    cluster.cut(leader);
    const refused = cluster.act(leader, 's', 1, 'outbound', { from: 'A', amount: 1 });
    const read = cluster.read(leader);
    cluster.pass(1_000);
    expect(cluster.outcome(refused)).toBeUndefined();
    expect(cluster.reads.has(read)).toBe(false);
    const next = cluster.leader as number;
    expect(next).not.toBe(leader);
    const through = cluster.act(next, 'u', 1, 'inbound', inbound);
    cluster.pass(50);
    expect(cluster.outcome(through)).toMatchObject({ number: 2 });
    cluster.pass(5_000);
    expect(cluster.outcome(refused)).toMatchObject({ code: 'no-quorum', kind: 'unknown' });
    expect(cluster.reads.get(read)).toMatchObject({ code: 'no-quorum' });
  });

  it('T52: a leader that was cut off follows the next one when it is back', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    cluster.cut(leader);
    const lost = cluster.act(leader, 's', 1, 'inbound', inbound);
    cluster.settle();
    cluster.pass(600);
    const next = cluster.leader as number;
    for (const sequence of [1, 2, 3]) cluster.act(next, 't', sequence, 'inbound', { to: 'B', amount: 1 });
    cluster.pass(50);
    cluster.heal();
    cluster.pass(500);
    expect(cluster.hosts[leader]?.status()).toMatchObject({
      role: 'follower',
      leader: next,
      stopped: undefined,
    });
    expect(cluster.amounts(leader)).toEqual({ A: 500, B: 3, C: 0 });
    expect(cluster.outcome(lost)).toEqual({ number: 4, result: '{"A":500}', duplicate: false });
  });

  it('what may have been lost with a connection is sent again as soon as there is another', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    let lost = 0;
    cluster.drop = (_from, _to, message) => message.kind === 'execute' && lost++ === 0;
    const id = cluster.act(other, 's', 1, 'inbound', inbound);
    cluster.settle();
    expect(lost).toBe(1);
    cluster.give(other, { kind: 'link', device: leader, up: true });
    cluster.settle();
    expect(cluster.outcome(id)).toMatchObject({ number: 1, duplicate: false });
  });

  it('a lost message to the leader is made up for, and its copies do nothing', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const other = (leader + 1) % 3;
    let copies = 0;
    cluster.drop = (_from, _to, message) => message.kind === 'execute' && copies++ === 0;
    const id = cluster.act(other, 's', 1, 'inbound', inbound);
    cluster.pass(1_050);
    expect(copies).toBe(2);
    expect(cluster.outcome(id)).toMatchObject({ number: 1, duplicate: false });
  });
});

describe('fail stop', () => {
  it('[SEQ6] a copy that differs stops, says at which number, and answers nothing from it', () => {
    const cluster = new SmallCluster();
    const leader = cluster.elect();
    const odd = (leader + 1) % 3;
    cluster.act(leader, 's', 1, 'inbound', inbound);
    cluster.settle();
    const row = { ...(cluster.states[odd]?.table('warehouse')?.get('A') ?? {}), amount: 7 };
    const table = cluster.states[odd]?.tables.all()[Symbol.iterator]().next().value;
    if (table === undefined) throw new Error('no table');
    table.map.set('A', row);
    const id = cluster.act(odd, 's', 2, 'transfer', { from: 'A', to: 'B', amount: 1 });
    cluster.settle();
    const stopped = cluster.hosts[odd]?.status().stopped;
    expect(stopped?.number).toBe(2);
    expect(stopped?.reason).toMatch(/digest/);
    const last = cluster.effects.find((effects) => effects.stopped !== undefined);
    expect([last?.sends, last?.writes, last?.applied]).toEqual([[], [], undefined]);
    expect(cluster.outcome(id)).toMatchObject({ code: 'no-quorum', kind: 'unknown' });
    const after = cluster.act(odd, 's', 1, 'inbound', inbound);
    cluster.settle();
    expect(cluster.outcome(after)).toMatchObject({ code: 'no-quorum' });
    expect(cluster.states[leader]?.number).toBe(2);
  });
});
