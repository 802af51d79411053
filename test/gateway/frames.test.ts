/** Stream 'frames': the sequence merged, without a hole, whatever happens meanwhile. Real sockets, bare frames. */
import { afterEach, describe, expect, it } from 'vitest';
import { Mirror } from '../../game-logic/mirror.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { digestText } from '../../schemas/support/digest.ts';
import type { FakeWorld } from './fake-world.ts';
import { closeAll, openSite, RawClient, range, type Site, type SiteOptions, until } from './support.ts';

afterEach(closeAll);

const FRAMES = { stream: 'frames' };

function mirrorAt(world: FakeWorld, number: number): Mirror {
  const mirror = Mirror.initial(warehouse);
  for (const bytes of world.commands.slice(0, number)) mirror.apply(bytes);
  return mirror;
}

function expectSame(client: RawClient, world: FakeWorld): void {
  expect(client.faults).toEqual([]);
  expect(client.closed).toBe(null);
  expect(client.number).toBe(world.state.number);
  expect(digestText(client.mirror?.digest ?? { low: 0, high: 0 })).toBe(digestText(world.state.digest));
}

async function settle(client: RawClient, site: Site): Promise<void> {
  const there = () => client.number === site.world.state.number || client.closed !== null;
  await until(`number ${site.world.state.number}`, there);
}

