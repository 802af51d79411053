/** Joining: through the unmodified Colyseus SDK, and by everything that is no proper join. */
import { connect } from 'node:net';
import { Client as ColyseusClient } from '@colyseus/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { Mirror } from '../../game-logic/mirror.ts';
import { decodeRows } from '../../game-logic/snapshot.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import {
  decodeAnswer,
  decodeCommands,
  decodeSnapshot,
  decodeWelcome,
  encodeAct,
} from '../../schemas/generated/client.ts';
import { splitBatch } from '../../schemas/support/envelope.ts';
import { Tokens } from '../../server/gateway/tokens.ts';
import { FakeWorld } from './fake-world.ts';
import {
  closeAll,
  guest,
  openSite,
  RawClient,
  type Reply,
  request,
  SECRET,
  type Site,
  type SiteOptions,
  seat,
  until,
} from './support.ts';

afterEach(closeAll);

const DAY = 24 * 3_600_000;

/** What the SDK makes of a refusal: its code, and the contract's JSON in its message. */
async function refusalOf(
  promise: Promise<unknown>,
): Promise<{ readonly code: number; readonly error: string; readonly detail: string }> {
  try {
    await promise;
  } catch (cause) {
    const { code, message } = cause as { readonly code: number; readonly message: string };
    return { code, ...(JSON.parse(message) as { error: string; detail: string }) };
  }
  throw new Error('it was not refused');
}

