/** The client port of a region whose worlds are on worker threads: gateways stand behind it, and servers that misbehave. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ColyseusClient } from '@colyseus/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../../client/index.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { Reception, type ReceptionOptions } from '../../server/gateway/reception.ts';
import { FakeWorld } from './fake-world.ts';
import { closeAll, openSite, post, RawClient, request, TestLog, until } from './support.ts';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  await closeAll();
});

type Transport = 'uws' | 'ws';
const HOST = '127.0.0.1';

interface Desk {
  readonly reception: Reception;
  readonly port: number;
  readonly http: string;
  readonly log: TestLog;
}

async function receive(
  transport: Transport,
  doorOf: ReceptionOptions['doorOf'],
  options: Partial<ReceptionOptions> = {},
): Promise<Desk> {
  const log = new TestLog();
  const reception = new Reception({ host: HOST, port: 0, transport, logger: log, doorOf, ...options });
  open.push(() => reception.close());
  const { port } = await reception.start();
  return { reception, port, http: `http://${HOST}:${port}`, log };
}

/** Two workers with a world each, and a reception before them. */
async function region(transport: Transport, options: Partial<ReceptionOptions> = {}) {
  const first = await openSite({ transport });
  const second = await openSite({ transport, world: new FakeWorld(warehouse, 'other') });
  const doorOf = (world: string | null) => ({
    host: HOST,
    port: world === 'other' ? second.port : first.port,
  });
  return { first, second, ...(await receive(transport, doorOf, options)) };
}

type Answerer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A worker that does as it is told, and who is connected to it. */
async function worker(answer: Answerer) {
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 0 }, (asked, response) => {
    let body = '';
    asked.on('data', (part) => {
      body += part;
    });
    asked.on('end', () => answer(asked, response, body));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** Sends a request as it is, which fetch would refuse or tidy up; what came until the connection closed. */
function bare(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, HOST);
    let heard = '';
    socket.on('data', (data) => {
      heard += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.write(text);
  });
}

async function tokenOf(at: { readonly http: string }, world = 'warehouse'): Promise<string> {
  const { status, json } = await post(`${at.http}/v1/sessions`, { world });
  expect(status).toBe(201);
  return json.token;
}

/** What a stream says, as it comes. */
function follow(at: { readonly http: string }, path: string, token = '') {
  const heard = { status: 0, text: '', ended: false, cut: false, reply: null as IncomingMessage | null };
  const call = get(`${at.http}${path}`, { headers: { Authorization: `Bearer ${token}` } }, (reply) => {
    Object.assign(heard, { reply, status: reply.statusCode });
    reply.setEncoding('utf8');
    reply.on('data', (piece) => {
      heard.text += piece;
    });
    reply.on('end', () => {
      heard.ended = true;
    });
    reply.on('error', () => {
      heard.cut = true;
    });
  });
  call.on('error', () => {
    heard.cut = true;
  });
  return Object.assign(heard, { leave: () => call.destroy() });
}

const numbersIn = (text: string): number[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line).number);

