/** Real servers whose worlds are on worker threads. */
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

  it('leave in order when they are told to', async () => {
    const server = cluster.of('ap');
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(server.lines.at(-1)).toMatchObject({ event: 'drained' });
    expect(server.lines.filter(({ late }) => late === true)).toEqual([]);
    await server.start();
  });
});