describe.each(['uws', 'ws'] as const)('a join over %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('works with the Colyseus SDK as it is', async () => {
    const site = await openHere();
    site.world.append(3);
    const room = await new ColyseusClient(`ws://127.0.0.1:${site.port}`).joinOrCreate('world', {
      world: 'warehouse',
    });
    const answers: unknown[] = [];
    let mirror: Mirror | null = null;
    let session = '';
    room.onMessage(6, (bytes: Uint8Array) => {
      session = decodeWelcome(Uint8Array.from(bytes)).session;
    });
    room.onMessage(4, (bytes: Uint8Array) => {
      const { number, born, time, tables, rows } = decodeSnapshot(Uint8Array.from(bytes));
      mirror = new Mirror(warehouse, {
        number,
        born,
        time,
        digest: tables,
        tables: decodeRows(warehouse, [rows]),
      });
    });
    room.onMessage(2, (bytes: Uint8Array) => {
      for (const command of splitBatch(decodeCommands(Uint8Array.from(bytes)).batch)) mirror?.apply(command);
    });
    room.onMessage(3, (bytes: Uint8Array) => answers.push(decodeAnswer(Uint8Array.from(bytes))));
    await until('a snapshot', () => mirror?.number === 3);
    const args = warehouse.schema.actions.transfer.encode({ from: 'A', to: 'B', amount: 2 });
    room.sendBytes(1, encodeAct({ sequence: 1, action: 'transfer', args }));
    await until('the answer and the command', () => answers.length === 1 && mirror?.number === 4);
    expect(answers).toEqual([
      {
        ...{ sequence: 1, outcome: 'issued', number: 4, duplicate: false },
        ...{ result: '{"A":1,"B":2}', code: '', detail: '' },
      },
    ]);
    expect(site.world.presence).toEqual([`+${session}`]);
    expect(await room.leave()).toBe(4000);
    await until('it left', () => site.world.presence.length === 2);
    expect(site.world.presence[1]).toBe(`!${session}`);
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE3] is refused with the contract codes, as the SDK shows them', async () => {
    const site = await openHere({ guests: false, others: [new FakeWorld(undefined, 'other')] });
    const client = new ColyseusClient(`http://127.0.0.1:${site.port}`);
    const tokens = new Tokens(SECRET, DAY, 10);
    const good = tokens.make('alice', 'warehouse');
    const late = new Tokens(SECRET, DAY, 10, () => Date.now() - 2 * DAY).make('late', 'warehouse');
    const join = (options: object) => refusalOf(client.joinOrCreate('world', options));
    expect(await join({ world: 'nowhere', token: good })).toMatchObject({
      code: 404,
      error: 'no-such-world',
    });
    expect(await join({ token: good })).toMatchObject({ code: 400, error: 'bad-request' });
    expect(await join({ world: 'warehouse' })).toMatchObject({ code: 401, error: 'unauthorized' });
    expect(await join({ world: 'warehouse', token: 'x' })).toMatchObject({
      code: 401,
      error: 'unauthorized',
    });
    expect(await join({ world: 'warehouse', token: 7 })).toMatchObject({ code: 401, error: 'unauthorized' });
    expect(await join({ world: 'warehouse', token: late })).toMatchObject({
      code: 401,
      detail: 'the token has expired',
    });
    expect(await join({ world: 'other', token: good })).toMatchObject({ code: 403, error: 'forbidden' });
    expect(await join({ world: 'warehouse', token: good, stream: 'films' })).toEqual({
      ...{ code: 400, error: 'bad-request', detail: "stream is 'commands', 'frames' or 'answers'" },
    });
    for (const from of [0, -1, 1.5, '5', {}, 2 ** 53])
      expect(await join({ world: 'warehouse', token: good, from })).toMatchObject({
        code: 400,
        error: 'bad-request',
      });
    for (const stream of ['both', 1, {}, '__proto__'])
      expect(await join({ world: 'warehouse', token: good, stream })).toMatchObject({
        code: 400,
        error: 'bad-request',
      });
    const room = await client.joinOrCreate('world', {
      world: 'warehouse',
      token: good,
      stream: 'commands',
      from: null,
    });
    room.onMessage('*', () => {});
    await room.leave();
    expect(site.world.presence[0]).toBe('+alice');
    expect(site.log.loud).toEqual([]);
  });

  it('hands a guest a token that is good elsewhere, and renews one that is old', async () => {
    const site = await openHere();
    const neighbour = await openHere({ world: site.world });
    const first = await RawClient.join(site);
    const token = first.welcome?.token as string;
    const again = await RawClient.join(neighbour, { token });
    expect(again.welcome).toMatchObject({ session: first.welcome?.session, token: '' });
    const old = new Tokens(SECRET, DAY, 10, () => Date.now() - 0.6 * DAY).make('alice', 'warehouse');
    const renewed = await RawClient.join(site, { token: old });
    expect(renewed.welcome?.session).toBe('alice');
    const fresh = renewed.welcome?.token as string;
    expect(fresh).not.toBe('');
    const claims = await new Tokens(SECRET, DAY, 10).verify(fresh);
    expect(claims).toMatchObject({ session: 'alice', world: 'warehouse' });
    expect(claims.expires).toBeGreaterThan(Date.now() + 0.9 * DAY);
  });

  it('[EDGE1] sends away sockets without a seat, whatever they name', async () => {
    const site = await openHere();
    const good = (await seat(site, { world: 'warehouse' })).json;
    const base = `ws://127.0.0.1:${site.port}`;
    const urls = [
      `/${good.processId}/${good.roomId}`,
      `/${good.processId}/${good.roomId}?sessionId=nobody`,
      `/${good.processId}/${good.roomId}?sessionId=__proto__`,
      `/${good.processId}/${good.roomId}?sessionId=constructor&reconnectionToken=x`,
      `/${good.processId}/${good.roomId}?sessionId=a&sessionId=b`,
      `/${good.processId}/__proto__?sessionId=${good.sessionId}`,
      `/${good.processId}/constructor?sessionId=${good.sessionId}`,
      `/x/toString?sessionId=${good.sessionId}`,
      `/x/nosuchroom?sessionId=${good.sessionId}`,
    ];
    for (const url of urls) {
      const client = new RawClient(base + url);
      await until(`the close of ${url}`, () => client.closed !== null);
      expect([url, client.closed?.code]).toEqual([url, expect.toBeOneOf([4002, 4003, 4404])]);
      expect(client.joined).toBe(false);
    }
    const idle = new RawClient(`${base}/`);
    await until('the close of a ping connection', () => idle.closed !== null);
    // The seat itself is still there, and good for one socket.
    const client = new RawClient(RawClient.url(site, good));
    await until('the welcome', () => client.welcome !== null);
    const second = new RawClient(RawClient.url(site, good));
    await until('the close', () => second.closed !== null);
    expect(second.joined).toBe(false);
    expect(client.closed).toBeNull();
    expect(site.gateway.stats().clients).toBe(1);
  });

  it('[EDGE2] sends away at once who would be somebody that is here already', async () => {
    const site = await openHere();
    const { json } = await seat(site, { world: 'warehouse' });
    const url = RawClient.url(site, json);
    const first = new RawClient(url);
    await until('the welcome', () => first.welcome !== null);
    const madeUp = RawClient.url(site, { ...json, sessionId: 'nobody' });
    const others = [
      ...[first.token, first.token, first.token].map((token) => `${url}&reconnectionToken=${token}`),
      ...[`${url}&reconnectionToken=made-up`, `${madeUp}&reconnectionToken=${first.token}`],
    ].map((each) => new RawClient(each));
    await until('the end of them all', () => others.every(({ closed }) => closed !== null), 2_000);
    expect(others.map(({ joined }) => joined)).toEqual(others.map(() => false));
    expect([first.closed, site.gateway.stats().clients]).toEqual([null, 1]);
    expect(site.log.loud).toEqual([]);
  });

  it.each([
    ['says good-bye', (socket: WebSocket) => socket.close()],
    ['is gone', (socket: WebSocket) => socket.terminate()],
  ])('[EDGE2] gives back the seat of a client that opens and at once %s', async (_, end) => {
    const site = await openHere({ limits: { seats: 2, clients: 2 } });
    for (let i = 1; i <= 6; i++) {
      const { status, json } = await seat(site, { world: 'warehouse' });
      expect(status).toBe(200);
      const { socket } = new RawClient(RawClient.url(site, json), null, false);
      socket.once('open', () => end(socket));
      await until('it came and left', () => site.world.presence.length === 2 * i);
    }
    expect(site.gateway.stats().clients).toBe(0);
    expect(site.log.loud).toEqual([]);
  });

  it('survives upgrades that are no URL', async () => {
    const site = await openHere();
    const upgrade = (target: string) =>
      new Promise((resolve) => {
        const socket = connect(site.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.once('close', resolve);
        const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
        socket.write(
          `GET ${target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\n\r\n`,
        );
        socket.resume();
      });
    await Promise.all(['@:x', 'http://[', '//', '/%', '*', '/x/constructor', '/?sessionId=x'].map(upgrade));
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE2] bounds seats that nobody takes', async () => {
    const site = await openHere({ limits: { seats: 3, seatSeconds: 0.1 } });
    const seats: Reply[] = [];
    for (let i = 0; i < 4; i++) seats.push(await seat(site, { world: 'warehouse' }));
    expect(seats.map(({ status }) => status)).toEqual([200, 200, 200, 503]);
    expect(seats[3]?.json).toMatchObject({ error: 'overloaded' });
    expect(seats[3]?.headers.get('retry-after')).toBe('1');
    let next = seats[3] as Reply;
    const end = Date.now() + 5_000;
    while (next.status !== 200 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      next = await seat(site, { world: 'warehouse' });
    }
    expect(next.status).toBe(200);
    const late = new RawClient(RawClient.url(site, seats[0]?.json));
    await until('the close', () => late.closed !== null);
    expect(late.joined).toBe(false);
  });

  it.each([
    ['guests', () => ({})],
    ['tokens', (i: number) => ({ token: new Tokens(SECRET, DAY, 10).make(`player-${i}`, 'warehouse') })],
  ])('[EDGE2] bounds seats and clients when many come at once: %s', async (_, options) => {
    const crowd = (site: Site) =>
      Promise.all(Array.from({ length: 24 }, (_, i) => seat(site, { world: 'warehouse', ...options(i) })));
    const few = await openHere({ limits: { seats: 3 } });
    const seats = await crowd(few);
    expect(seats.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(seats.filter(({ status }) => status === 503)).toHaveLength(21);
    const small = await openHere({ limits: { clients: 2 }, others: [new FakeWorld(undefined, 'other')] });
    const places = (await crowd(small)).filter(({ status }) => status === 200);
    expect(places).toHaveLength(2);
    // Seats in one world are none in another, and a join that was refused holds none.
    for (let i = 0; i < 3; i++)
      expect((await seat(small, { world: 'other', from: -1 })).json.error).toBe('bad-request');
    expect((await seat(small, { world: 'other' })).status).toBe(200);
    const clients = places.map(({ json }) => new RawClient(RawClient.url(small, json)));
    await until('both are in', () => clients.every(({ welcome }) => welcome !== null));
    expect((await seat(small, { world: 'warehouse' })).status).toBe(503);
    clients[0]?.leave();
    await until('there is room', () => small.gateway.stats().clients === 1);
    expect((await seat(small, { world: 'warehouse' })).status).toBe(200);
  });

  it('[EDGE2] bounds clients', async () => {
    const site = await openHere({ limits: { clients: 2 } });
    const [first] = [await RawClient.join(site), await RawClient.join(site)];
    const third = await seat(site, { world: 'warehouse' });
    expect([third.status, third.json.error]).toEqual([503, 'overloaded']);
    first?.leave();
    await until('there is room', () => site.gateway.stats().clients === 1);
    expect((await seat(site, { world: 'warehouse' })).status).toBe(200);
  });

  it('closes a client that never acknowledges its join', async () => {
    const site = await openHere({ limits: { joinMs: 50, sweepMs: 10 } });
    const { json } = await seat(site, { world: 'warehouse' });
    const client = new RawClient(RawClient.url(site, json), null, false);
    await until('the close', () => client.closed !== null);
    expect(client.joined).toBe(true);
    expect(client.welcome).toBeNull();
    expect(client.closed?.code).toBe(4400);
    expect(site.gateway.stats().cutOff.late).toBe(1);
    await until('it left', () => site.world.presence.length === 2);
  });

  it('welcomes first who acts before its acknowledgement', async () => {
    const site = await openHere();
    const { json } = await seat(site, { world: 'warehouse' });
    const client = new RawClient(RawClient.url(site, json), null, false);
    await until('the join', () => client.joined);
    client.act(1, 'open', { id: 'Q' });
    client.send(Uint8Array.of(10));
    await until('the answer', () => client.answerTo(1) !== undefined);
    expect(client.answerTo(1)?.outcome).toBe('issued');
    expect(client.kinds.filter((kind) => kind === 6)).toHaveLength(1);
    expect([client.kinds[0], client.faults]).toEqual([6, []]);
  });

  it('closes a socket that went silent', async () => {
    const site = await openHere({ limits: { idleSeconds: transport === 'uws' ? 8 : 0.3 } });
    const client = await RawClient.join(site);
    client.socket.pause();
    await until('its end', () => site.gateway.stats().clients === 0, 18_000);
  });

  it('serves several worlds and several gateways in one process, each its own', async () => {
    const other = new FakeWorld(undefined, 'other');
    const site = await openHere({ others: [other] });
    const second = await openHere();
    const a = await RawClient.join(site);
    const b = await RawClient.join(site, { world: 'other' });
    const c = await RawClient.join(second);
    site.world.append(1);
    other.append(2);
    second.world.append(3);
    await until('all three', () => a.number === 1 && b.number === 2 && c.number === 3);
    const { token } = await guest(site, 'other');
    const cross = await seat(site, { world: 'warehouse', token });
    expect([cross.status, cross.json.error]).toEqual([403, 'forbidden']);
    // A seat of one gateway is no seat of another.
    const { json } = await seat(site, { world: 'warehouse' });
    const stray = new RawClient(RawClient.url(second, json));
    await until('the close', () => stray.closed !== null);
    expect(stray.closed?.code).toBe(4404);
    expect(a.closed).toBeNull();
  });
});
