/** Real servers whose worlds are on worker threads. */
import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../client/index.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { Cluster, until } from '../cluster/harness.ts';

const WORLDS = ['a', 'b', 'c'];
let cluster: Cluster;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  const worlds = WORLDS.map((name) => `${name}=warehouse`).join(',');
  cluster = await Cluster.prepare({ worlds, workers: 2 });
  await Promise.all(cluster.servers.map((server) => server.start()));
  for (const world of WORLDS) await cluster.leader(world);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.close()));
});
afterAll(async () => {
  await cluster?.stop();
});

const enter = async (at: number, name: string) => {
  const world = await connect(cluster.servers[at]!.url, { world: name, definition: warehouse });
  open.push(world);
  return world;
};

/** The status of an answer to a request with so many bytes of headers. */
const statusWith = (port: number, path: string, headerBytes: number) =>
  new Promise<number>((resolve, reject) => {
    const headers = { Cookie: 'c'.repeat(headerBytes) };
    const asked = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });

describe('regions with workers', () => {
  // A long batch is in two parts: put together in a Buffer, it could go to the first peer only and stopped the worker.
  it('agree on batches of any length, in each of their worlds', async () => {
    for (const name of WORLDS) {
      const worlds = await Promise.all([0, 1, 2].map((at) => enter(at, name)));
      const acts = worlds.flatMap((world) =>
        Array.from({ length: 120 }, (_, i) => world.act('inbound', { to: 'A', amount: i + 1 })),
      );
      const numbers = (await Promise.all(acts)).map(({ number }) => number);
      expect(new Set(numbers).size).toBe(acts.length);
      const last = Math.max(...numbers);
      await until('all there', () => worlds.every((world) => world.number >= last));
      for (const world of worlds) expect(world.tables.warehouse.get('A')?.amount).toBe((3 * 120 * 121) / 2);
    }
    expect(cluster.servers.map(({ running }) => running)).toEqual([true, true, true]);
    const bad = cluster.servers.flatMap(({ lines }) =>
      lines.filter(({ level, event }) => level === 'fatal' || level === 'error' || event === 'draining'),
    );
    expect(bad).toEqual([]);
  });

  // The first to load uWebSockets.js decides for the process how long headers may be, and that is a worker.
  it('take the headers that a browser with many cookies sends, at each of their doors', async () => {
    const { listen } = cluster.servers[0]!;
    for (const port of [listen, listen + 1, listen + 2])
      expect(await statusWith(port, '/healthz', 12_000)).toBe(200);
    expect(await statusWith(listen, '/v1/worlds/b/state', 12_000)).toBe(401);
  });

  it('leave in order when they are told to', async () => {
    const server = cluster.of('ap');
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(server.lines.at(-1)).toMatchObject({ event: 'drained' });
    expect(server.lines.filter(({ late }) => late === true)).toEqual([]);
    await server.start();
  });
});
