/** The parts of the gateway that need no socket: tokens, sessions, the live feed, snapshots. */
import { hkdfSync } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { decodeCommands, decodeSnapshot } from '../../schemas/generated/client.ts';
import { readId, splitBatch } from '../../schemas/support/envelope.ts';
import { DEFAULT_LIMITS } from '../../server/gateway/bounds.ts';
import { getState } from '../../server/gateway/http-reads.ts';
import { type FeedTarget, LiveFeed } from '../../server/gateway/live-feed.ts';
import { Sessions } from '../../server/gateway/sessions.ts';
import { Snapshot, Snapshots } from '../../server/gateway/snapshots.ts';
import { bearer, newSession, Tokens } from '../../server/gateway/tokens.ts';
import { FakeWorld, NOBODY } from './fake-world.ts';
import { range, TestLog } from './support.ts';

const HOUR = 3_600_000;
const signingKey = (secret: string) =>
  new Uint8Array(hkdfSync('sha256', secret, '', 'throughline player tokens 1', 32));

describe('tokens', () => {
  it('say who their bearer is until they end', async () => {
    let now = 1_700_000_000_000;
    const tokens = new Tokens('secret', 24 * HOUR, 10, () => now);
    const token = tokens.make('alice', 'warehouse');
    const { payload, protectedHeader } = await jwtVerify(token, signingKey('secret'), {
      currentDate: new Date(now),
    });
    expect([protectedHeader, payload]).toEqual([
      { alg: 'HS256' },
      { session: 'alice', world: 'warehouse', exp: 1_700_000_000 + 86_400 },
    ]);
    expect(await tokens.verify(token)).toEqual({
      session: 'alice',
      world: 'warehouse',
      expires: 1_700_000_000_000 + 24 * HOUR,
    });
    expect(tokens.isOld(await tokens.verify(token))).toBe(false);
    now += 13 * HOUR;
    expect(tokens.isOld(await tokens.verify(token))).toBe(true);
    now += 11 * HOUR + 1_000;
    await expect(tokens.verify(token)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'the token has expired',
    });
  });

  it('are good with the same secret only, and forgotten beyond the bound', async () => {
    const tokens = new Tokens('secret', HOUR, 2);
    const made = ['a', 'b', 'c'].map((session) => tokens.make(session, 'w'));
    for (const token of made) await tokens.verify(token);
    for (const token of made) expect((await tokens.verify(token)).world).toBe('w');
    await expect(new Tokens('Secret', HOUR, 2).verify(made[0] as string)).rejects.toMatchObject({
      code: 'unauthorized',
    });
    await expect(tokens.verify('')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('must name a session, a world and an end', async () => {
    // Signed with the right key, as another program of the studio might.
    const key = signingKey('secret');
    const tokens = new Tokens('secret', HOUR, 10);
    const sign = (claims: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(key);
    const exp = Math.floor(Date.now() / 1000) + 60;
    expect(await tokens.verify(await sign({ session: 's', world: 'w', exp }))).toMatchObject({
      session: 's',
    });
    for (const claims of [
      { session: 's', world: 'w' },
      { session: '', world: 'w', exp },
      { session: 'x'.repeat(65), world: 'w', exp },
      { session: 'a b', world: 'w', exp },
      { session: 7, world: 'w', exp },
      { session: 's', exp },
      { session: 's', world: 'w', exp: 'soon' },
    ])
      await expect(tokens.verify(await sign(claims))).rejects.toMatchObject({ code: 'unauthorized' });
    const other = new SignJWT({ session: 's', world: 'w', exp }).setProtectedHeader({ alg: 'HS512' });
    await expect(tokens.verify(await other.sign(new Uint8Array([...key, ...key])))).rejects.toMatchObject({
      code: 'unauthorized',
    });
    await expect(tokens.verify(await other.sign(key)).catch(() => 'refused')).resolves.toBe('refused');
  });

  it('stand in a Bearer header', () => {
    expect(bearer('Bearer abc')).toBe('abc');
    expect(bearer('bearer  abc ')).toBe('abc');
    for (const header of [undefined, '', 'abc', 'Basic abc', 'Bearer', 'Bearer ', 'Bearer a b'])
      expect(() => bearer(header)).toThrow('Bearer');
    expect(newSession()).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(newSession()).not.toBe(newSession());
  });
});

describe('sessions', () => {
  const bounds = { outstanding: 2, rate: 10, burst: 5, httpPresenceMs: 100, sessions: 3 };
  const open = () => {
    const world = new FakeWorld();
    return { world, sessions: new Sessions(world, bounds) };
  };

  it('count sockets and HTTP as presence, each on its own', () => {
    const { world, sessions } = open();
    sessions.enter('a', 0);
    sessions.touch('a', 0);
    sessions.touch('a', 90);
    sessions.leave('a', true);
    sessions.sweep(150);
    expect(world.presence).toEqual(['+a', '+a', '!a']);
    sessions.sweep(190);
    expect(world.presence).toEqual(['+a', '+a', '!a', '-a']);
    expect(() => sessions.leave('a', false)).toThrow('never entered');
  });

  it('bound what is outstanding and the rate, each session by itself', () => {
    const { sessions } = open();
    const [a, b] = [sessions.seat('a', 0), sessions.enter('b', 0)];
    for (let i = 0; i < 2; i++) sessions.admit(a);
    expect(() => sessions.admit(a)).toThrow('2 actions wait');
    sessions.admit(b);
    expect(sessions.outstanding).toBe(3);
    sessions.settle(a);
    sessions.admit(a);
    expect(() => sessions.admit(a)).toThrow('2 actions wait');
    for (let i = 0; i < 5; i++) sessions.spend(a, 0);
    expect(() => sessions.spend(a, 0)).toThrow('more than 10 actions a second');
    sessions.spend(b, 0);
    sessions.spend(a, 100);
    expect(() => sessions.spend(a, 100)).toThrow('more than 10 actions a second');
    expect(() => sessions.settle(sessions.seat('c', 0))).toThrow('settled twice');
  });

  it('are looked at in a sweep only while they may have to be forgotten', () => {
    const { world, sessions } = open();
    const seat = sessions.enter('a', 0);
    sessions.admit(seat);
    sessions.sweep(0);
    sessions.leave('a', false);
    sessions.sweep(1);
    expect(sessions.seat('a', 1)).toBe(seat);
    sessions.settle(seat);
    sessions.sweep(2);
    expect(sessions.seat('a', 2)).not.toBe(seat);
    // Came over HTTP first, and by a socket while that lasts.
    sessions.touch('b', 0);
    const both = sessions.enter('b', 0);
    sessions.sweep(100);
    expect(world.presence).toEqual(['+a', '-a', '+b', '+b', '-b']);
    sessions.sweep(101);
    expect(sessions.seat('b', 101)).toBe(both);
    sessions.leave('b', true);
    sessions.sweep(102);
    expect(sessions.seat('b', 102)).not.toBe(both);
  });

  it('bound how many are present over HTTP', () => {
    const { sessions } = open();
    for (const session of ['a', 'b', 'c']) sessions.touch(session, 0);
    expect(() => sessions.touch('d', 0)).toThrow('too many sessions');
    sessions.touch('a', 50);
    sessions.sweep(120);
    sessions.touch('d', 120);
    sessions.touch('e', 120);
    expect(() => sessions.touch('f', 120)).toThrow('too many sessions');
  });
});

describe('reading a state', () => {
  it('writes the next piece when there is room for it', async () => {
    const world = new FakeWorld();
    const open = warehouse.schema.actions.open;
    for (let i = 1; i <= 2_000; i++) {
      const args = open.encode({ id: `${'w'.repeat(60)}${i}` });
      world.act({ session: 's', sequence: i, action: 'open', args }, NOBODY, 0);
    }
    const pieces: string[] = [];
    let drain = (): void => {};
    let ended = false;
    const outflow = {
      write: (piece: string) => {
        pieces.push(piece);
        return false;
      },
      drained: () =>
        new Promise<void>((resolve) => {
          drain = resolve;
        }),
      end: () => {
        ended = true;
      },
      abort: () => {},
    };
    const exchange = { query: new URLSearchParams(), gone: false, stream: () => outflow };
    const context = { limits: DEFAULT_LIMITS, logger: new TestLog(), regions: ['eu'], draining: () => false };
    const done = getState(exchange as never, { world } as never, context);
    for (let seen = 1; !ended; seen++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!ended) expect(pieces).toHaveLength(seen);
      world.append(1);
      drain();
      await Promise.resolve();
    }
    await done;
    expect(pieces.length).toBeGreaterThan(3);
    const { number, tables } = JSON.parse(pieces.join(''));
    expect([number, tables.warehouse.length, tables.warehouse[0].amount]).toEqual([2_000, 2_003, 0]);
  });
});

describe('the live feed', () => {
  afterEach(() => void vi.useRealTimers());

  function open(limits: Partial<{ flushMs: number; frameBytes: number; recentBytes: number }> = {}) {
    vi.useFakeTimers();
    const world = new FakeWorld();
    const published: number[][] = [];
    const events: string[] = [];
    const target: FeedTarget = {
      publish: (frame) => {
        const { first, last, batch } = decodeCommands(frame.subarray(2));
        const numbers = splitBatch(batch).map((bytes) => readId(bytes).number);
        expect(numbers).toEqual(range(first, last));
        published.push(numbers);
      },
      flushed: () => events.push('flushed'),
      broken: () => events.push('broken'),
    };
    const bounds = { flushMs: 15, frameBytes: 10_000, recentBytes: 100_000, ...limits };
    const feed = new LiveFeed(target, bounds, 0, () => performance.now());
    feed.setIdle(false);
    world.subscribe((batch) => feed.applied(batch));
    return { world, feed, published, events };
  }

  it('sends a lone command at the end of the turn, and others once per interval', async () => {
    const { world, published } = open();
    world.append(1);
    world.append(2);
    expect(published).toEqual([]);
    await Promise.resolve();
    expect(published).toEqual([[1, 2, 3]]);
    world.append(1);
    await vi.advanceTimersByTimeAsync(10);
    world.append(1);
    expect(published).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(6);
    expect(published).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    await vi.advanceTimersByTimeAsync(20);
    world.append(1);
    await Promise.resolve();
    expect(published).toHaveLength(3);
  });

  it('cuts frames at commands, and keeps the last of them within its bound', async () => {
    const { world, feed, published } = open({ frameBytes: 1_000, recentBytes: 3_000 });
    world.append(20);
    for (let i = 0; i < 20; i++) world.append(1);
    feed.flush();
    const size = world.commands[5]?.length as number;
    const most = Math.floor(1_000 / size);
    expect(published.flat()).toEqual(range(1, 40));
    expect(published.every((numbers) => numbers.length <= most)).toBe(true);
    expect(published.length).toBeLessThanOrEqual(Math.ceil(40 / most) + 2);
    expect(feed.startingAt(1)).toBeUndefined();
    const last = published.at(-1) as number[];
    expect(feed.startingAt(last[0] as number)).toMatchObject({ first: last[0], last: 40 });
    expect(feed.startingAt((last[0] as number) + 1)).toBeUndefined();
    expect(feed.boundaryAfter((last[0] as number) + 1)).toBe(40);
    // What is before all that is kept ends right before it.
    const boundary = feed.boundaryAfter(1);
    expect(feed.startingAt(boundary + 1)).toBeDefined();
    expect(feed.startingAt(boundary)).toBeUndefined();
  });

  it('encodes nothing while nobody is there', async () => {
    const { world, feed, published } = open();
    feed.setIdle(true);
    world.append(50);
    await vi.advanceTimersByTimeAsync(50);
    expect(published).toEqual([]);
    expect(feed.flushed).toBe(50);
    feed.setIdle(false);
    world.append(1);
    await Promise.resolve();
    expect(published).toEqual([[51]]);
  });

  it('does not pass over a gap, and stops at a repetition', async () => {
    const { world, feed, published, events } = open();
    world.append(3);
    await Promise.resolve();
    world.jump(4);
    world.append(1);
    await vi.advanceTimersByTimeAsync(20);
    expect(published).toEqual([[1, 2, 3], [8]]);
    expect(events.slice(0, 3)).toEqual(['flushed', 'broken', 'flushed']);
    expect(feed.startingAt(1)).toBeUndefined();
    const bytes = world.commands[7] as Uint8Array;
    expect(() => feed.applied({ first: 8, last: 8, batch: bytes, changes: [] })).toThrow('applied after 8');
  });
});

describe('snapshots', () => {
  const limits = { snapshotRows: 2, snapshotReuse: 10, snapshots: 2, frameBytes: 10_000 };

  it('stay true at their number while the world goes on', () => {
    const world = new FakeWorld();
    world.append(4);
    const snapshot = new Snapshot(world, limits);
    world.append(6);
    expect([snapshot.number, snapshot.parts]).toEqual([4, 2]);
    const parts = [0, 1].map((part) => decodeSnapshot(snapshot.frame(part).subarray(2)));
    const rows = parts.flatMap(({ rows }) => warehouse.schema.decodeDelta(rows).map(({ row }) => row));
    expect(rows).toEqual([
      { id: 'A', amount: 4 },
      { id: 'B', amount: 0 },
      { id: 'C', amount: 0 },
    ]);
    expect(parts.map(({ part, parts: of, number }) => [part, of, number])).toEqual([
      [0, 2, 4],
      [1, 2, 4],
    ]);
    expect(snapshot.frame(1)).toBe(snapshot.frame(1));
  });

  it('are cut by weight, too, and exist for an empty world', () => {
    const world = new FakeWorld();
    expect(new Snapshot(world, { snapshotRows: 100, frameBytes: 1 }).parts).toBe(3);
    expect(new Snapshot(world, { snapshotRows: 100, frameBytes: 10_000 }).parts).toBe(1);
    const empty = new FakeWorld({ ...warehouse, initial: [] });
    const snapshot = new Snapshot(empty, limits);
    expect(snapshot.parts).toBe(1);
    expect(decodeSnapshot(snapshot.frame(0).subarray(2))).toMatchObject({ number: 0, part: 0, parts: 1 });
  });

  it('are shared until the world is far ahead, and bounded in number', () => {
    const world = new FakeWorld();
    const snapshots = new Snapshots(world, limits);
    const first = snapshots.take();
    world.append(10);
    expect(snapshots.take()).toBe(first);
    world.append(1);
    const second = snapshots.take();
    expect(second.number).toBe(11);
    world.append(11);
    // Both are being read: later clients share the newest, as long as the log leads on from it.
    expect(snapshots.take()).toBe(second);
    world.compact(13);
    expect(() => snapshots.take()).toThrow('too many clients');
    snapshots.release(first);
    snapshots.release(first);
    expect(snapshots.take().number).toBe(22);
  });
});
