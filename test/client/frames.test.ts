/** The SDK on stream 'frames': the same world in fewer bytes, the same promises for acts. */
import { describe, expect, it } from 'vitest';
import { connect, type Resync, type Step } from '../../client/index.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { decodeFrame, encodeFrame } from '../../schemas/generated/client.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { FakeGateways, URLS } from './fake-gateway.ts';

async function joined(options: { token?: string } = {}) {
  const server = new FakeGateways(arena.testWorld({ seed: 4 }));
  const connecting = connect(URLS, {
    ...{ world: 'arena', definition: arena, host: server.host, stream: 'frames' },
    ...options,
  } as const);
  await server.pump();
  const world = await connecting;
  const entered = world.act('rename', { name: 'Me' });
  await server.pump();
  await entered;
  const steps: Step[] = [];
  const resyncs: Resync[] = [];
  world.onFrame((step) => steps.push(step));
  world.onResync((resync) => resyncs.push(resync));
  let guests = 0;
  /** Something happens: several commands, at once. */
  const next = async () => {
    server.world.advance(500);
    for (let i = 0; i < 2; i++) server.world.act(`visitor-${++guests}`, 'rename', { name: `V${guests}` });
    server.stream();
    await server.pump();
  };
  return { server, world, steps, resyncs, next };
}

type Joined = Awaited<ReturnType<typeof joined>>;

function expectSame({ server, world }: Joined): void {
  expect(world.number).toBe(server.world.state.number);
  expect(world.digest).toBe(digestText(server.world.state.digest));
  for (const name of ['player', 'coin', 'message'] as const)
    expect([...world.tables[name].rows()]).toEqual([...(server.world.state.table(name)?.rows() ?? [])]);
}

function expectGapless(steps: readonly Step[], from: number): void {
  for (const [i, step] of steps.entries()) expect(step.from).toBe(i === 0 ? from : steps[i - 1]!.to + 1);
}

describe('a client world on frames', () => {
  it('[SDK3] shows the same world, step by step', async () => {
    const one = await joined();
    const from = one.world.number + 1;
    const seen: string[] = [];
    one.world.tables.player.onChange((key) => seen.push(key));
    for (let i = 0; i < 6; i++) {
      await one.next();
    }
    expectSame(one);
    expectGapless(one.steps, from);
    const last = one.steps.at(-1)!;
    expect(last).toMatchObject({ to: one.world.number, digest: one.world.digest, time: one.world.time });
    expect(last.ballot.region).not.toBe('');
    expect(one.steps.some(({ from: first, to }) => to > first)).toBe(true);
    expect(seen.filter((key) => key === 'visitor-1')).toHaveLength(1);
    expect(one.resyncs).toEqual([]);
  });

  it('[ANS4] settles acts by their answers, once their frame is applied', async () => {
    const one = await joined();
    const { server, world } = one;
    const act = world.act('say', { text: 'hello' });
    expect([...world.predicted.message.rows()].map(({ text }) => text)).toEqual(['hello']);
    const shown: number[] = [];
    world.tables.message.onChange(() => shown.push(world.predicted.message.size));
    await server.pump();
    expect(await act).toEqual({ number: world.number, result: { id: 1 } });
    // At no moment was it shown twice: confirmed, and predicted on top.
    expect(shown).toEqual([1]);
    expect(world.predicted.message.size).toBe(1);
    const strike = world.act('strike', { target: 'nobody' });
    await server.pump();
    await expect(strike).rejects.toMatchObject({ name: 'Refused', code: 'no-such-player' });
    expectSame(one);
  });

  it('has no onCommand, and says what there is instead', async () => {
    const { world } = await joined();
    expect(() => world.onCommand(() => {})).toThrow(
      expect.objectContaining({
        name: 'Refused',
        code: 'wrong-stream',
        detail: expect.stringContaining('onFrame'),
      }),
    );
  });

  it('[SDK1] goes on where it was after a reconnect', async () => {
    const one = await joined();
    const from = one.world.number + 1;
    await one.next();
    const act = one.world.act('say', { text: 'lost on the way' });
    one.server.drop();
    one.server.cut();
    one.server.world.act('ann', 'rename', { name: 'Ann' });
    await one.server.pump();
    await one.server.pass(500);
    await one.next();
    expect((await act).result).toEqual({ id: 1 });
    expect(one.resyncs).toEqual([]);
    expectGapless(one.steps, from);
    expectSame(one);
  });

  it('[SDK2] an act whose frame came and whose answer was lost has one effect', async () => {
    const one = await joined();
    const { server, world } = one;
    const act = world.act('say', { text: 'once' });
    // The server executes; its answer is lost, the frame is not.
    const send = server.send.bind(server);
    server.send = (type, bytes, line) => {
      if (type !== 3) send(type, bytes, line);
    };
    await server.pump();
    expect(world.tables.message.size).toBe(1);
    server.send = send;
    server.cut();
    await server.pump();
    await server.pass(500);
    expect((await act).result).toEqual({ id: 1 });
    expect(world.tables.message.size).toBe(1);
    expectSame(one);
  });

  it.each([
    [
      'the digest',
      (bytes: Uint8Array) => {
        const frame = decodeFrame(bytes);
        return encodeFrame({ ...frame, tables: { low: 1, high: 2 } });
      },
      'diverged',
    ],
    [
      'the precedent',
      (bytes: Uint8Array) => encodeFrame({ ...decodeFrame(bytes), precedent: 99 }),
      'diverged',
    ],
  ] as const)(
    '[SDK3] starts over from a snapshot where %s is wrong, and says so',
    async (_, spoil, reason) => {
      const one = await joined();
      await one.next();
      const after = one.world.number;
      one.server.spoil = (bytes) => {
        one.server.spoil = null;
        return spoil(bytes);
      };
      await one.next();
      await one.server.pass(500);
      await one.next();
      expect(one.resyncs).toMatchObject([{ after, reason }]);
      expectSame(one);
    },
  );

  it.each([
    ['garbage', () => new Uint8Array([1, 2, 3])],
    [
      'a hole',
      (bytes: Uint8Array) => {
        const frame = decodeFrame(bytes);
        return encodeFrame({ ...frame, first: frame.first + 1, last: frame.last + 1 });
      },
    ],
  ] as const)('[EDGE1] leaves a server that sends %s, and goes on without a loss', async (_, spoil) => {
    const one = await joined();
    const from = one.world.number + 1;
    await one.next();
    one.server.spoil = (bytes) => {
      one.server.spoil = null;
      return spoil(bytes);
    };
    await one.next();
    await one.server.pass(500);
    await one.next();
    expect(one.resyncs).toEqual([]);
    expectGapless(one.steps, from);
    expectSame(one);
  });
});
