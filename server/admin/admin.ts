/** The admin port (CONTRACT.md): small, plain HTTP, independent of the port that clients use. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { HTTP_STATUS, ThroughlineError } from '../errors.ts';
import { ADMIN_BODY_BYTES, ADMIN_FREEZE_MS, ADMIN_READY_MS } from '../limits.ts';
import type { WatchedWorld } from '../world-service.ts';
import type { Metrics } from './metrics.ts';
import type { Admin, AdminOptions, Faults } from './types.ts';

/** A request that takes longer to arrive is cut off. */
const REQUEST_MS = 10_000;

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export function createAdmin(options: AdminOptions): Admin {
  return new AdminPort(options);
}

class AdminPort implements Admin {
  readonly #options: AdminOptions;
  readonly #server: Server;
  readonly #worlds: ReadonlyMap<string, WatchedWorld>;
  #metrics: Promise<Metrics> | null = null;
  readonly #startedAt = performance.now();

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#worlds = new Map(options.worlds.map((world) => [world.name, world]));
    this.#server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS });
    this.#server.on('request', (request, response) => {
      this.#answer(request)
        .catch((cause: unknown) => this.#refusal(cause))
        .then((reply) => send(request, response, reply))
        .catch((cause: unknown) => this.#options.logger.error({ event: 'admin-fault', err: cause }));
    });
  }

  start(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off('error', reject);
        resolve({ host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  close(): Promise<void> {
    void this.#metrics?.then(
      (metrics) => metrics.close(),
      // Told to who asked for them.
      () => {},
    );
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const path = (request.url ?? '/').split('?')[0] as string;
    const route = `${request.method} ${path}`;
    if (route === 'GET /healthz') return json(200, { status: 'ok' });
    if (route === 'GET /')
      return json(404, {
        error: 'not-found',
        detail: 'no console here; try GET /api/status with the admin token',
      });
    this.#guard(request);
    switch (route) {
      case 'GET /readyz':
        return this.#ready();
      case 'GET /metrics':
        return this.#scrape();
      case 'GET /api/status':
        return json(200, await this.#status());
      case 'POST /api/faults':
        return this.#fault(await body(request));
    }
    const [, world] = /^POST \/api\/worlds\/([^/]+)\/leader$/.exec(route) ?? [];
    if (world !== undefined) return this.#handOver(world, await body(request));
    throw new ThroughlineError('not-found', `there is no ${route.slice(0, 100)} here`);
  }

  /** The token; without one, a caller on this machine that is no page of somebody else's. */
  #guard(request: IncomingMessage): void {
    const { token } = this.#options;
    if (token === null) {
      const { host, origin } = request.headers;
      if (!isLoopback(host) || (origin !== undefined && origin !== `http://${host}`))
        throw new ThroughlineError('forbidden', 'without an admin token only this machine may ask');
      return;
    }
    const header = request.headers.authorization ?? '';
    const bearer = header.slice(0, 7).toLowerCase() === 'bearer ';
    if (!bearer || !same(header.slice(7).trim(), token))
      throw new ThroughlineError('unauthorized', 'the admin token is missing or wrong');
  }

  async #status(): Promise<object> {
    const { region, version, peers, worlds } = this.#options;
    const uptimeMs = Math.round(performance.now() - this.#startedAt);
    const statuses = await Promise.all(worlds.map((world) => world.status()));
    return { region, version, uptimeMs, peers: peers(), worlds: statuses };
  }

  /** What makes the text is loaded for the first who asks: a server must not start later for it. */
  async #scrape(): Promise<Reply> {
    this.#metrics ??= this.#load();
    const metrics = await this.#metrics;
    return { status: 200, type: metrics.contentType, body: await metrics.text() };
  }

  async #load(): Promise<Metrics> {
    try {
      const { Metrics } = await import('./metrics.ts');
      return new Metrics(this.#options);
    } catch (cause) {
      // The next who asks tries again.
      this.#metrics = null;
      throw cause;
    }
  }

  async #ready(): Promise<Reply> {
    const worlds = await Promise.all(this.#options.worlds.map((world) => this.#readiness(world)));
    const { gateway } = this.#options;
    const serves = gateway === undefined || (await gateway.stats()) !== undefined;
    const ready = serves && worlds.every((world) => world.ready);
    return json(ready ? 200 : 503, { ready, worlds });
  }

  async #readiness(world: WatchedWorld) {
    const from = performance.now();
    const { probe = linearizableAndApplied } = this.#options;
    let error: string | undefined;
    try {
      await probe(world, ADMIN_READY_MS);
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    const ms = Math.round(performance.now() - from);
    const { applied: number } = await world.status();
    return { world: world.name, ready: error === undefined, number, ms, error };
  }

  async #handOver(name: string, given: JsonObject): Promise<Reply> {
    const world = this.#worlds.get(name);
    if (world === undefined)
      throw new ThroughlineError('no-such-world', `this server has no world '${name}'`);
    const region = this.#region(given['region']);
    this.#options.logger.info({ event: 'hand-over', world: name, to: region });
    await world.handOver(region);
    return json(200, { world: name, leader: region });
  }

  async #fault(given: JsonObject): Promise<Reply> {
    const { faults, logger } = this.#options;
    if (faults === undefined)
      throw new ThroughlineError('forbidden', 'faults are made with --allow-faults only');
    logger.warn({ event: 'fault', fault: given }, 'a fault on purpose');
    await this.#make(faults, given);
    return json(200, { ok: true });
  }

  async #make(faults: Faults, given: JsonObject): Promise<void> {
    const [what, ...others] = Object.keys(given);
    const value = given[what ?? ''];
    if (others.length > 0) throw new ThroughlineError('bad-request', 'one fault at a time');
    if (what === 'heal' && value === true) return faults.heal();
    if (what === 'kill') return faults.kill(this.#region(value));
    if (what === 'cut' && Array.isArray(value) && value.length === 2)
      return faults.cut(this.#region(value[0]), this.#region(value[1]));
    if (what === 'delayMs' && isObject(value)) {
      for (const [pair, ms] of this.#delays(value)) await faults.delay(...pair, ms);
      return;
    }
    if (what === 'freeze' && isObject(value)) return faults.freeze(...this.#freezing(value));
    throw new ThroughlineError('bad-request', 'a fault is cut, heal, delayMs, kill or freeze');
  }

  /** All of them checked before the first is made. */
  #delays(given: JsonObject): (readonly [readonly [string, string], number])[] {
    return Object.entries(given).map(([pair, ms]) => {
      if (typeof ms !== 'number' || !(ms >= 0))
        throw new ThroughlineError('bad-request', 'a delay is {"eu-us": milliseconds}');
      return [this.#pair(pair), ms];
    });
  }

  #freezing(given: JsonObject): readonly [string, number] {
    const [region, ...others] = Object.keys(given);
    const ms = given[region ?? ''];
    if (others.length > 0 || typeof ms !== 'number' || !(ms > 0 && ms <= ADMIN_FREEZE_MS))
      throw new ThroughlineError(
        'bad-request',
        `a freeze is {"eu": milliseconds}, at most ${ADMIN_FREEZE_MS}`,
      );
    return [this.#region(region), ms];
  }

  /** Region names may have dashes themselves. */
  #pair(text: string): readonly [string, string] {
    const { regions } = this.#options;
    for (const a of regions) for (const b of regions) if (a !== b && text === `${a}-${b}`) return [a, b];
    throw new ThroughlineError('bad-request', `'${text.slice(0, 64)}' is no pair of regions`);
  }

  #region(name: unknown): string {
    if (typeof name !== 'string' || !this.#options.regions.includes(name))
      throw new ThroughlineError('bad-request', `a region is one of ${this.#options.regions.join(', ')}`);
    return name;
  }

  #refusal(cause: unknown): Reply {
    if (cause instanceof ThroughlineError) {
      const { code: error, message: detail, first, kind } = cause;
      const outcome = kind === 'unknown' ? 'unknown' : undefined;
      return json(HTTP_STATUS[error], { error, detail, first, outcome });
    }
    this.#options.logger.error({ event: 'admin-fault', err: cause });
    return json(500, { error: 'internal', detail: 'something went wrong; it is in the log' });
  }
}

