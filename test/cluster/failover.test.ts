/** Leaders killed under load, everybody killed at once: nothing acknowledged is lost, doubled or reordered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, type Server, statusOf, until } from './harness.ts';
import { audit, commandsOf, type Gamer, Player, replay, SdkPlayer, stateOf } from './player.ts';

const PLAYERS = 8;
const WAREHOUSES = 100;
const GOODS = 1_000;

const name = (at: number) => `W${at}`;
const pick = (below: number) => Math.floor(Math.random() * below);

/** Opens the warehouses and fills them with what the rest of the test must conserve. */
async function fill(player: Gamer): Promise<void> {
  for (let at = 0; at < WAREHOUSES; at += 20)
    await Promise.all(Array.from({ length: 20 }, (_, of) => player.act('open', { id: name(at + of) })));
  for (let at = 0; at < WAREHOUSES; at += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, of) => player.act('inbound', { to: name(at + of), amount: GOODS })),
    );
}

/** Transfers at random, one at a time, until told to stop. */
async function play(player: Gamer, stop: { now: boolean }): Promise<void> {
  while (!stop.now) {
    const from = pick(WAREHOUSES);
    // Never to itself: that changes nothing and makes no command.
    const to = (from + 1 + pick(WAREHOUSES - 1)) % WAREHOUSES;
    const args = { from: name(from), to: name(to), amount: 1 + pick(GOODS / 4) };
    await player.act('transfer', args, () => stop.now);
  }
}

/** Every region holds the same sequence, it fits the players' books, and no goods are gone. */
async function expectSound(cluster: Cluster, players: readonly Gamer[]): Promise<void> {
  const token = players[0]?.token ?? '';
  const entries = players.flatMap((player) => player.entries);
  await cluster.leader();
  const settled = await until('equal numbers', async () => {
    const views = await Promise.all(cluster.servers.map((server) => statusOf(server)));
    return views.every(({ applied, digest }) => applied === views[0]?.applied && digest === views[0]?.digest)
      ? views
      : false;
  });
  const logs = await Promise.all(cluster.servers.map((server) => commandsOf(server, token)));
  const [first = []] = logs;
  expect(first).toHaveLength(settled[0]?.applied ?? -1);
  expect(audit(first, entries)).toEqual([]);
  for (const log of logs) expect(log).toEqual(first);
  const amounts = replay(first);
  for (const server of cluster.servers) {
    const state = await stateOf(server, token);
    for (const { id, amount } of state.tables.warehouse) expect(amount).toBe(amounts.get(id) ?? 0);
    expect(state.tables.warehouse.reduce((sum, { amount }) => sum + amount, 0)).toBe(WAREHOUSES * GOODS);
  }
  expect(entries.filter(({ fate }) => fate === 'acknowledged').length).toBeGreaterThan(200);
}

/** From the kill to the first answer that each player got after it, of those that went on. */
function pauses(players: readonly Gamer[], killedAt: number, until_: number): number[] {
  return players.flatMap((player) => {
    const next = player.entries.find(
      ({ fate, at }) => fate === 'acknowledged' && at > killedAt && at <= until_,
    );
    return next === undefined ? [] : [next.at - killedAt];
  });
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe.each([
  { workers: 0, KILLS: 20 },
  { workers: 2, KILLS: 3 },
])('real processes under load, worlds on $workers workers', ({ workers, KILLS }) => {
  let cluster: Cluster;
  beforeAll(async () => {
    // The second world is on the other worker, and at rest.
    cluster = await Cluster.start({ workers, worlds: 'warehouse,depot=warehouse' });
    await fill(await Player.enter(cluster.servers, 0));
  });
  afterAll(() => cluster?.stop());

  /** Half of them over HTTP, half by the SDK, spread over the regions. */
  async function enterAll(): Promise<{ players: Gamer[]; streaming: SdkPlayer[] }> {
    const [asking, streaming] = await Promise.all([
      Promise.all(Array.from({ length: PLAYERS / 2 }, (_, at) => Player.enter(cluster.servers, at))),
      Promise.all(Array.from({ length: PLAYERS / 2 }, (_, at) => SdkPlayer.enter(cluster.servers, at))),
    ]);
    return { players: [...asking, ...streaming], streaming };
  }

  /** Every command once and in order, whatever became of the servers. */
  async function expectWholeStreams(streaming: readonly SdkPlayer[]): Promise<void> {
    const { applied } = await statusOf(cluster.servers[0] as Server);
    for (const player of streaming) {
      await until('the end of a stream', () => player.seen.at(-1) === applied);
      expect(player.resyncs).toBe(0);
      const first = player.seen[0] ?? 0;
      expect(player.seen).toEqual(player.seen.map((_, at) => first + at));
      await player.close();
    }
  }

  it(`[DISK1] [LEAD1] ${KILLS} kills of the leader`, { timeout: 240_000 }, async () => {
    const { players, streaming } = await enterAll();
    const stop = { now: false };
    const playing = Promise.all(players.map((player) => play(player, stop)));
    const answered = (player: Gamer) => player.entries.filter(({ fate }) => fate === 'acknowledged').length;
    const kills: number[] = [];
    let down: Server | undefined;
    for (let kill = 0; kill < KILLS; kill++) {
      const leader = await cluster.leader();
      kills.push(performance.now());
      await leader.stop('SIGKILL');
      down = leader;
      const before = players.map(answered);
      await until('every player to go on', () =>
        players.every((player, at) => answered(player) >= (before[at] ?? 0) + 3),
      );
      await down.start();
      await until('the region to be current', async () => {
        const [own, other] = await Promise.all(
          [down as Server, await cluster.leader()].map((s) => statusOf(s)),
        );
        return own !== undefined && other !== undefined && own.applied >= other.applied - 200;
      });
    }
    stop.now = true;
    await playing;
    await expectSound(cluster, players);
    await expectWholeStreams(streaming);

    const perKill = kills.map((at, kill) => pauses(players, at, kills[kill + 1] ?? Number.POSITIVE_INFINITY));
    const medians = perKill.map(median);
    const worsts = perKill.map((values) => Math.max(...values));
    console.log(
      `pause per kill, of ${PLAYERS} clients over ${KILLS} kills: median ${median(medians).toFixed(0)} ms, ` +
        `worst of a typical kill ${median(worsts).toFixed(0)} ms, worst of all ${Math.max(...worsts).toFixed(0)} ms`,
    );
    expect(median(medians)).toBeLessThan(2_000);
  });

  it('[DISK1] all killed at once under load: everything acknowledged is there', {
    timeout: 60_000,
  }, async () => {
    const { players, streaming } = await enterAll();
    const stop = { now: false };
    const playing = Promise.all(players.map((player) => play(player, stop)));
    await until('some load', () => players.every((player) => player.entries.length > 50));
    await Promise.all(cluster.servers.map((server) => server.stop('SIGKILL')));
    const lost = players.flatMap((player) => player.entries.filter(({ fate }) => fate === 'open'));
    expect(lost.length).toBeGreaterThan(0);
    await cluster.startAll();
    await until('every player to go on', () => players.every((player) => player.entries.length > 80));
    stop.now = true;
    await playing;
    await expectSound(cluster, players);
    await expectWholeStreams(streaming);
  });
});
