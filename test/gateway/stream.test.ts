/** What a client is sent of the sequence: whole, in order, once, whatever happens meanwhile. Real sockets, bare frames. */
import { afterEach, describe, expect, it } from 'vitest';
import { Mirror } from '../../game-logic/mirror.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { FakeWorld, NOBODY } from './fake-world.ts';
import { closeAll, openSite, RawClient, range, type Site, type SiteOptions, until } from './support.ts';

afterEach(closeAll);

/** A mirror of the world as of a number, for a client that resumes. */
function mirrorAt(world: FakeWorld, number: number): Mirror {
  const mirror = Mirror.initial(warehouse);
  for (const bytes of world.commands.slice(0, number)) mirror.apply(bytes);
  return mirror;
}

/** Same number and same digest as the replica; and every frame fitted. */
function expectSame(client: RawClient, world: FakeWorld): void {
  expect(client.faults).toEqual([]);
  expect(client.number).toBe(world.state.number);
  expect(digestText(client.mirror?.digest ?? { low: 0, high: 0 })).toBe(digestText(world.state.digest));
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function settle(client: RawClient, site: Site, ms?: number): Promise<void> {
  const there = () => client.number === site.world.state.number || client.closed !== null;
  await until(`number ${site.world.state.number}`, there, ms);
}

describe.each(['uws', 'ws'] as const)('the stream over %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('[SEQ1] welcomes, gives a snapshot, then the commands as they are applied', async () => {
    const site = await openHere();
    site.world.append(10);
    const client = await RawClient.join(site);
    expect(client.welcome).toMatchObject({
      ...{
        protocol: PROTOCOL_VERSION,
        region: 'eu',
        regions: ['eu', 'us', 'ap'],
        world: 'warehouse',
        number: 10,
        sequence: 0,
      },
      schema: warehouse.schema.hash,
    });
    expect(client.welcome?.session).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(client.welcome?.token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    await until('a snapshot', () => client.number === 10);
    expect(client.kinds).toEqual([6, 4]);
    for (let i = 0; i < 5; i++) {
      site.world.append(3);
      await settle(client, site);
    }
    expect(client.numbers).toEqual(range(11, 25));
    expectSame(client, site.world);
    expect(site.log.loud).toEqual([]);
  });

  it('sends a lone command at once and gathers those that flow', async () => {
    const site = await openHere({ limits: { flushMs: 200 } });
    const client = await RawClient.join(site);
    await until('a snapshot', () => client.number === 0);
    const from = performance.now();
    site.world.append(1);
    await settle(client, site);
    expect(performance.now() - from).toBeLessThan(100);
    for (let i = 0; i < 20; i++) {
      site.world.append(1);
      await turn();
    }
    expect(client.number).toBe(1);
    await settle(client, site);
    // The lone one, and all that came within the interval after it.
    expect(client.kinds.filter((kind) => kind === 2)).toHaveLength(2);
    expect(client.numbers).toEqual(range(1, 21));
    expectSame(client, site.world);
  });

  it('takes a snapshot while commands wait for their flush', async () => {
    const site = await openHere({ limits: { flushMs: 60_000, snapshotReuse: 0 } });
    const first = await RawClient.join(site);
    await until('live', () => site.gateway.stats().live === 1);
    site.world.append(1);
    await settle(first, site);
    site.world.append(5);
    const second = await RawClient.join(site);
    await until('both live', () => site.gateway.stats().live === 2);
    await settle(first, site);
    await settle(second, site);
    expect([second.kinds, second.snapshots]).toEqual([[6, 4], [6]]);
    // Nothing was read: not for the newcomer, and not for the one that was there.
    expect(site.world.reads).toBe(0);
    expect(site.gateway.stats().snapshots).toBe(2);
    for (const client of [first, second]) expectSame(client, site.world);
  });

  it('ends a client whose commands the log does not give', async () => {
    const site = await openHere({ limits: { stallMs: 100, sweepMs: 10 } });
    site.world.append(20);
    site.world.read = async () => [];
    const client = await RawClient.join(site, { from: 5 }, mirrorAt(site.world, 4));
    await until('the close', () => client.closed !== null);
    expect(client.closed).toEqual({ code: 4503, reason: 'overloaded: command 5 cannot be read' });
  });

  it('goes on from the command that a client asks for', async () => {
    const site = await openHere();
    site.world.append(50);
    const client = await RawClient.join(site, { from: 31 }, mirrorAt(site.world, 30));
    await settle(client, site);
    expect(client.numbers).toEqual(range(31, 50));
    expect(client.snapshots).toEqual([]);
    const current = await RawClient.join(site, { from: 51 }, mirrorAt(site.world, 50));
    site.world.append(2);
    await settle(current, site);
    await settle(client, site);
    expect(current.numbers).toEqual([51, 52]);
    expect(current.kinds).toEqual([6, 2]);
    const first = await RawClient.join(site, { from: 1 }, mirrorAt(site.world, 0));
    await settle(first, site);
    expect(first.numbers).toEqual(range(1, 52));
    for (const one of [client, current, first]) expectSame(one, site.world);
  });

  it('gives a snapshot to a client whose commands are not held any more', async () => {
    const site = await openHere();
    site.world.append(50);
    site.world.compact(40);
    const client = await RawClient.join(site, { from: 20 }, mirrorAt(site.world, 19));
    await until('the snapshot', () => client.snapshots.length > 0);
    site.world.append(5);
    await settle(client, site);
    expect(client.snapshots).toEqual([50]);
    expect(client.numbers).toEqual(range(51, 55));
    expectSame(client, site.world);
  });

  it('gives a snapshot when the log is cut while a client reads it', async () => {
    const site = await openHere({ limits: { readBytes: 1_000 } });
    site.world.append(200);
    site.world.beforeRead = async () => {
      if (site.world.reads === 4) site.world.compact(150);
    };
    const client = await RawClient.join(site, { from: 1 }, mirrorAt(site.world, 0));
    await settle(client, site);
    expect(client.snapshots).toEqual([200]);
    site.world.append(1);
    await settle(client, site);
    expectSame(client, site.world);
  });

  it('waits for the replica where a client is ahead of it', async () => {
    const ahead = new FakeWorld();
    ahead.append(60);
    const site = await openHere({ limits: { aheadMs: 150, sweepMs: 10 } });
    site.world.apply(ahead.commands.slice(0, 40));
    const client = await RawClient.join(site, { from: 56 }, mirrorAt(ahead, 55));
    expect(client.welcome?.number).toBe(40);
    site.world.apply(ahead.commands.slice(40, 53));
    await turn();
    site.world.apply(ahead.commands.slice(53, 60));
    await settle(client, site);
    expect(client.numbers).toEqual(range(56, 60));
    expectSame(client, site.world);
    const lost = await RawClient.join(site, { from: 1_000 }, mirrorAt(ahead, 0));
    await until('the end', () => lost.closed !== null);
    expect(lost.closed?.code).toBe(4503);
    expect(lost.closed?.reason).toContain('overloaded: this replica is at 60');
  });

  it('[EDGE2] switches from catching up to live without a hole or a repetition, under load', async () => {
    const site = await openHere({
      limits: { flushMs: 2, frameBytes: 2_000, recentBytes: 12_000, readBytes: 9_000 },
    });
    site.world.append(300);
    let done = false;
    const load = (async () => {
      while (!done) {
        site.world.append(1 + (site.world.state.number % 4));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    site.world.beforeRead = () => new Promise((resolve) => setTimeout(resolve, site.world.reads % 4));
    const joined: { client: RawClient; from: number }[] = [];
    for (let i = 0; i < 24; i++) {
      const at = site.world.state.number;
      const from = [null, 1, at - 40, at - 3, at + 1][i % 5] as number | null;
      const mirror = from === null ? null : mirrorAt(site.world, from - 1);
      const client = await RawClient.join(site, from === null ? {} : { from }, mirror);
      joined.push({ client, from: from ?? 0 });
    }
    await until('all live', () => site.gateway.stats().live === 24);
    const at = site.world.state.number;
    await until('a while more', () => site.world.state.number > at + 100);
    done = true;
    await load;
    for (const { client, from } of joined) {
      await settle(client, site);
      expectSame(client, site.world);
      const start = from === 0 ? (client.snapshots[0] as number) + 1 : from;
      expect(client.numbers).toEqual(range(start, site.world.state.number));
    }
    expect(site.log.loud).toEqual([]);
  });

  it('sends a snapshot in bounded parts, true at one number while the world goes on', async () => {
    const site = await openHere({ limits: { snapshotRows: 10, frameBytes: 1_500 } });
    openMany(site.world, 500);
    const client = await RawClient.join(site);
    site.world.append(20, 'filler', 'row1');
    await settle(client, site);
    expect(client.kinds.filter((kind) => kind === 4).length).toBeGreaterThanOrEqual(51);
    expect(client.snapshots).toHaveLength(1);
    expectSame(client, site.world);
    const others = await Promise.all([1, 2, 3].map(() => RawClient.join(site)));
    for (const other of others) {
      await settle(other, site);
      expectSame(other, site.world);
    }
    // One snapshot serves all that come soon after it.
    expect(new Set(others.map((other) => other.snapshots[0])).size).toBe(1);
  });

  it('[EDGE2] takes a slow client off the live stream and brings it back, without a hole', async () => {
    const site = await openHere({
      limits: {
        flushMs: 1,
        outboxLow: 16_000,
        outboxHigh: 32_000,
        outboxCheck: 8_000,
        sweepMs: 5,
        stallMs: 60_000,
      },
    });
    const slow = await RawClient.join(site);
    const quick = await RawClient.join(site);
    await until('both live', () => site.gateway.stats().live === 2);
    slow.stall();
    await fill(site, () => site.gateway.stats().slowed > 0);
    expect(site.gateway.stats()).toMatchObject({ live: 1, clients: 2, slowed: 1 });
    for (let i = 0; i < 20; i++) {
      site.world.append(50);
      await turn();
    }
    await settle(quick, site, 20_000);
    expectSame(quick, site.world);
    expect(site.gateway.stats().outboxBytes).toBeLessThan(1 << 20);
    slow.resume();
    await settle(slow, site, 20_000);
    await until('live again', () => site.gateway.stats().live === 2);
    site.world.append(3);
    await settle(slow, site);
    expectSame(slow, site.world);
    expect(slow.numbers).toEqual(range(1, site.world.state.number));
    expect(slow.closed).toBeNull();
  });

  it('[EDGE2] gives a snapshot to a slow client that is far behind', async () => {
    const site = await openHere({
      limits: {
        flushMs: 1,
        outboxLow: 16_000,
        outboxHigh: 32_000,
        outboxCheck: 8_000,
        sweepMs: 5,
        slowCommands: 500,
      },
    });
    const slow = await RawClient.join(site);
    await until('live', () => site.gateway.stats().live === 1);
    slow.stall();
    await fill(site, () => site.gateway.stats().slowed > 0);
    site.world.append(600);
    slow.resume();
    await settle(slow, site, 20_000);
    await until('live again', () => site.gateway.stats().live === 1);
    site.world.append(1);
    await settle(slow, site);
    expectSame(slow, site.world);
    expect(slow.snapshots).toHaveLength(2);
    expect(slow.closed).toBeNull();
  });

  it('[EDGE2] closes a client that takes nothing, and nobody else notices', async () => {
    const site = await openHere({
      limits: {
        flushMs: 1,
        outboxLow: 16_000,
        outboxHigh: 32_000,
        outboxCheck: 8_000,
        sweepMs: 10,
        stallMs: 100,
      },
    });
    const stalled = await RawClient.join(site);
    const quick = await RawClient.join(site);
    await until('both live', () => site.gateway.stats().live === 2);
    stalled.stall();
    await fill(site, () => site.gateway.stats().slowed > 0);
    await until('its end', () => site.gateway.stats().clients === 1);
    expect(site.gateway.stats().cutOff).toMatchObject({ stalled: 1, overflow: 0 });
    await settle(quick, site, 20_000);
    expectSame(quick, site.world);
    stalled.resume();
    await until('the close', () => stalled.closed !== null);
    // What it got before is a prefix of the sequence.
    expect(stalled.faults).toEqual([]);
    expect(stalled.numbers).toEqual(range(1, stalled.numbers.length));
  });

  it('[EDGE2] closes a socket rather than leave out a frame', async () => {
    // Nobody looks at outboxes here, so that the last net is what catches.
    const site = await openHere({
      limits: {
        flushMs: 1,
        outboxMost: 64_000,
        outboxHigh: 1 << 30,
        outboxCheck: 1 << 30,
        sweepMs: 3_600_000,
      },
    });
    const slow = await RawClient.join(site);
    const quick = await RawClient.join(site);
    await until('both live', () => site.gateway.stats().live === 2);
    slow.stall();
    await fill(site, () => site.gateway.stats().cutOff.overflow > 0);
    await until('its end', () => site.gateway.stats().clients === 1);
    site.world.append(10);
    await settle(quick, site, 20_000);
    expectSame(quick, site.world);
    slow.resume();
    await until('the close', () => slow.closed !== null);
    expect(slow.faults).toEqual([]);
    expect(slow.numbers).toEqual(range(1, slow.numbers.length));
    expect(slow.numbers.length).toBeLessThan(quick.numbers.length);
  });

  it('follows a replica that jumped over commands by a fresh snapshot', async () => {
    const site = await openHere({ limits: { sweepMs: 10 } });
    const client = await RawClient.join(site);
    site.world.append(5);
    await settle(client, site);
    site.world.jump(30);
    site.world.compact(36);
    site.world.append(2);
    await settle(client, site);
    expect(client.snapshots).toEqual([0, 37]);
    site.world.jump(10);
    site.world.compact(48);
    await settle(client, site);
    expect(client.snapshots).toEqual([0, 37, 47]);
    site.world.append(1);
    await settle(client, site);
    expectSame(client, site.world);
  });

  it('ends a client whose commands cannot be read, with the code', async () => {
    const site = await openHere();
    site.world.append(20);
    site.world.beforeRead = async () => {
      throw new ThroughlineError('overloaded', 'the disk is busy');
    };
    const client = await RawClient.join(site, { from: 5 }, mirrorAt(site.world, 4));
    await until('the close', () => client.closed !== null);
    expect(client.closed).toEqual({ code: 4503, reason: 'overloaded: the disk is busy' });
    site.world.beforeRead = async () => {
      throw new Error('something inside');
    };
    const other = await RawClient.join(site, { from: 5 }, mirrorAt(site.world, 4));
    await until('the close', () => other.closed !== null);
    expect(other.closed?.code).toBe(4500);
    expect(other.closed?.reason).not.toContain('inside');
    expect(site.log.loud).toHaveLength(1);
  });

  it('tells the world who is here, and how they left', async () => {
    const site = await openHere();
    const a = await RawClient.join(site);
    const b = await RawClient.join(site, { token: a.welcome?.token });
    const session = a.welcome?.session as string;
    expect(b.welcome).toMatchObject({ session, token: '' });
    expect(site.world.presence).toEqual([`+${session}`, `+${session}`]);
    a.leave();
    await until('a left', () => site.world.presence.length === 3);
    b.terminate();
    await until('b left', () => site.world.presence.length === 4);
    expect(site.world.presence.slice(2)).toEqual([`!${session}`, `-${session}`]);
    await until('the close', () => a.closed !== null);
    expect(a.closed?.code).toBe(4000);
    expect(site.gateway.stats()).toMatchObject({ clients: 0, live: 0 });
  });
});

/** Applies commands until the condition holds: a stalled client's share lies in the kernel first, megabytes of it. */
async function fill(site: Site, condition: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('the outbox did not fill');
    site.world.append(100);
    await turn();
  }
}

function openMany(world: FakeWorld, count: number): void {
  const open = world.definition.schema.actions['open'];
  for (let i = 1; i <= count; i++) {
    const args = open?.encode({ id: `row${i}` }) as Uint8Array;
    world.act({ session: 'opener', sequence: i, action: 'open', args }, NOBODY, 0);
  }
}