async function linearizableAndApplied(world: WatchedWorld, timeoutMs: number): Promise<void> {
  await world.linearizable(timeoutMs);
  await world.applied((await world.status()).issued, timeoutMs);
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rejects `too-large` or `bad-request`. */
async function body(request: IncomingMessage): Promise<JsonObject> {
  let value: unknown;
  const bytes = await collect(request);
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new ThroughlineError('bad-request', 'the body is not JSON');
  }
  if (!isObject(value)) throw new ThroughlineError('bad-request', 'the body is not a JSON object');
  return value;
}

/** By events: leaving a loop over the request early would close its socket before it is answered. */
function collect(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= ADMIN_BODY_BYTES) parts.push(part);
      else reject(new ThroughlineError('too-large', `a body may have ${ADMIN_BODY_BYTES} bytes`));
    });
    request.on('end', () => resolve(Buffer.concat(parts)));
    request.on('close', () => reject(new ThroughlineError('bad-request', 'the body ended early')));
  });
}

function json(status: number, value: object): Reply {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  const headers: Record<string, string> = { 'Content-Type': type, 'Cache-Control': 'no-store' };
  if (status === 503) headers['Retry-After'] = '1';
  // What was not read of the request must not be taken for the next one.
  if (!request.complete) headers['Connection'] = 'close';
  response.writeHead(status, headers);
  response.end(body);
}

/** In constant time, whatever the lengths. */
function same(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** The name a caller used for this machine; a page that had its own name pointed here uses that one. */
function isLoopback(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