const NOBODY = { answered: () => {} };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe.each(['uws', 'ws'] as const)('frames over %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('[SEQ1] give a snapshot, then what the commands of each flush came to', async () => {
    const site = await openHere({ limits: { mergeMs: 30 } });
    site.world.append(10);
    const client = await RawClient.join(site, FRAMES);
    const other = await RawClient.join(site);
    await until('snapshots', () => client.number === 10 && other.number === 10);
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 4; j++) site.world.append(5);
      await settle(client, site);
    }
    expect(client.numbers).toEqual(range(11, 110));
    expect(client.frames.map(([first]) => first)).toEqual(
      range(0, client.frames.length - 1).map((i) => 11 + 20 * i),
    );
    expect(client.kinds).not.toContain(2);
    expectSame(client, site.world);
    await settle(other, site);
    expect(other.frames).toEqual([]);
    expectSame(other, site.world);
    expect(site.log.loud).toEqual([]);
  });

  it('lets a lone command leave at once and gathers those that flow', async () => {
    const site = await openHere({ limits: { mergeMs: 300 } });
    const client = await RawClient.join(site, FRAMES);
    await until('a snapshot', () => client.number === 0);
    const from = performance.now();
    site.world.append(1);
    await settle(client, site);
    expect(performance.now() - from).toBeLessThan(150);
    const before = client.number;
    for (let i = 0; i < 20; i++) {
      site.world.append(1);
      await turn();
    }
    expect(client.number).toBe(before);
    await settle(client, site);
    expect(client.frames.at(-1)).toEqual([before + 1, site.world.state.number]);
    expectSame(client, site.world);
  });

  it('[SDK1] a client that comes back goes on where it was', async () => {
    const site = await openHere({ limits: { mergeMs: 5 } });
    const watcher = await RawClient.join(site, FRAMES);
    for (let i = 0; i < 10; i++) {
      site.world.append(3);
      await settle(watcher, site);
    }
    const client = await RawClient.join(site, { ...FRAMES, from: 8 }, mirrorAt(site.world, 7));
    for (let i = 0; i < 5; i++) {
      site.world.append(3);
      await settle(client, site);
    }
    expect(client.snapshots).toEqual([]);
    expect(client.numbers).toEqual(range(8, site.world.state.number));
    expect(client.frames.length).toBeGreaterThan(0);
    expectSame(client, site.world);
  });

  it('[EDGE2] a client that was too slow gets a snapshot, not a hole', async () => {
    const limits = {
      mergeMs: 2,
      mergedSlowCommands: 50,
      outboxHigh: 4_096,
      outboxLow: 2_048,
      outboxCheck: 512,
    };
    const site = await openHere({ limits });
    const client = await RawClient.join(site, FRAMES);
    await until('a snapshot', () => client.number === 0);
    client.stall();
    for (let i = 0; i < 3_000 && site.gateway.stats().slowed === 0; i++) {
      for (let j = 0; j < 100; j++) site.world.act(open(site, i * 100 + j), NOBODY, 0);
      await turn();
    }
    expect(site.gateway.stats().slowed).toBeGreaterThan(0);
    site.world.append(100);
    client.resume();
    await settle(client, site);
    expect(client.snapshots.length).toBeGreaterThan(1);
    site.world.append(1);
    await settle(client, site);
    expectSame(client, site.world);
  });

  it('[ANS1] answers reach their client before the frame that holds the act', async () => {
    const site = await openHere();
    const client = await RawClient.join(site, FRAMES);
    await until('a snapshot', () => client.number === 0);
    client.act(1, 'inbound', { to: 'A', amount: 5 });
    client.act(2, 'outbound', { from: 'B', amount: 5 });
    client.act(1, 'inbound', { to: 'A', amount: 5 });
    await until('three answers', () => client.answers.length === 3);
    await settle(client, site);
    const [first, second, third] = client.answers;
    expect(first).toMatchObject({ sequence: 1, outcome: 'issued', duplicate: false, result: '{"A":5}' });
    expect(second).toMatchObject({ sequence: 2, outcome: 'refused', code: 'insufficient-goods' });
    expect(third).toMatchObject({ sequence: 1, outcome: 'issued', duplicate: true, number: first?.number });
    const shown = client.kinds.filter((kind) => [2, 3, 5, 9].includes(kind));
    expect([3, 9]).toContain(shown[0]);
    expectSame(client, site.world);
  });

  it('sends commands where they are shorter, and where the changes make no sense', async () => {
    const site = await openHere({ limits: { mergedBytes: 10 } });
    const client = await RawClient.join(site, FRAMES);
    await until('a snapshot', () => client.number === 0);
    site.world.append(5);
    await settle(client, site);
    expect(client.frames).toEqual([]);
    expectSame(client, site.world);
  });

  it('a jump of the replica leads to a snapshot', async () => {
    const site = await openHere({ limits: { sweepMs: 10 } });
    const client = await RawClient.join(site, FRAMES);
    await until('a snapshot', () => client.number === 0);
    site.world.append(3);
    await settle(client, site);
    site.world.compact(30);
    site.world.jump(40);
    await settle(client, site);
    site.world.append(3);
    await settle(client, site);
    expect(client.snapshots).toHaveLength(2);
    expectSame(client, site.world);
  });
});

describe('frames', () => {
  it('what is pending when the last client leaves is nobody’s', async () => {
    const site = await openSite({ limits: { mergeMs: 40, flushMs: 40 } });
    for (const options of [FRAMES, {}]) {
      const client = await RawClient.join(site, options);
      await until('a snapshot', () => client.number === site.world.state.number);
      site.world.append(1);
      await settle(client, site);
      site.world.append(1);
      client.terminate();
      await until('nobody', () => site.gateway.stats().clients === 0);
      site.world.append(1);
      await new Promise((resolve) => setTimeout(resolve, 60));
      const late = await RawClient.join(site, options);
      await settle(late, site);
      site.world.append(2);
      await settle(late, site);
      expectSame(late, site.world);
      late.terminate();
      await until('nobody', () => site.gateway.stats().clients === 0);
    }
    expect(site.log.loud).toEqual([]);
  });
});

/** Opening warehouses makes frames long: every row is new. */
function open(site: Site, at: number) {
  const id = `${'w'.repeat(100)}${at}`;
  const args = site.world.definition.schema.actions['open']!.encode({ id });
  return { session: `s${at % 50}`, sequence: 1 + Math.floor(at / 50), action: 'open', args };
}
