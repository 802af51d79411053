/** The SDK against real region servers, killed under it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientWorld, type CommandJson, connect, Refused, type Resync } from '../../client/index.ts';
import type { ClientLimits } from '../../client/limits.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { Cluster, type Server, until } from '../cluster/harness.ts';

type Warehouse = ClientWorld<typeof warehouse.schema>;

let cluster: Cluster;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  cluster = await Cluster.start({ worlds: 'arena,warehouse' });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.close()));
});
afterAll(async () => {
  await cluster?.stop();
});

const urlsFrom = (first: Server): string[] => {
  const at = cluster.servers.indexOf(first);
  return [...cluster.servers.slice(at), ...cluster.servers.slice(0, at)].map(({ url }) => url);
};

async function enter(
  first: Server,
  token?: string | null,
  limits: Partial<ClientLimits> = {},
): Promise<Warehouse> {
  const world = await connect(urlsFrom(first), {
    world: 'warehouse',
    definition: warehouse,
    token: token ?? null,
    limits,
  });
  open.push(world);
  return world;
}

/** Everything a client is told, in order. */
function record(world: Warehouse): { commands: CommandJson[]; resyncs: Resync[]; from: number } {
  const told = { commands: [] as CommandJson[], resyncs: [] as Resync[], from: world.number };
  world.onCommand((command) => told.commands.push(command));
  world.onResync((resync) => told.resyncs.push(resync));
  return told;
}

function expectGapless({ commands, resyncs, from }: ReturnType<typeof record>): void {
  expect(resyncs).toEqual([]);
  expect(commands.map(({ number }) => number)).toEqual(commands.map((_, i) => from + 1 + i));
  for (const [i, command] of commands.entries())
    if (i > 0) expect(command.precedent).toEqual(commands[i - 1]!.ballot);
}

describe('the SDK on a real cluster', () => {
  it('acts at one region and reads it at another, command by command', async () => {
    const [eu, us] = [await enter(cluster.of('eu')), await enter(cluster.of('us'))];
    const told = record(us);
    const { number, result } = await eu.act('inbound', { to: 'A', amount: 500 });
    expect(result).toEqual({ A: eu.tables.warehouse.get('A')!.amount });
    await until('the command at us', () => us.number >= number);
    expect(told.commands.at(-1)).toMatchObject({ number, action: 'inbound', session: eu.session, result });
    expect(us.tables.warehouse.get('A')).toEqual(eu.tables.warehouse.get('A'));
    expectGapless(told);
  });

  it('tells a refusal of the game from bad arguments', async () => {
    const world = await enter(cluster.of('ap'));
    await expect(world.act('outbound', { from: 'B', amount: 1 })).rejects.toMatchObject({
      name: 'Refused',
      code: 'insufficient-goods',
    });
    await expect(world.act('inbound', { to: 'B', amount: 0 })).rejects.toMatchObject({
      code: 'bad-arguments',
    });
    await expect(world.act('inbound', { to: 'B', amount: -1 })).rejects.toBeInstanceOf(Refused);
    await expect(world.act('inbound', { to: 'Z', amount: 1 })).rejects.toMatchObject({
      code: 'no-such-warehouse',
    });
  });

  it('refuses a world that is not there, a definition that is another, and a forged token', async () => {
    const urls = urlsFrom(cluster.of('eu'));
    await expect(connect(urls, { world: 'atlantis', definition: warehouse })).rejects.toMatchObject({
      code: 'no-such-world',
    });
    await expect(connect(urls, { world: 'arena', definition: warehouse })).rejects.toMatchObject({
      code: 'wrong-definition',
    });
    await expect(enter(cluster.of('eu'), 'forged')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('goes on as the same player at another region, by its token', async () => {
    const first = await enter(cluster.of('eu'));
    await first.act('open', { id: 'token-test' });
    await first.close();
    const again = await enter(cluster.of('ap'), first.token);
    expect(again.session).toBe(first.session);
    expect((await again.act('inbound', { to: 'token-test', amount: 7 })).result).toEqual({ 'token-test': 7 });
  });

  it('keeps every promise while leaders are killed, with many acts in flight', async () => {
    const { amount: before } = (await enter(cluster.of('us'))).tables.warehouse.get('C')!;
    const players = await Promise.all(
      cluster.servers.map((server) => enter(server, null, { actMs: 30_000 })),
    );
    const told = players.map(record);
    let stop = false;
    let issued = 0;
    const busy = players.map(async (world) => {
      while (!stop) {
        const acts = Array.from({ length: 20 }, () => world.act('inbound', { to: 'C', amount: 1 }));
        const results = await Promise.all(acts);
        issued += results.length;
        expect(new Set(results.map(({ number }) => number)).size).toBe(20);
      }
    });
    for (let kill = 0; kill < 3; kill++) {
      const leader = await cluster.leader('warehouse');
      const { issued: already } = { issued };
      await until('some acts', () => issued > already + 100);
      await leader.stop('SIGKILL');
      const during = issued;
      await until('acts after the kill', () => issued > during + 100, 15_000);
      await leader.start();
    }
    stop = true;
    await Promise.all(busy);
    const last = Math.max(...players.map((world) => world.number));
    await until('everybody at the end', () => players.every((world) => world.number >= last));
    for (const one of told) expectGapless(one);
    for (const world of players) expect(world.tables.warehouse.get('C')!.amount).toBe(before + issued);
    expect(new Set(players.map((world) => `${world.number} ${world.digest}`)).size).toBe(1);
    // Each act of each player is one command, executed in the order it was asked for.
    for (const world of players) {
      const own = told[0]!.commands.filter(({ session }) => session === world.session);
      const sequences = own.filter(({ action }) => action === 'inbound').map(({ sequence }) => sequence!);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
      expect(new Set(sequences).size).toBe(sequences.length);
    }
  }, 60_000);

  it('moves on when its region drains, and shows its own steps at once in the arena', async () => {
    const home = cluster.of('ap');
    const world = await connect(urlsFrom(home), { world: 'arena', definition: arena, predict: ['move'] });
    open.push(world);
    await until('my player', () => world.tables.player.has(world.session));
    const before = world.predicted.player.get(world.session)!;
    const dx = before.x > 14 ? -0.4 : 0.4;
    const step = world.act('move', { dx, dy: 0.1 });
    expect(world.predicted.player.get(world.session)).not.toEqual(before);
    const { number } = await step;
    expect(world.number).toBeGreaterThanOrEqual(number);
    await home.stop('SIGTERM');
    await until('another region', () => world.status.phase === 'live' && world.status.region !== 'ap');
    await world.act('move', { dx: -dx, dy: 0 });
    await home.start();
  }, 30_000);
});
