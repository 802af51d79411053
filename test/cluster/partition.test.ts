/** A leader cut off from its peers: it stops acknowledging, the others go on, and after the heal all agree. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPost, Cluster, type Server, statusOf, until } from './harness.ts';
import { audit, commandsOf, Player } from './player.ts';

describe('a partition of real processes', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.stop());

  it('[LEAD2] [LEAD3] [ANS3] the minority acknowledges nothing, the majority goes on', async () => {
    const cut = await cluster.leader();
    const others = cluster.servers.filter((server) => server !== cut);
    const inside = await Player.enter([cut], 0);
    const outside = await Player.enter(others, 0);
    await inside.act('inbound', { to: 'A', amount: 1_000 });

    for (const other of others)
      expect((await adminPost(cut, '/api/faults', { cut: [cut.region, other.region] })).status).toBe(200);
    // In flight at the cut or sent right after it: one or the other way, each of these must end as a 503.
    const late = Promise.all(
      [2, 3, 4].map((sequence) => inside.try(cut, sequence, 'outbound', { from: 'A', amount: 1 })),
    );
    const refused = inside.try(cut, 5, 'outbound', { from: 'B', amount: 1 });
    const read = fetch(`${cut.url}/v1/worlds/warehouse/state?consistency=linearizable`, {
      headers: { authorization: `Bearer ${inside.token}` },
    });

    const went = await outside.act('transfer', { from: 'A', to: 'B', amount: 100 });
    expect(went).toMatchObject({ fate: 'acknowledged', result: { A: 900, B: 100 } });
    const leader = await until('another leader', async () => {
      const { leader: name } = await statusOf(others[0] as never);
      return name !== null && name !== cut.region ? name : false;
    });
    expect(others.map(({ region }) => region)).toContain(leader);

    for (const { status, body } of await late) expect([status, body['error']]).toEqual([503, 'no-quorum']);
    expect((await refused).status).toBe(503);
    expect((await read).status).toBe(503);
    const stale = await statusOf(cut);
    expect(stale.role).not.toBe('leader');

    const round = (await statusOf(others[0] as never)).ballot.round;
    expect((await adminPost(cut, '/api/faults', { heal: true })).status).toBe(200);
    const caughtUp = await until('the healed region', async () => {
      const view = await statusOf(cut);
      return view.leader === leader ? view : false;
    });
    // It came back without a new ballot.
    expect(caughtUp.ballot.round).toBe(round);
    const settled = await inside.try(cut, 2, 'outbound', { from: 'A', amount: 1 });
    expect(settled).toMatchObject({ status: 200, body: { result: { A: 899 } } });
    const token = inside.token;
    const logs = await Promise.all(
      cluster.servers.map((server) =>
        until('the whole log', async () => {
          const log = await commandsOf(server, token);
          return log.length >= Number(settled.body['number']) ? log : false;
        }),
      ),
    );
    for (const log of logs) expect(log).toEqual(logs[0]);
    expect(audit(logs[0] ?? [], [...inside.entries, ...outside.entries])).toEqual([]);
  });

  it('makes a fault in whichever region it belongs, whoever is asked', async () => {
    const leader = await cluster.leader();
    const [asked, other] = cluster.servers.filter((server) => server !== leader) as [Server, Server];
    const fault = async (body: object) =>
      expect((await adminPost(asked, '/api/faults', body)).status).toBe(200);
    await fault({ cut: [leader.region, other.region] });
    await fault({ delayMs: { [`${leader.region}-${other.region}`]: 5 } });
    // Cut off from one of two, the leader goes on.
    const player = await Player.enter([leader], 1);
    expect(await player.act('inbound', { to: 'C', amount: 1 })).toMatchObject({ fate: 'acknowledged' });
    await fault({ heal: true });
    await until('the other has it, too', async () => {
      const { applied } = await statusOf(other);
      return applied === (await statusOf(leader)).applied;
    });
    await fault({ kill: leader.region });
    expect(await leader.exit).toMatchObject({ signal: 'SIGKILL' });
    await until('another leader', async () => {
      const { leader: name } = await statusOf(asked);
      return name !== null && name !== leader.region;
    });
    const unreachable = await adminPost(asked, '/api/faults', { kill: leader.region });
    expect(unreachable.status).toBe(503);
    expect(JSON.stringify(await unreachable.json())).toContain('ask the admin port there');
  });
});
