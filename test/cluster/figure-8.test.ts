/** Fig. 8 of the patent [0076] over HTTP, with the leader killed by SIGKILL between its ballot and its votes (T17). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPost, Cluster, until } from './harness.ts';
import { audit, commandsOf, Player, stateOf } from './player.ts';

const transfer = (from: string, to: string, amount: number) => ({ from, to, amount });

describe('Fig. 8 on real processes', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.prepare();
  });
  afterAll(() => cluster?.stop());

  it('[LEAD4] [SEQ3] A=0 B=0 C=500 everywhere, also after a restart of everything', async () => {
    const p = cluster.of('ap');
    const env = { THROUGHLINE_FAULT: 'kill-after-send:begin-ballot:number=2' };
    await Promise.all(cluster.servers.map((server) => server.start(server === p ? { env } : {})));
    await cluster.leader();
    expect((await adminPost(p, '/api/worlds/warehouse/leader', { region: p.region })).status).toBe(200);
    const [q, r] = cluster.servers.filter((server) => server !== p);
    if (q === undefined || r === undefined) throw new Error('three regions');
    const atQ = await Player.enter(cluster.servers, cluster.servers.indexOf(q));
    const atR = await Player.enter(cluster.servers, cluster.servers.indexOf(r));

    const f = await atQ.act('inbound', { to: 'A', amount: 500 });
    expect(f).toMatchObject({ fate: 'acknowledged', number: 1, result: { A: 500 } });

    // g is on its way when its leader dies: the ballot for number 2 reached one peer, no vote was handled.
    const g = atR.act('transfer', transfer('A', 'B', 100));
    expect(await p.exit).toMatchObject({ signal: 'SIGKILL' });
    const h = await atQ.act('transfer', transfer('A', 'B', 100));
    expect(await g).toMatchObject({ fate: 'acknowledged', number: 2, result: { A: 400, B: 100 } });
    expect(h).toMatchObject({ fate: 'acknowledged', number: 3, result: { A: 300, B: 200 } });
    const commands = await commandsOf(q, atQ.token);
    expect(commands[1]?.ballot).toEqual(commands[0]?.ballot);
    expect(commands[2]?.ballot.round).toBeGreaterThan(commands[1]?.ballot.round ?? 0);
    expect(commands[2]?.precedent).toEqual(commands[1]?.ballot);

    await p.start();
    const l = await atQ.act('transfer', transfer('B', 'A', 200));
    const k = await atR.act('transfer', transfer('A', 'C', 500));
    expect(l).toMatchObject({ number: 4, result: { A: 500, B: 0 } });
    expect(k).toMatchObject({ number: 5, result: { A: 0, C: 500 } });

    const expectEnd = async () => {
      for (const server of cluster.servers) {
        const state = await stateOf(server, atQ.token, '?min=5');
        expect(state.number).toBe(5);
        expect(Object.fromEntries(state.tables.warehouse.map(({ id, amount }) => [id, amount]))).toEqual({
          A: 0,
          B: 0,
          C: 500,
        });
      }
    };
    await expectEnd();

    await Promise.all(cluster.servers.map((server) => server.stop()));
    await cluster.startAll();
    await expectEnd();
    for (const server of cluster.servers)
      expect(audit(await commandsOf(server, atQ.token), [...atQ.entries, ...atR.entries])).toEqual([]);
    // The repeat of g, of before all those deaths, gets the first answer.
    const again = await until('an answer', async () => {
      const told = await atR.try(q, 1, 'transfer', transfer('A', 'B', 100));
      return told.status === 200 ? told : false;
    });
    expect(again.body).toEqual({ number: 2, result: { A: 400, B: 100 }, duplicate: true });
  });
});
