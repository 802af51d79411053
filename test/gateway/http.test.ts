/** HTTP on the client port, over both transports: what CONTRACT.md says, code by code. */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ThroughlineError } from '../../server/errors.ts';
import { Tokens } from '../../server/gateway/tokens.ts';
import { FakeWorld, NOBODY } from './fake-world.ts';
import {
  closeAll,
  guest,
  openSite,
  post,
  type Reply,
  request,
  SECRET,
  type Site,
  type SiteOptions,
  until,
} from './support.ts';

afterEach(closeAll);

const DAY = 24 * 3_600_000;
const actionsOf = (site: Site, world = 'warehouse') => `${site.http}/v1/worlds/${world}/actions`;
const inbound = (sequence: unknown, amount: unknown = 5) => ({
  ...{ sequence, action: 'inbound' },
  args: { to: 'A', amount },
});

describe.each(['uws', 'ws'] as const)('HTTP over %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('makes a guest, runs its actions once, and reads them back', async () => {
    const site = await openHere();
    const made = await post(`${site.http}/v1/sessions`, {
      world: 'warehouse',
      unknown: 'fields are ignored',
    });
    expect(made.status).toBe(201);
    expect(Object.keys(made.json)).toEqual(['session', 'token']);
    const { token } = made.json;
    const first = await post(actionsOf(site), inbound(7), token);
    expect(first.status).toBe(200);
    expect(first.json).toEqual({ number: 1, result: { A: 5 } });
    const again = await post(actionsOf(site), inbound(7, 1_000), token);
    expect(again.status).toBe(200);
    expect(again.json).toEqual({ number: 1, result: { A: 5 }, duplicate: true });
    const state = await request(`${site.http}/v1/worlds/warehouse/state`, { token });
    expect(state.status).toBe(200);
    expect(state.json.number).toBe(1);
    expect(state.json.digest).toMatch(/^[0-9a-f]{16}$/);
    expect(state.json.tables).toEqual({
      warehouse: [
        { id: 'A', amount: 5 },
        { id: 'B', amount: 0 },
        { id: 'C', amount: 0 },
      ],
    });
    expect(site.gateway.stats().actions).toMatchObject({ issued: 1, duplicate: 1, rejected: 0 });
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE3] refuses what is wrong with an action, with its code and without effect', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const wrong: readonly (readonly [unknown, number, string])[] = [
      ['{"sequence":1,', 400, 'bad-request'],
      ['', 400, 'bad-request'],
      ['[]', 400, 'bad-request'],
      ['null', 400, 'bad-request'],
      ['"text"', 400, 'bad-request'],
      [inbound(0), 400, 'bad-request'],
      [inbound(-1), 400, 'bad-request'],
      [inbound(1.5), 400, 'bad-request'],
      [inbound('1'), 400, 'bad-request'],
      [inbound(null), 400, 'bad-request'],
      [inbound(undefined), 400, 'bad-request'],
      ['{"sequence":9007199254740992,"action":"inbound","args":{"to":"A","amount":1}}', 400, 'bad-request'],
      ['{"sequence":1e400,"action":"inbound","args":{"to":"A","amount":1}}', 400, 'bad-request'],
      [{ sequence: 1, args: {} }, 400, 'bad-request'],
      [{ sequence: 1, action: 7 }, 400, 'bad-request'],
      [inbound(1, '5'), 400, 'bad-arguments'],
      [inbound(1, -5), 400, 'bad-arguments'],
      [inbound(1, 1.5), 400, 'bad-arguments'],
      ['{"sequence":1,"action":"inbound","args":{"to":"A","amount":9007199254740993}}', 400, 'bad-arguments'],
      [{ sequence: 1, action: 'inbound', args: { to: 'A', amount: 1, colour: 'red' } }, 400, 'bad-arguments'],
      [{ sequence: 1, action: 'inbound', args: [] }, 400, 'bad-arguments'],
      [{ sequence: 1, action: 'inbound', args: 'A' }, 400, 'bad-arguments'],
      [{ sequence: 1, action: 'inbound' }, 400, 'bad-arguments'],
      [{ sequence: 1, action: 'fly', args: {} }, 404, 'no-such-action'],
      [{ sequence: 1, action: 'constructor', args: {} }, 404, 'no-such-action'],
      [{ sequence: 1, action: '__proto__', args: {} }, 404, 'no-such-action'],
    ];
    for (const [body, status, error] of wrong) {
      const reply = await post(actionsOf(site), body as string, token);
      expect([body, reply.status, reply.json.error]).toEqual([body, status, error]);
      expect(Object.keys(reply.json)).toEqual(['error', 'detail']);
      expect(reply.json.detail).not.toBe('');
    }
    const refused = await post(actionsOf(site), { sequence: 1, action: 'open', args: { id: 'A' } }, token);
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({ error: 'refused', code: 'already-open' });
    expect(site.world.state.number).toBe(0);
    expect(site.gateway.stats().outstanding).toBe(0);
  });

  it('[EDGE3] tells who may not: 401, 403, 404', async () => {
    const site = await openHere({ others: [new FakeWorld(undefined, 'other')] });
    const { token } = await guest(site);
    const other = (await guest(site, 'other')).token;
    const tokens = new Tokens(SECRET, DAY, 10);
    const late = await new Tokens(SECRET, DAY, 10, () => Date.now() - 2 * DAY).make('late', 'warehouse');
    const foreign = await new Tokens('another secret', DAY, 10).make('alice', 'warehouse');
    const strange = tokens.make('no/such session', 'warehouse');
    const [head, , tail] = token.split('.');
    const forgedBody = Buffer.from('{"session":"x","world":"warehouse","exp":9999999999}').toString(
      'base64url',
    );
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const bad = [
      undefined,
      'nonsense',
      'a.b.c',
      late,
      foreign,
      strange,
      `${token}x`,
      `${head}.${forgedBody}.${tail}`,
      `${none}.${forgedBody}.`,
    ];
    for (const path of ['state', 'commands?from=1']) {
      for (const given of bad) {
        const reply = await request(
          `${site.http}/v1/worlds/warehouse/${path}`,
          given === undefined ? {} : { token: given },
        );
        expect([given, reply.status, reply.json.error]).toEqual([given, 401, 'unauthorized']);
      }
      const wrongWorld = await request(`${site.http}/v1/worlds/warehouse/${path}`, { token: other });
      expect([wrongWorld.status, wrongWorld.json.error]).toEqual([403, 'forbidden']);
    }
    for (const given of bad) expect((await post(actionsOf(site), inbound(1), given)).status).toBe(401);
    expect((await post(actionsOf(site), inbound(1), other)).status).toBe(403);
    for (const world of ['nowhere', '__proto__', 'constructor']) {
      const reply = await post(actionsOf(site, world), inbound(1), token);
      expect([world, reply.status, reply.json.error]).toEqual([world, 404, 'no-such-world']);
    }
    expect((await post(`${site.http}/v1/sessions`, { world: 'nowhere' })).json.error).toBe('no-such-world');
    expect((await post(`${site.http}/v1/sessions`, {})).json.error).toBe('bad-request');
    expect((await post(`${site.http}/v1/sessions`, { world: 7 })).json.error).toBe('bad-request');
    const good = tokens.make('alice', 'warehouse');
    expect((await post(actionsOf(site), inbound(1), good)).status).toBe(200);
  });

  it('takes no guests where there are none', async () => {
    const site = await openHere({ guests: false });
    const reply = await post(`${site.http}/v1/sessions`, { world: 'warehouse' });
    expect([reply.status, reply.json.error]).toEqual([403, 'forbidden']);
  });

  it('[EDGE3, ANS3] passes on what the world says, and whether the outcome is open', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const failing = async (failure: ThroughlineError) => {
      site.world.failure = failure;
      return post(actionsOf(site), inbound(1), token);
    };
    const overloaded = await failing(new ThroughlineError('overloaded', 'full'));
    expect([overloaded.status, overloaded.json]).toEqual([503, { error: 'overloaded', detail: 'full' }]);
    expect(overloaded.headers.get('retry-after')).toBe('1');
    const unknown = await failing(new ThroughlineError('no-quorum', 'no answer', { kind: 'unknown' }));
    expect([unknown.status, unknown.json]).toEqual([
      503,
      { error: 'no-quorum', detail: 'no answer', outcome: 'unknown' },
    ]);
    expect(unknown.headers.get('retry-after')).toBe('1');
    const order = await failing(new ThroughlineError('out-of-order', 'too late'));
    expect([order.status, order.json.error]).toEqual([409, 'out-of-order']);
    const settled = await failing(new ThroughlineError('settled', 'too old'));
    expect([settled.status, settled.json.error]).toEqual([410, 'settled']);
    const internal = await failing(new ThroughlineError('internal', 'the function threw'));
    expect([internal.status, internal.json]).toEqual([
      500,
      { error: 'internal', detail: 'the function threw' },
    ]);
    expect(site.gateway.stats().actions).toMatchObject({ unavailable: 1, unknown: 1, failed: 3 });
  });

  it('says so when something went wrong here, and keeps what it was to itself', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    site.world.act = () => {
      throw new Error('a secret of the inside');
    };
    const reply = await post(actionsOf(site), inbound(1), token);
    expect([reply.status, reply.json.error, reply.json.outcome]).toEqual([500, 'internal', 'unknown']);
    expect(reply.text).not.toContain('secret');
    expect(site.log.loud.map(({ fields }) => fields['event'])).toEqual(['gateway-fault']);
    expect(site.gateway.stats()).toMatchObject({ outstanding: 0, actions: { unknown: 1 } });
  });

  it('[EDGE2] bounds a body: too large is 413 and costs nothing', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const large = JSON.stringify({ ...inbound(1), padding: 'x'.repeat(1 << 20) });
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 40; round++) {
      const reply = await post(actionsOf(site), large, token);
      expect([reply.status, reply.json.error]).toEqual([413, 'too-large']);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20);
    const seat = await post(`${site.http}/matchmake/joinOrCreate/world`, large);
    expect([seat.status, seat.json.error]).toEqual([413, 'too-large']);
    const justRight = JSON.stringify({ ...inbound(1), padding: 'x'.repeat(60_000) });
    expect((await post(actionsOf(site), justRight, token)).status).toBe(200);
  });

  it('cuts off a sender that does not stop', async () => {
    const site = await openHere({ limits: { discardBytes: 1 << 20 } });
    const socket = connect(site.port, '127.0.0.1');
    let closed = false;
    let received = '';
    socket.on('data', (data) => {
      received += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      closed = true;
    });
    socket.write(`POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const end = Date.now() + 5_000;
    while (!closed && Date.now() < end) {
      if (!socket.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until('the cut', () => closed);
    expect(received.startsWith('HTTP/1.1 413 ') || received === '').toBe(true);
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
  });

  it('bounds what one session may have outstanding, and its rate', async () => {
    const site = await openHere({ limits: { outstanding: 4, rate: 0.01, burst: 6 } });
    const { token } = await guest(site);
    site.world.holding = true;
    const first: Promise<Reply>[] = [];
    // One after the other: sequences that overtake each other are another story.
    for (let i = 1; i <= 4; i++) {
      first.push(post(actionsOf(site), inbound(i), token));
      await until('it held', () => site.world.held.length === i);
    }
    const more = await post(actionsOf(site), inbound(5), token);
    expect([more.status, more.json.error]).toEqual([429, 'rate-limited']);
    expect(more.headers.get('retry-after')).toBe('1');
    site.world.release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(site.gateway.stats().outstanding).toBe(0);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await post(actionsOf(site), inbound(10 + i), token)).status);
    expect(statuses).toContain(429);
    const neighbour = await guest(site);
    expect((await post(actionsOf(site), inbound(1), neighbour.token)).status).toBe(200);
  });

  it('reads the past and waits for the future', async () => {
    const site = await openHere({ limits: { readMs: 200 } });
    const { token } = await guest(site);
    site.world.append(5);
    const state = (query: string) => request(`${site.http}/v1/worlds/warehouse/state${query}`, { token });
    expect((await state('?at=3')).json).toMatchObject({
      number: 3,
      tables: { warehouse: [{ id: 'A', amount: 3 }, {}, {}] },
    });
    expect((await state('?at=0')).json).toMatchObject({ number: 0 });
    const future = await state('?at=6');
    expect([future.status, future.json.error]).toEqual([404, 'not-found']);
    const waiting = state('?min=7');
    site.world.append(2);
    expect((await waiting).json.number).toBe(7);
    const never = await state('?min=8');
    expect([never.status, never.json.error]).toEqual([503, 'no-quorum']);
    expect((await state('?consistency=linearizable')).json.number).toBe(7);
    expect((await state('?consistency=local')).json.number).toBe(7);
    site.world.linearizes = false;
    expect((await state('?consistency=linearizable')).status).toBe(503);
    site.world.compact(4);
    const gone = await state('?at=2');
    expect([gone.status, gone.json.error, gone.json.first]).toEqual([410, 'compacted', 4]);
    for (const query of [
      '?at=-1',
      '?at=x',
      '?at=1.5',
      '?at=',
      '?min=9007199254740992',
      '?consistency=strong',
      '?at=1e3',
    ])
      expect([query, (await state(query)).json.error]).toEqual([query, 'bad-request']);
  });

  it('writes a large world in pieces', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    for (let i = 0; i < 3_000; i++) {
      const open = site.world.definition.schema.actions['open']?.encode({ id: `${'w'.repeat(100)}${i}` });
      site.world.act({ session: 's', sequence: i + 1, action: 'open', args: open as Uint8Array }, NOBODY, 0);
    }
    const { json } = await request(`${site.http}/v1/worlds/warehouse/state`, { token });
    expect(json.number).toBe(3_000);
    expect(json.tables.warehouse).toHaveLength(3_003);
    expect(json.tables).toEqual(site.world.state.toJSON());
  });

  it('answers what is not there, and the wrong method, as JSON', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    for (const path of [
      '/',
      '/v1',
      '/v1/worlds',
      '/v1/worlds/warehouse',
      '/v1/worlds/warehouse/boxes',
      '/v1/worlds/a/b/state',
      '/matchmake/joinOrCreate/lobby',
      '/__healthcheck',
    ]) {
      const method = path.startsWith('/matchmake') ? 'POST' : 'GET';
      const reply = await request(site.http + path, {
        method,
        token,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      expect([path, reply.status, reply.json?.error]).toEqual([path, 404, 'not-found']);
    }
    for (const [method, path] of [
      ['GET', '/v1/sessions'],
      ['DELETE', '/v1/sessions'],
      ['GET', '/v1/worlds/warehouse/actions'],
      ['POST', '/v1/worlds/warehouse/state'],
      ['PUT', '/v1/worlds/warehouse/commands'],
      ['POST', '/healthz'],
      ['GET', '/matchmake/joinOrCreate/world'],
    ] as const) {
      const reply = await request(site.http + path, { method, token });
      expect([method, path, reply.status, reply.json?.error]).toEqual([method, path, 404, 'not-found']);
    }
    expect((await request(`${site.http}/v1/worlds/%E0%A4%A/state`, { token })).json.error).toBe(
      'bad-request',
    );
    expect((await request(`${site.http}/healthz`)).json).toEqual({ status: 'ok' });
    expect((await request(`${site.http}/healthz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('lets any page call, without cookies', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const origin = { Origin: 'http://game.example' };
    const asked = await request(actionsOf(site), { method: 'OPTIONS', headers: origin });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe('*');
    expect(asked.headers.get('access-control-allow-headers')).toContain('Authorization');
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST');
    for (const path of ['state', 'commands?from=1', 'state?at=x']) {
      const reply = await request(`${site.http}/v1/worlds/warehouse/${path}`, { token, headers: origin });
      expect(reply.headers.get('access-control-allow-origin')).toBe('*');
    }
    const seat = await request(`${site.http}/matchmake/joinOrCreate/world`, {
      method: 'OPTIONS',
      headers: origin,
    });
    expect(seat.headers.get('access-control-allow-origin')).toBe('http://game.example');
    expect(seat.headers.get('access-control-allow-credentials')).toBe('true');
  });

  it('counts an action as presence for a while', async () => {
    const site = await openHere({ limits: { httpPresenceMs: 80, sweepMs: 10 } });
    const { session, token } = await guest(site);
    await post(actionsOf(site), inbound(1), token);
    await post(actionsOf(site), inbound(2), token);
    expect(site.world.presence).toEqual([`+${session}`]);
    await until('its end', () => site.world.presence.length === 2);
    expect(site.world.presence).toEqual([`+${session}`, `-${session}`]);
    await post(actionsOf(site), inbound(3), token);
    expect(site.world.presence).toHaveLength(3);
    await site.gateway.close();
    expect(site.world.presence).toEqual([`+${session}`, `-${session}`, `+${session}`, `-${session}`]);
  });

  it('bounds the requests under way', async () => {
    const site = await openHere({ limits: { requests: 3 } });
    const { token } = await guest(site);
    site.world.holding = true;
    const held = [1, 2, 3].map((sequence) => post(actionsOf(site), inbound(sequence), token));
    await until('three held', () => site.world.held.length === 3);
    const fourth = await request(`${site.http}/healthz`);
    expect([fourth.status, fourth.json.error]).toEqual([503, 'overloaded']);
    site.world.release();
    await Promise.all(held);
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
    expect(site.gateway.stats().httpRequests).toBe(0);
  });

  it('forgets a caller that went away', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    site.world.holding = true;
    const abort = new AbortController();
    const call = fetch(actionsOf(site), {
      ...{ method: 'POST', body: JSON.stringify(inbound(1)), signal: abort.signal },
      headers: { Authorization: `Bearer ${token}` },
    }).catch(() => null);
    await until('it held', () => site.world.held.length === 1);
    abort.abort();
    await call;
    site.world.release();
    await until('it settled', () => site.gateway.stats().httpRequests === 0);
    expect(site.world.state.number).toBe(1);
    expect(site.gateway.stats().outstanding).toBe(0);
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
    expect(site.log.loud).toEqual([]);
  });
});
