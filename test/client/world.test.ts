import { describe, expect, it } from 'vitest';
import { type CommandJson, connect, Refused, type Resync, Unavailable, Unknown } from '../../client/index.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { FakeGateways, URLS } from './fake-gateway.ts';

async function joined(options: { token?: string; predict?: string[]; seed?: number } = {}) {
  const server = new FakeGateways(arena.testWorld({ seed: options.seed ?? 1 }));
  const { token, predict } = options;
  const connecting = connect(URLS, {
    world: 'arena',
    definition: arena,
    host: server.host,
    ...(predict ? { predict } : {}),
    ...(token ? { token } : {}),
  });
  await server.pump();
  const world = await connecting;
  const commands: CommandJson[] = [];
  const resyncs: Resync[] = [];
  world.onCommand((command) => commands.push(command));
  world.onResync((resync) => resyncs.push(resync));
  return { server, world, commands, resyncs };
}

const numbers = (commands: readonly CommandJson[]) => commands.map(({ number }) => number);

describe('a client world', () => {
  it('connects, acts and sees its own command', async () => {
    const { server, world, commands } = await joined();
    expect(world.session).toBe('guest-1');
    expect(world.token).toBe('token-guest-1');
    expect(world.status).toMatchObject({ phase: 'live', region: 'eu', url: URLS[0] });
    const act = world.act('opponents', { count: 0 });
    await server.pump();
    expect(await act).toEqual({ number: 2, result: { count: 0 } });
    expect(world.number).toBe(2);
    expect(commands[0]).toMatchObject({ number: 1, session: 'guest-1', action: '$join', precedent: null });
    expect(commands[1]).toMatchObject({ number: 2, action: 'opponents', result: { count: 0 }, sequence: 1 });
    expect(world.tables.match.get(0)?.opponents).toBe(0);
  });

  it('starts from a snapshot where there is a past', async () => {
    const server = new FakeGateways(arena.testWorld({ seed: 2 }));
    server.world.join('ann');
    server.world.advance(5_000);
    const connecting = connect(URLS, { world: 'arena', definition: arena, host: server.host });
    await server.pump();
    const world = await connecting;
    expect(world.number).toBe(server.world.state.number);
    expect([...world.tables.player.rows()]).toEqual(
      JSON.parse(JSON.stringify([...server.world.tables['player']!.rows()])),
    );
  });

  it('tells refused, bad arguments, unavailable and unknown apart', async () => {
    const { server, world } = await joined();
    const fail = async (run: () => Promise<unknown>) => {
      const caught = run().then(
        () => null,
        (error: unknown) => error,
      );
      await server.pump();
      await server.pass(11_000);
      return await caught;
    };
    expect(await fail(() => world.act('strike', { target: 'nobody' }))).toMatchObject({
      name: 'Refused',
      code: 'no-such-player',
    });
    expect(await fail(() => world.act('move', { dx: 'far' } as never))).toBeInstanceOf(Refused);
    expect(await fail(() => world.act('fly' as 'move', { dx: 1, dy: 1 }))).toMatchObject({
      code: 'no-such-action',
    });
    server.world.execute = () => ({ kind: 'failed', code: 'overloaded', detail: '' });
    const overloaded = await fail(() => world.act('strike', {}));
    expect(overloaded).toBeInstanceOf(Unavailable);
    expect(overloaded).toMatchObject({ code: 'overloaded', outcome: 'none' });
    server.world.execute = () => ({ kind: 'failed', code: 'no-quorum', detail: '' });
    const unknown = await fail(() => world.act('strike', {}));
    // Whoever knows only Refused and Unavailable finds it among the latter.
    expect(unknown).toBeInstanceOf(Unavailable);
    expect(unknown).toBeInstanceOf(Unknown);
    expect(unknown).toMatchObject({ name: 'Unknown', code: 'timeout', outcome: 'unknown' });
    for (const region of [0, 1, 2]) server.down.add(region);
    server.cut();
    expect(await fail(() => world.act('strike', {}))).toBeInstanceOf(Unavailable);
  });

  it('goes on at the next region: no command twice, none missing, the act executed once', async () => {
    const { server, world, commands, resyncs } = await joined();
    const act = world.act('say', { text: 'hello' });
    await server.pump();
    await act;
    const lost = world.act('say', { text: 'still there?' });
    server.drop();
    server.down.add(0);
    server.cut();
    server.world.advance(1_000);
    await server.pump();
    await server.pass(200);
    await lost;
    expect(world.status.region).toBe('us');
    server.world.advance(1_000);
    server.stream();
    await server.pump();
    expect(numbers(commands)).toEqual(numbers(commands).map((_, i) => i + 1));
    expect(world.number).toBe(server.world.state.number);
    expect([...world.tables.message.rows()].map(({ text }) => text)).toEqual(['hello', 'still there?']);
    expect(resyncs).toEqual([]);
  });

  it('takes the answer of an act whose command it had lost, and executes it once', async () => {
    const { server, world, commands } = await joined();
    const act = world.act('say', { text: 'once' });
    // The server executed it, and its stream never arrived.
    const { send } = server;
    server.send = () => {};
    await server.pump();
    server.send = send;
    server.cut();
    await server.pump();
    await server.pass(200);
    expect(await act).toMatchObject({ result: { id: 1 } });
    expect(commands.filter(({ action }) => action === 'say')).toHaveLength(1);
  });

  it('moves when it is told to, and when nothing is heard any more', async () => {
    const { server, world } = await joined();
    server.moveOn();
    await server.pump();
    await server.pass(100);
    expect(world.status).toMatchObject({ phase: 'live', region: 'us' });
    // Pings are answered: nothing happens for a long time.
    await server.pass(60_000);
    expect(world.status).toMatchObject({ phase: 'live', region: 'us' });
    server.line.events.heard = () => {};
    await server.pass(3_200);
    expect(world.status).toMatchObject({ phase: 'live', region: 'ap' });
  });

  it('says what it could not show, and tells listeners of the rows that differ', async () => {
    const { server, world, commands, resyncs } = await joined();
    server.world.join('bob');
    server.stream();
    await server.pump();
    commands.length = 0;
    const seen = world.number;
    const changed: string[] = [];
    const removed: string[] = [];
    world.tables.player.onChange((key, row) => (row ? changed : removed).push(key));
    server.world.leave('bob');
    server.world.join('ann');
    server.world.advance(3_000);
    server.firstHeld = 1_000;
    server.cut();
    await server.pump();
    await server.pass(200);
    expect(resyncs).toEqual([{ after: seen, number: server.world.state.number, reason: 'compacted' }]);
    expect(commands).toEqual([]);
    expect(changed).toContain('ann');
    expect(removed).toEqual(['bob']);
    expect(world.tables.player.size).toBe(server.world.tables['player']!.size);
  });

  it('notices a command that does not fit, and comes back by a snapshot', async () => {
    const { server, world, resyncs } = await joined();
    server.world.join('ann');
    const { name } = server.world.tables['player']!.get('ann') as { name: string };
    // One letter of a name: the digest knows.
    server.spoil = (bytes) => {
      const spoilt = Buffer.from(bytes);
      const at = spoilt.indexOf(name);
      if (at >= 0) spoilt[at] = '!'.charCodeAt(0);
      return spoilt;
    };
    server.stream();
    server.spoil = null;
    await server.pump();
    await server.pass(500);
    expect(resyncs).toEqual([{ after: 0, number: 1, reason: 'diverged' }]);
    expect(world.tables.player.get('ann')?.name).toBe(name);
    expect(world.number).toBe(1);
  });

  it('leaves a server that talks nonsense', async () => {
    const { server, world } = await joined();
    server.send(2, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    await server.pump();
    await server.pass(200);
    expect(world.status).toMatchObject({ phase: 'live', region: 'us' });
  });

  it('shows its own steps before they are confirmed, and only them', async () => {
    const { server, world } = await joined({ predict: ['move'] });
    const first = world.act('opponents', { count: 0 });
    await server.pump();
    await first;
    server.world.advance(2_000);
    const me = world.session;
    const before = world.tables.player.get(me)!;
    const away = before.x > 14 ? -0.5 : 0.5;
    const step = world.act('move', { dx: away, dy: 0 });
    const shown = world.predicted.player.get(me)!;
    expect(shown.x).not.toBe(before.x);
    expect(world.tables.player.get(me)).toBe(before);
    await server.pump();
    await step;
    expect(world.tables.player.get(me)!.x).toBeCloseTo(shown.x, 4);
    expect(world.predicted.player.get(me)).toBe(world.tables.player.get(me));
    const line = world.act('say', { text: 'not predicted' });
    expect(world.predicted.message.size).toBe(0);
    await server.pump();
    await line;
    expect(world.predicted.message.size).toBe(1);
  });

  it('puts unconfirmed steps on top of whatever comes in between, and forgets refused ones', async () => {
    const { server, world } = await joined({ seed: 5 });
    const first = world.act('opponents', { count: 0 });
    await server.pump();
    await first;
    const acts = [world.act('say', { text: 'one' }), world.act('say', { text: 'two' })];
    expect([...world.predicted.message.rows()].map(({ text }) => text)).toEqual(['one', 'two']);
    server.world.join('ann');
    server.world.act('ann', 'say', { text: 'zero' });
    // Only the stream arrives, the acts are still on their way.
    server.drop();
    server.stream();
    await server.pump();
    expect([...world.tables.message.rows()].map(({ text }) => text)).toEqual(['zero']);
    expect([...world.predicted.message.rows()].map(({ text }) => text)).toEqual(['zero', 'one', 'two']);
    server.cut();
    await server.pump();
    await server.pass(200);
    await Promise.all(acts);
    expect([...world.tables.message.rows()].map(({ text }) => text)).toEqual(['zero', 'one', 'two']);
    const refused = world.act('say', { text: 'x'.repeat(139) });
    server.world.execute = () => ({ kind: 'refused', code: 'hush', detail: '' });
    expect(world.predicted.message.size).toBe(4);
    await server.pump();
    await expect(refused).rejects.toMatchObject({ code: 'hush' });
    expect(world.predicted.message.size).toBe(3);
  });

  it('lets listeners act and close in the middle of a stream', async () => {
    const { server, world, commands } = await joined();
    const results: unknown[] = [];
    const said = (act: Promise<{ result: unknown }>) => void act.then(({ result }) => results.push(result));
    const stop = world.onCommand(({ action }) => {
      if (action === '$join') said(world.act('say', { text: 'from a listener' }));
    });
    server.world.join('ann');
    server.stream();
    await server.pump();
    stop();
    // One for ann's join, one for its own.
    expect(results).toEqual([{ id: 1 }, { id: 2 }]);
    expect(numbers(commands)).toEqual(numbers(commands).map((_, i) => i + 1));
    const { line } = server;
    world.onCommand(() => void world.close());
    server.world.act('ann', 'say', { text: 'go on' });
    server.stream();
    await server.pump();
    expect(world.status.phase).toBe('closed');
    expect(line.consented).toBe(true);
    await expect(world.act('say', { text: 'late' })).rejects.toBeInstanceOf(Unavailable);
  });

  it('keeps the order of acts, also of those that a listener asks for while others are sent again', async () => {
    const { server, world } = await joined();
    const acts = [world.act('say', { text: 'one' }), world.act('say', { text: 'two' })];
    server.drop();
    const stop = world.onStatus(({ phase }) => {
      if (phase === 'live') acts.push(world.act('say', { text: 'three' }));
    });
    server.cut();
    await server.pump();
    await server.pass(200);
    stop();
    expect((await Promise.all(acts)).map(({ result }) => result)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('does not listen to a connection that it has left', async () => {
    const { server, world } = await joined();
    const old = server.line;
    server.moveOn();
    await server.pump();
    await server.pass(100);
    const before = world.status;
    old.events.message(2, new Uint8Array([1, 2, 3]));
    old.events.message(7, new Uint8Array([1, 2, 3]));
    old.events.lost('late', 'unauthorized');
    expect(world.status).toBe(before);
  });

  it('keeps its session across regions and comes back by its token', async () => {
    const { server, world } = await joined();
    await world.close();
    const connecting = connect(URLS[1]!, {
      world: 'arena',
      definition: arena,
      token: world.token,
      host: { ...server.host },
    });
    await server.pump();
    const again = await connecting;
    expect(again.session).toBe(world.session);
    expect(again.status.region).toBe('us');
    // Twice over: the later welcomes bring no token.
    for (const _ of [1, 2]) {
      server.cut();
      await server.pump();
      await server.pass(1_000);
    }
    expect(again.status.phase).toBe('live');
    expect(again.session).toBe(world.session);
    expect(again.token).toBe(world.token);
  });

  it('rejects when every address says no, or none answers', async () => {
    const server = new FakeGateways(arena.testWorld());
    server.schema = 'another';
    const refused = connect(URLS, { world: 'arena', definition: arena, host: server.host });
    const expectation = expect(refused).rejects.toMatchObject({ name: 'Refused', code: 'wrong-definition' });
    await server.pump();
    await server.pass(1_000);
    await expectation;
    for (const region of [0, 1, 2]) server.down.add(region);
    const late = connect(URLS, { world: 'arena', definition: arena, host: server.host });
    const tooLate = expect(late).rejects.toMatchObject({ name: 'Unavailable', code: 'timeout' });
    await server.pass(16_000);
    await tooLate;
    await expect(connect([], { world: 'arena', definition: arena })).rejects.toThrow(TypeError);
    await expect(connect('ftp://x', { world: 'arena', definition: arena })).rejects.toThrow(TypeError);
  });
});
