/** A gateway's life: start, drain, close, and the manners of a guest in somebody's process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGateway } from '../../server/gateway/gateway.ts';
import { FakeWorld } from './fake-world.ts';
import {
  closeAll,
  guest,
  openSite,
  post,
  RawClient,
  request,
  type SiteOptions,
  seat,
  TestLog,
  until,
} from './support.ts';

afterEach(closeAll);

/** Sends a request line as it is, which fetch would tidy up. */
function bare(port: number, target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

describe.each(['uws', 'ws'] as const)('a gateway on %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('drains: takes nobody in, tells all to move on, waits for answers, closes', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const client = await RawClient.join(site);
    const idle = await RawClient.join(site);
    await until('both live', () => site.gateway.stats().live === 2);
    site.world.holding = true;
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('it held', () => site.world.held.length === 1);
    const drained = site.gateway.drain();
    await until('the word', () => client.movedOn !== null && idle.movedOn !== null);
    expect(client.movedOn).toBe('draining');
    expect(site.gateway.stats().draining).toBe(true);
    const refused = await seat(site, { world: 'warehouse' });
    expect([refused.status, refused.json.error]).toEqual([503, 'draining']);
    const action = await post(
      `${site.http}/v1/worlds/warehouse/actions`,
      { sequence: 1, action: 'inbound', args: { to: 'A', amount: 1 } },
      token,
    );
    expect([action.status, action.json.error, action.json.outcome]).toEqual([503, 'draining', undefined]);
    expect((await post(`${site.http}/v1/sessions`, { world: 'warehouse' })).json.error).toBe('draining');
    client.act(2, 'inbound', { to: 'A', amount: 1 });
    await until('a no', () => client.answerTo(2) !== undefined);
    expect(client.answerTo(2)).toMatchObject({ outcome: 'failed', code: 'draining' });
    expect(client.closed).toBeNull();
    site.world.release();
    await drained;
    await until('the closes', () => client.closed !== null && idle.closed !== null);
    expect(client.answerTo(1)).toMatchObject({ outcome: 'issued', number: 1 });
    expect(client.number).toBe(1);
    for (const one of [client, idle])
      expect(one.closed).toEqual({ code: 4503, reason: 'draining: this server is leaving' });
    expect(site.world.presence.filter((line) => line.startsWith('-'))).toHaveLength(2);
    await expect(request(`${site.http}/healthz`)).rejects.toThrow();
  });

  it('does not wait for ever', async () => {
    const site = await openHere({ limits: { drainMs: 60 } });
    const client = await RawClient.join(site);
    site.world.holding = true;
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('it held', () => site.world.held.length === 1);
    const from = performance.now();
    await site.gateway.drain();
    expect(performance.now() - from).toBeLessThan(1_500);
    await until('the close', () => client.closed !== null);
    site.world.release();
    expect(site.gateway.stats().outstanding).toBe(0);
    await site.gateway.drain();
    await site.gateway.close();
  });

  it('ends streams that follow when it drains', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    site.world.append(2);
    const stream = request(`${site.http}/v1/worlds/warehouse/commands?from=1&follow=1`, { token });
    await until('it follows', () => site.gateway.stats().followers === 1);
    site.world.append(1);
    await site.gateway.drain();
    expect((await stream).text.trim().split('\n')).toHaveLength(3);
  });

  it('rejects an address that is taken, and leaves nothing behind', async () => {
    const site = await openHere({ port: await freePort() });
    const client = await RawClient.join(site);
    await until('live', () => site.gateway.stats().live === 1);
    await expect(openHere({ port: site.port })).rejects.toThrow(/in use|EADDRINUSE/);
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
    await site.gateway.close();
    await until('the close', () => client.closed !== null);
    const again = await openHere({ port: site.port });
    expect(again.port).toBe(site.port);
  });

  it('listens on the host it was given only', async () => {
    const site = await openHere();
    const reached = (host: string) =>
      new Promise((resolve) => {
        const socket = connect(site.port, host);
        socket.on('connect', () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      });
    expect(await reached('127.0.0.1')).toBe(true);
    expect(await reached('127.0.0.2')).toBe(false);
  });

  it('is quiet, and leaves signals to its host', async () => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'uncaughtException', 'unhandledRejection'] as const;
    const before = signals.map((signal) => process.listenerCount(signal));
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
      vi.spyOn(console, level),
    );
    const out = vi.spyOn(process.stdout, 'write');
    const site = await openHere();
    const client = await RawClient.join(site);
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('an answer', () => client.answers.length === 1);
    await seat(site, { world: 'nowhere' });
    await closeAll();
    expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    expect(out.mock.calls.filter(([text]) => /colyseus/i.test(String(text)))).toEqual([]);
    vi.restoreAllMocks();
    expect(site.log.loud).toEqual([]);
  });

  it('serves the files of its page folder and nothing beside them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    try {
      mkdirSync(join(folder, 'public/deep'), { recursive: true });
      writeFileSync(join(folder, 'secret.txt'), 'a secret');
      const page = join(folder, 'public');
      writeFileSync(join(page, 'index.html'), '<!doctype html><title>arena</title>');
      writeFileSync(join(page, 'main.js'), 'export {};');
      writeFileSync(join(page, 'deep/a b.svg'), '<svg/>');
      const site = await openHere({ pageDirectory: page });
      const index = await request(`${site.http}/`);
      expect([index.status, index.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(index.text).toContain('arena');
      expect((await request(`${site.http}/index.html`)).text).toBe(index.text);
      const script = await request(`${site.http}/main.js?v=1`);
      expect([script.status, script.headers.get('content-type')]).toEqual([
        200,
        'text/javascript; charset=utf-8',
      ]);
      expect((await request(`${site.http}/deep/a%20b.svg`)).headers.get('content-type')).toBe(
        'image/svg+xml',
      );
      const tag = script.headers.get('etag') as string;
      expect((await request(`${site.http}/main.js`, { headers: { 'If-None-Match': tag } })).status).toBe(304);
      const head = await request(`${site.http}/main.js`, { method: 'HEAD' });
      expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', '10']);
      for (const target of [
        '/../secret.txt',
        '/deep/../../secret.txt',
        '/%2e%2e/secret.txt',
        '/..%2fsecret.txt',
        '/deep/..%5c..%5csecret.txt',
        '//secret.txt',
        '/public/index.html',
        '/deep',
        '/deep/',
        '/index.html/',
        '/index.html%00',
        '/main.js/../../secret.txt',
        join(folder, 'secret.txt'),
      ]) {
        const reply = await bare(site.port, target);
        expect([target, reply.includes('a secret'), reply.slice(9, 12)]).toEqual([target, false, '404']);
      }
      expect((await post(`${site.http}/main.js`, '{}')).status).toBe(404);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('starts without a page folder, and not with one that is too large', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    try {
      const site = await openHere({ pageDirectory: join(folder, 'not there') });
      expect((await request(`${site.http}/`)).status).toBe(404);
      writeFileSync(join(folder, 'large.bin'), new Uint8Array(5_000));
      await expect(openHere({ pageDirectory: folder, limits: { pageBytes: 4_000 } })).rejects.toThrow(
        '4000 bytes',
      );
      writeFileSync(join(folder, 'second.bin'), '');
      await expect(openHere({ pageDirectory: folder, limits: { pageFiles: 1 } })).rejects.toThrow('1 files');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the choice of a transport', () => {
  it('is uWebSockets.js unless the environment or an option says ws', async () => {
    expect((await openSite({ transport: 'auto' })).gateway.stats().transport).toBe('uws');
    vi.stubEnv('THROUGHLINE_TRANSPORT', 'ws');
    const forced = await openSite({ transport: 'auto' });
    expect(forced.gateway.stats().transport).toBe('ws');
    expect(forced.log.loud).toEqual([]);
    expect((await openSite({ transport: 'uws' })).gateway.stats().transport).toBe('uws');
    vi.unstubAllEnvs();
  });

  it('needs a secret', () => {
    const options = { host: '127.0.0.1', port: 0, worlds: [new FakeWorld()], region: 'eu', regions: ['eu'] };
    expect(() => createGateway({ ...options, secret: '', guests: true, logger: new TestLog() })).toThrow(
      'secret',
    );
  });
});