describe.each(['uws', 'ws'] as const)('a reception on %s', (transport) => {
  it('hands requests on to the worker that has the world, and answers back as they are', async () => {
    const { first, second, http } = await region(transport);
    for (const [site, name] of [
      [first, 'warehouse'],
      [second, 'other'],
    ] as const) {
      const token = await tokenOf({ http }, name);
      const act = { sequence: 1, action: 'inbound', args: { to: 'A', amount: 'ü'.length } };
      const acted = await post(`${http}/v1/worlds/${name}/actions`, act, token);
      expect([acted.status, acted.json]).toEqual([200, { number: 1, result: { A: 1 } }]);
      expect(site.world.state.number).toBe(1);
      const again = await post(`${http}/v1/worlds/${name}/actions`, act, token);
      expect(again.json).toEqual({ number: 1, result: { A: 1 }, duplicate: true });
      const [here, there] = await Promise.all(
        [http, site.http].map((at) => request(`${at}/v1/worlds/${name}/state?min=1&at=1`, { token })),
      );
      expect(here?.json).toEqual(there?.json);
      expect(here?.json.number).toBe(1);
      const refused = await post(
        `${http}/v1/worlds/${name}/actions`,
        { sequence: 2, action: 'outbound', args: { from: 'A', amount: 5 } },
        token,
      );
      expect([refused.status, refused.json.error, refused.json.code]).toEqual([
        409,
        'refused',
        'insufficient-goods',
      ]);
    }
  });

  it('hands on statuses and headers, both ways', async () => {
    const { first, http } = await region(transport);
    const of = async (at: string, method: string, path: string, headers: Record<string, string> = {}) => {
      const reply = await request(`${at}${path}`, { method, headers });
      const {
        date,
        connection,
        'keep-alive': alive,
        uwebsockets,
        ...rest
      } = Object.fromEntries(reply.headers);
      void [date, connection, alive, uwebsockets];
      return { status: reply.status, text: reply.text, headers: rest };
    };
    const page = { origin: 'https://page.example' };
    for (const [method, path, headers] of [
      ['OPTIONS', '/v1/sessions'],
      ['OPTIONS', '/healthz'],
      ['OPTIONS', '/matchmake/joinOrCreate/world', page],
      ['POST', '/matchmake/joinOrCreate/world', page],
      ['GET', '/v1/worlds/warehouse/state'],
      ['GET', '/v1/worlds/%zz/state'],
      ['HEAD', '/v1/worlds/warehouse/state'],
      ['HEAD', '/nothing'],
      ['PUT', '/v1/sessions'],
      ['POST', '/healthz'],
      ['DELETE', '/'],
    ] as const) {
      const [here, there] = [
        await of(http, method, path, headers),
        await of(first.http, method, path, headers),
      ];
      expect(here, `${method} ${path}`).toEqual(there);
    }
  });

  it('tells the worker what it was asked, but not of this connection', async () => {
    let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string } | null =
      null;
    const { port } = await worker((asked, response, body) => {
      seen = { method: asked.method ?? '', url: asked.url ?? '', headers: asked.headers, body };
      response.writeHead(202, { 'Content-Type': 'application/json', 'X-Own': 'a, b', 'Set-Cookie': 'c=1' });
      response.end('{"ü":"€"}');
    });
    const { http } = await receive(transport, () => ({ host: HOST, port }));
    const headers = {
      'X-Asked': 'yes',
      TE: 'trailers',
      'Proxy-Authorization': 'x',
      Authorization: 'Bearer t',
    };
    const reply = await request(`${http}/any/path?a=1&b=%C3%BC`, { method: 'POST', body: 'ü€', headers });
    expect([reply.status, reply.json]).toEqual([202, { ü: '€' }]);
    expect(Object.fromEntries(reply.headers)).toMatchObject({ 'x-own': 'a, b', 'set-cookie': 'c=1' });
    expect(seen).toMatchObject({ method: 'POST', url: '/any/path?a=1&b=%C3%BC', body: 'ü€' });
    expect(seen!.headers).toMatchObject({
      ...{ 'x-asked': 'yes', authorization: 'Bearer t', 'content-length': '5' },
      host: http.slice('http://'.length),
    });
    for (const name of ['te', 'proxy-authorization', 'transfer-encoding'])
      expect(seen!.headers[name]).toBeUndefined();
  });

  it('[EDGE3] answers for a world that nobody has as the contract says', async () => {
    const { http, log } = await region(transport);
    const token = await tokenOf({ http });
    const read = await request(`${http}/v1/worlds/nowhere/state`, { token });
    expect([read.status, read.json.error]).toEqual([404, 'no-such-world']);
    const session = await post(`${http}/v1/sessions`, { world: 'nowhere' });
    expect([session.status, session.json.error]).toEqual([404, 'no-such-world']);
    for (const body of ['', '{', 'null', '[]', '{"world":7}', '"\ud800"']) {
      const reply = await post(`${http}/v1/sessions`, body);
      expect([body, reply.status >= 400 && reply.status < 500, reply.json.error]).toEqual([
        body,
        true,
        expect.stringMatching(/^(bad-request|no-such-world)$/),
      ]);
    }
    expect(log.loud).toEqual([]);
  });

  it('[EDGE2] takes a body within the bound only', async () => {
    let asked = 0;
    const { port } = await worker((_, response) => {
      asked++;
      response.end('{}');
    });
    const { http } = await receive(transport, () => ({ host: HOST, port }), { limits: { bodyBytes: 1_000 } });
    expect((await post(`${http}/x`, 'x'.repeat(1_000))).status).toBe(200);
    const reply = await post(`${http}/x`, 'x'.repeat(1_001));
    expect([reply.status, reply.json.error, asked]).toEqual([413, 'too-large', 1]);
  });

  it('gives a seat that says where to take it, by the name that was asked', async () => {
    const { first, second, http, port } = await region(transport);
    for (const [world, site] of [
      ['warehouse', first],
      ['other', second],
    ] as const) {
      const { status, json } = await post(`${http}/matchmake/joinOrCreate/world`, { world });
      expect([status, json.publicAddress]).toEqual([200, `127.0.0.1:${site.port}`]);
      const client = new RawClient(RawClient.url(site, json));
      await until('the welcome', () => client.welcome !== null || client.closed !== null);
      expect(client.welcome?.number).toBe(0);
    }
    const body = '{"world":"other"}';
    for (const [host, expected] of [
      ['eu.game.example:2567', `eu.game.example:${second.port}`],
      ['eu.game.example', `eu.game.example:${second.port}`],
      ['[::1]:2567', `[::1]:${second.port}`],
      ['[::1]', `[::1]:${second.port}`],
      ['', `127.0.0.1:${second.port}`],
    ] as const) {
      const heard = await bare(
        port,
        `POST /matchmake/joinOrCreate/world HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(heard).toContain(`"publicAddress":"${expected}"`);
    }
  });

  it('lets both SDKs in', async () => {
    const { first, second, http } = await region(transport);
    const world = await connect(http, { world: 'other', definition: warehouse });
    open.push(() => world.close());
    await world.act('inbound', { to: 'A', amount: 3 });
    expect([world.number, second.world.state.number, first.world.state.number]).toEqual([1, 1, 0]);
    const room = await new ColyseusClient(http).joinOrCreate('world', { world: 'warehouse' });
    await until('its place', () => first.gateway.stats().clients === 1);
    await room.leave();
  });

  it('has no rooms of its own', async () => {
    const { first, port, http } = await region(transport);
    const { json } = await post(`${http}/matchmake/joinOrCreate/world`, { world: 'warehouse' });
    const client = new RawClient(RawClient.url({ ...first, port }, json));
    await until('the close', () => client.closed !== null);
    expect(client.closed?.code).toBe(4404);
    expect(client.welcome).toBeNull();
  });

  it('brings a stream line by line, and ends it when the asker leaves', async () => {
    const { first, http } = await region(transport);
    const token = await tokenOf({ http });
    const heard = follow({ http }, '/v1/worlds/warehouse/commands?from=1&follow=1', token);
    await until('the head', () => heard.status === 200 && first.gateway.stats().followers === 1);
    for (let n = 1; n <= 3; n++) {
      first.world.append(n);
      const all = (n * (n + 1)) / 2;
      await until(`${all} lines`, () => numbersIn(heard.text).length === all);
    }
    expect(numbersIn(heard.text)).toEqual([1, 2, 3, 4, 5, 6]);
    heard.leave();
    await until('the end of it', () => first.gateway.stats().followers === 0);
    await until('no request', () => first.gateway.stats().httpRequests === 0);
  });

  it('shows that a stream is alive where nothing happens', async () => {
    const { port } = await worker((_, response) => {
      response.writeHead(200);
      response.write(' ');
    });
    const { http } = await receive(transport, () => ({ host: HOST, port }));
    const heard = follow({ http }, '/v1/worlds/x/commands?from=1&follow=1');
    await until('a sign', () => heard.text === ' ');
    heard.leave();
  });

  it('[EDGE2] gives a slow reader what the worker said, and keeps the worker waiting', async () => {
    const text = 'a \\ " \n ü € 🙂';
    const rows = Array.from({ length: 150_000 }, (_, i) => ({
      id: `${i} ${text}`,
      n: -1.5e-7 * (i + 1),
      on: i % 2 === 0,
    }));
    const state = JSON.stringify({ number: 12_345_678, rows });
    let taken = 0;
    const { port } = await worker(async (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      // Cut anywhere, between the halves of a character, too.
      const whole = Buffer.from(state);
      for (let at = 0; at < whole.length; at += 9_973) {
        if (!response.write(whole.subarray(at, at + 9_973)))
          await new Promise((resolve) => response.once('drain', resolve));
        taken = at;
      }
      response.end();
    });
    const { http } = await receive(transport, () => ({ host: HOST, port }));
    const heard = follow({ http }, '/v1/worlds/x/state');
    await until('the head', () => heard.reply !== null);
    for (let pause = 0; pause < 12; pause++) {
      heard.reply?.pause();
      let before = -1;
      await until('the worker waits', () => {
        const still = taken === before;
        before = taken;
        return still;
      });
      const length = heard.text.length;
      heard.reply?.resume();
      await until('more', () => heard.text.length > length || heard.ended);
    }
    await until('the end', () => heard.ended, 15_000);
    expect(JSON.parse(heard.text)).toEqual({ number: 12_345_678, rows });
  });

  it('[EDGE3] cuts an answer off whose worker dies half-way', async () => {
    const { port } = await worker((asked, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      response.write('{"number":1}\n', () => setTimeout(() => asked.socket.destroy(), 20));
    });
    const { http } = await receive(transport, () => ({ host: HOST, port }));
    const heard = follow({ http }, '/v1/worlds/x/commands?from=1');
    await until('the cut', () => heard.cut || heard.ended);
    expect([heard.status, heard.text.trim(), heard.ended]).toEqual([200, '{"number":1}', false]);
  });

  it('[ANS3] says that nobody knows where a worker dies before its answer is whole', async () => {
    const half: Answerer = (asked, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
      response.write('{"number":1', () => setTimeout(() => asked.socket.destroy(), 20));
    };
    for (const answer of [half, ((asked) => asked.socket.destroy()) satisfies Answerer]) {
      const { port } = await worker(answer);
      const { http, log } = await receive(transport, () => ({ host: HOST, port }));
      for (const path of ['/v1/worlds/x/actions', '/matchmake/joinOrCreate/world']) {
        const reply = await post(`${http}${path}`, {});
        expect([reply.status, reply.json.error, reply.json.outcome]).toEqual([503, 'no-quorum', 'unknown']);
        expect(reply.headers.get('retry-after')).toBe('1');
      }
      expect(log.loud).toEqual([]);
    }
  });

  it('[EDGE3] says so where no worker is there', async () => {
    const gone = await receive(transport, () => ({ host: HOST, port: 9 }));
    const nobody = await post(`${gone.http}/v1/sessions`, { world: 'x' });
    expect([nobody.status, nobody.json.error]).toEqual([503, 'no-quorum']);
    const closed = await receive(transport, () => null);
    const leaving = await post(`${closed.http}/v1/sessions`, { world: 'x' });
    expect([leaving.status, leaving.json.error]).toEqual([503, 'draining']);
  });

  it('answers for its health and its pages itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-pages-'));
    open.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'index.html'), '<p>ü</p>');
    const { http } = await receive(transport, () => null, { pageDirectory: folder });
    const health = await request(`${http}/healthz`);
    expect([health.status, health.json]).toEqual([200, { status: 'ok' }]);
    const page = await request(`${http}/`);
    expect([page.status, page.text]).toEqual([200, '<p>ü</p>']);
    const known = await request(`${http}/index.html`, {
      headers: { 'If-None-Match': page.headers.get('etag') ?? '' },
    });
    expect(known.status).toBe(304);
    const head = await request(`${http}/`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.text]).toEqual([200, '9', '']);
  });

  it('[EDGE2] has a bound on requests under way, and gives places back', async () => {
    const waiting: ServerResponse[] = [];
    const { port } = await worker((_, response) => waiting.push(response));
    const { http } = await receive(transport, () => ({ host: HOST, port }), { limits: { requests: 2 } });
    const [first, second] = [follow({ http }, '/a'), follow({ http }, '/b')];
    await until('both', () => waiting.length === 2);
    const third = await request(`${http}/c`);
    expect([third.status, third.json.error]).toEqual([503, 'overloaded']);
    expect((await request(`${http}/healthz`)).status).toBe(200);
    first.leave();
    await until('gone', () => waiting[0]?.destroyed === true);
    waiting[1]?.end('{}');
    await until('answered', () => second.ended);
    const [fourth, fifth] = [follow({ http }, '/d'), follow({ http }, '/e')];
    await until('both again', () => waiting.length === 4);
    expect([fourth.cut, fifth.cut]).toEqual([false, false]);
  });

  it('[EDGE2] keeps room for others beside those who follow, however many workers there are', async () => {
    const waiting: ServerResponse[] = [];
    const { port } = await worker((asked, response) => {
      if (asked.url?.includes('/commands') === true) waiting.push(response);
      else response.end('{}');
    });
    const limits = { followers: 2, requests: 4 };
    const { http } = await receive(transport, () => ({ host: HOST, port }), { limits });
    const path = '/v1/worlds/x/commands?from=1&follow=';
    const [first, second] = [follow({ http }, `${path}1`), follow({ http }, `${path}true`)];
    await until('both', () => waiting.length === 2);
    for (const how of ['1', 'true', '']) {
      const third = await request(`${http}${path}${how}`);
      expect([how, third.status, third.json.error]).toEqual([how, 503, 'overloaded']);
      expect(third.headers.get('retry-after')).not.toBeNull();
    }
    expect((await post(`${http}/v1/sessions`, { world: 'x' })).status).toBe(200);
    // A part of the log has an end.
    const part = follow({ http }, `${path}0`);
    await until('the part', () => waiting.length === 3);
    waiting[2]?.end();
    await until('its end', () => part.ended);
    first.leave();
    await until('gone', () => waiting[0]?.destroyed === true);
    waiting[1]?.end();
    await until('over', () => second.ended);
    for (let n = 4; n <= 5; n++) {
      follow({ http }, `${path}1`);
      await until('a place again', () => waiting.length === n);
    }
    expect((await request(`${http}${path}1`)).status).toBe(503);
  });

  it('[EDGE3] leaves out a header that no worker could be told, and tells nobody of it', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const { port: door } = await worker((asked, response) => {
      seen.push(asked.headers);
      response.end('{}');
    });
    const { port, log } = await receive(transport, () => ({ host: HOST, port: door }));
    for (const header of [
      'Cookie: a=\x7f',
      'Cookie: a=€',
      'Cookie: a=\x01',
      'a(b: c',
      'a€: c',
      'X-Own: ü\t!',
    ]) {
      const heard = await bare(port, `GET /x HTTP/1.1\r\nHost: x\r\n${header}\r\nConnection: close\r\n\r\n`);
      // Who reads the header may find it bad himself, and say so, or nothing.
      expect([header, /^(HTTP\/1\.1 (200|4\d\d) |$)/.test(heard)]).toEqual([header, true]);
    }
    expect(log.loud).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ host: 'x', 'x-own': expect.stringMatching(/!$/) });
  });

  it('[EDGE2] keeps no place for what no worker would answer', async () => {
    const { port: door } = await worker((_, response) => response.end('{}'));
    const { http, port, log } = await receive(transport, () => ({ host: HOST, port: door }), {
      limits: { requests: 2 },
    });
    for (let n = 0; n < 5; n++) {
      const connected = await bare(port, 'CONNECT /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(connected).not.toContain(' 503 ');
      await bare(port, 'GET /ü€ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const cookie = await bare(
        port,
        'GET /x HTTP/1.1\r\nHost: x\r\nCookie: a=€ü\r\nConnection: close\r\n\r\n',
      );
      expect(cookie).toContain('200 OK');
    }
    expect((await request(`${http}/x`)).status).toBe(200);
    expect(log.loud).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    const counted = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const held: ServerResponse[] = [];
    const { port: door, sockets } = await worker((asked, response) => {
      if (asked.url === '/held') held.push(response);
      else response.end('{}');
    });
    const before = counted();
    const { reception, http, port, log } = await receive(transport, () => ({ host: HOST, port: door }));
    const waiting = follow({ http }, '/held');
    await until('it waits', () => held.length === 1);
    // On a second connection, which is idle from then on.
    await bare(port, 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(sockets.size).toBe(2);
    await reception.close();
    await reception.close();
    await until('the end of it', () => waiting.cut && sockets.size === 0, 2_000);
    await until('no sockets', () => counted() <= before);
    await expect(request(`${http}/healthz`)).rejects.toThrow();
    expect(log.loud).toEqual([]);
  });
});

describe('connections to a worker', () => {
  it('are used again, and closed before the worker would', async () => {
    const { port: door, sockets } = await worker((_, response) => response.end('{}'));
    const { http } = await receive('uws', () => ({ host: HOST, port: door }));
    for (let n = 0; n < 5; n++) expect((await request(`${http}/x`)).status).toBe(200);
    expect(sockets.size).toBe(1);
    const from = performance.now();
    await until('closed', () => sockets.size === 0, 8_000);
    expect(performance.now() - from).toBeGreaterThan(2_000);
  });
});
