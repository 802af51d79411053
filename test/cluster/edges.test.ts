/** What a region server does with bad input, bad company, signals and its command line. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import { clusterDigest, LOOPBACK_SECRET, parsePeers } from '../../server/config.ts';
import { createLinks } from '../../server/links/net.ts';
import { Cluster, type Server, statusOf, until } from './harness.ts';
import { Player, post, stateOf } from './player.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe('real processes and the outside', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.stop());

  function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const child = spawn(process.execPath, [cluster.cli, ...args], {
      env: { PATH: process.env['PATH'], ...env },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, out, err }));
    });
  }

  const peerPort = (server: Server) =>
    Number(
      String(server.lines.find((line) => line['event'] === 'ready')?.['peer'])
        .split(':')
        .at(-1),
    );

  it('[EDGE3] answers bad requests with their codes, and goes on', async () => {
    const server = cluster.servers[0] as Server;
    const player = await Player.enter(cluster.servers, 0);
    const actions = `${server.url}/v1/worlds/warehouse/actions`;
    const inbound = { action: 'inbound', args: { to: 'A', amount: 1 } };
    const told = async (body: object, url = actions, token: string | undefined = player.token) => {
      const { status, body: answer } = await post(url, body, token);
      return [status, answer['error']];
    };
    expect(await told({ sequence: 0, ...inbound })).toEqual([400, 'bad-request']);
    expect(await told({ sequence: 1, action: 'inbound', args: { to: 'A', amount: -1 } })).toEqual([
      400,
      'bad-arguments',
    ]);
    expect(await told({ sequence: 1, action: 'inbound', args: { to: 'A', amount: 0 } })).toEqual([
      400,
      'bad-arguments',
    ]);
    expect(await told({ sequence: 1, action: 'steal', args: {} })).toEqual([404, 'no-such-action']);
    expect(await told({ sequence: 1, ...inbound }, actions, 'nonsense')).toEqual([401, 'unauthorized']);
    expect(await told({ sequence: 1, ...inbound }, `${server.url}/v1/worlds/nowhere/actions`)).toEqual([
      404,
      'no-such-world',
    ]);
    expect(await told({ sequence: 1, action: 'outbound', args: { from: 'A', amount: 1 } })).toEqual([
      409,
      'refused',
    ]);
    expect(await told({ sequence: 2, ...inbound })).toEqual([200, undefined]);
    expect(await told({ sequence: 1, ...inbound })).toEqual([409, 'out-of-order']);
    expect(
      (await stateOf(server, player.token, '?consistency=linearizable')).tables.warehouse[0]?.amount,
    ).toBe(1);
  });

  it('[LINK1] [LINK2] a stranger on the peer port is cut off and nobody else notices', async () => {
    const server = cluster.servers[1] as Server;
    const leader = await cluster.leader();
    const { round } = (await statusOf(leader)).ballot;
    for (const bytes of [randomBytes(4_096), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64, 0xff)]) {
      const socket = connect(peerPort(server), '127.0.0.1');
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(bytes);
      await closed;
    }
    const player = await Player.enter(cluster.servers, 1);
    expect(await player.act('inbound', { to: 'B', amount: 1 })).toMatchObject({ fate: 'acknowledged' });
    expect((await statusOf(await cluster.leader())).ballot.round).toBe(round);
  });

  /** Waits until a server has written a line about its links with this code. */
  const saysOfLinks = (server: Server, code: string) =>
    until(`'${code}' in the log of ${server.region}`, () =>
      server.lines.some((line) => line['event'] === 'link' && line['code'] === code),
    );

  it('[LINK1] a region with another secret, version, or list of regions is not let in', async () => {
    const ap = cluster.of('ap');
    await ap.stop('SIGTERM');
    await ap.start({ env: { THROUGHLINE_SECRET: 'another secret than theirs' } });
    await saysOfLinks(ap, 'wrong-secret');
    await ap.stop('SIGKILL');

    const { regions, peers } = parsePeers(
      ['eu', 'us', 'ap'].map((name) => `${name}=127.0.0.1:${peerPort(cluster.of(name as 'eu'))}`).join(','),
    );
    const logged: string[] = [];
    const note = (fields: object) => logged.push(String((fields as { code?: string }).code));
    const asAp = async (cluster_: string, protocol: number, expected: string) => {
      let linked = false;
      const links = createLinks(
        {
          ...{ self: 2, regions, peers, secret: LOOPBACK_SECRET, cluster: cluster_, version: 'test' },
          folder: { store: 'a store', peerStore: () => null, rememberPeer: () => Promise.resolve() },
          logger: { info: note, warn: note },
          bounds: { protocol },
        },
        {
          message: () => {},
          link: () => {
            linked = true;
          },
        },
      );
      await links.start();
      await until(expected, () => logged.includes(expected));
      await links.close();
      expect(linked).toBe(false);
    };
    await asAp(clusterDigest(regions, [1, 1, 1]), PROTOCOL_VERSION + 1, 'wrong-version');
    await asAp(clusterDigest(['eu', 'us'], [1, 1]), PROTOCOL_VERSION, 'wrong-cluster');

    await ap.start();
    const player = await Player.enter([ap], 0);
    expect(await player.act('inbound', { to: 'B', amount: 1 })).toMatchObject({ fate: 'acknowledged' });
  });

  it('SIGTERM hands leadership on and ends with 0 within 5 s; SIGINT the same', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const leader = await cluster.leader();
      const player = await Player.enter(
        cluster.servers.filter((server) => server !== leader),
        0,
      );
      const began = performance.now();
      const [ended, acted] = await Promise.all([
        leader.stop(signal),
        player.act('inbound', { to: 'C', amount: 1 }),
      ]);
      expect(ended).toEqual({ code: 0, signal: null });
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(acted.fate).toBe('acknowledged');
      expect(leader.lines.at(-1)?.['event']).toBe('drained');
      await leader.start();
    }
  });

  it('the first line that says ready carries the addresses', () => {
    for (const server of cluster.servers) {
      const ready = server.lines.find((line) => line['event'] === 'ready');
      expect(ready).toMatchObject({
        region: server.region,
        listen: `127.0.0.1:${server.listen}`,
        admin: `127.0.0.1:${server.admin}`,
      });
    }
  });

  it('the small commands ask any region', async () => {
    const [eu, us] = cluster.servers as [Server, Server];
    const url = `127.0.0.1:${us.listen}`;
    const acted = await cli(['act', 'open', '{"id":"cli"}', '--url', url, '--json']);
    expect([acted.code, acted.err]).toEqual([0, '']);
    const { number } = JSON.parse(acted.out) as { number: number };
    const state = await cli(['state', '--url', url, '--min', String(number)]);
    expect(state.out).toContain('{"id":"cli","amount":0}');
    const past = await cli(['state', '--url', url, '--at', String(number - 1), '--json']);
    expect(JSON.parse(past.out)).toMatchObject({ number: number - 1 });
    expect(past.out).not.toContain('"cli"');
    const commands = await cli(['commands', '--url', url, '--from', String(number)]);
    expect(JSON.parse(commands.out.split('\n')[0] ?? '')).toMatchObject({ number, action: 'open' });
    const status = await cli(['status'], { THROUGHLINE_ADMIN: `127.0.0.1:${eu.admin}` });
    expect(status.out).toContain('world warehouse');
    const refused = await cli(['act', 'open', '{"id":"cli"}', '--url', url]);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain('already-open');
    const away = await cli(['state', '--url', '127.0.0.1:1']);
    expect(away.code).toBe(1);
  });

  it('hand-over moves a world wherever it is asked', async () => {
    const leader = await cluster.leader();
    const [asked, next] = cluster.servers.filter((server) => server !== leader) as [Server, Server];
    const moved = await cli(['hand-over', '--to', next.region, '--admin', `127.0.0.1:${asked.admin}`]);
    expect([moved.code, moved.err]).toEqual([0, '']);
    expect((await cluster.leader()).region).toBe(next.region);
  });

  it('reads environment and file below the command line, and fails with 1 where it cannot start', async () => {
    const file = join(cluster.folder, 'config.json');
    const taken = cluster.servers[0] as Server;
    writeFileSync(
      file,
      JSON.stringify({
        region: 'nobody',
        peers: { eu: '127.0.0.1:1' },
        listen: '127.0.0.1:0',
        admin: `127.0.0.1:${taken.admin}`,
        data: join(cluster.folder, 'alone'),
        worlds: ['warehouse'],
      }),
    );
    const wrong = await cli(['serve', '--config', file]);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("'nobody'");
    const env = { THROUGHLINE_REGION: 'eu', THROUGHLINE_CONFIG: file };
    const failed = await cli(['serve', '--peers', `eu=127.0.0.1:${taken.listen}`], env);
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('EADDRINUSE');
  });
});
