/**
 * The client port of a region whose worlds are on worker threads, each with a door of its own. What comes over HTTP is handed on to
 * the worker that has the world; a seat says at which port its WebSocket is taken, which Colyseus' SDKs go by.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { ThroughlineError } from '../errors.ts';
import { DEFAULT_LIMITS, type GatewayLimits } from './bounds.ts';
import { type Exchange, type HeaderFields, JSON_TYPE } from './exchange.ts';
import { refuse } from './http.ts';
import { loadPages, type Pages } from './pages.ts';
import { asRefusal, isFault } from './refusal.ts';
import { createWire } from './transport.ts';
import type { GatewayLogger, GatewayOptions } from './types.ts';
import type { Wire } from './wire.ts';

export interface ReceptionOptions
  extends Pick<GatewayOptions, 'host' | 'port' | 'pageDirectory' | 'transport' | 'logger' | 'limits'> {
  /** The door of a world's worker; for a world that nobody has, or none at all, that of one which knows what to say. Null: none is open. */
  readonly doorOf: (world: string | null) => { readonly host: string; readonly port: number } | null;
}

/** Headers of one connection, which are not handed on; lengths are found anew. */
const OF_THE_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect'],
  ...['proxy-authorization', 'proxy-authenticate', 'content-length', 'date', 'uwebsockets'],
]);
/** An answer whose length is known and below this goes out in one piece. */
const WHOLE_BYTES = 1 << 20;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #limits: GatewayLimits;
  readonly #logger: GatewayLogger;
  readonly #agent = new Agent({ keepAlive: true });
  #pages: Pages | null = null;
  #wire: Wire | null = null;
  #requests = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logger = options.logger;
  }

  /** Rejects when the address cannot be bound or a page folder is too large. */
  async start(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port, pageDirectory, transport = 'auto' } = this.#options;
    this.#pages = await loadPages(pageDirectory, this.#limits.pageFiles, this.#limits.pageBytes);
    const events = { request: (exchange: Exchange) => this.#handle(exchange), hasRoom: () => false };
    this.#wire = await createWire(transport, events, this.#limits, this.#logger);
    return { host, port: await this.#wire.listen(host, port) };
  }

  async close(): Promise<void> {
    await this.#wire?.close();
    this.#agent.destroy();
  }

  #handle(exchange: Exchange): void {
    if (exchange.path === '/healthz' && exchange.method !== 'OPTIONS') {
      exchange.send(200, JSON_TYPE, '{"status":"ok"}');
      return;
    }
    if (this.#pages?.serve(exchange)) return;
    if (this.#requests >= this.#limits.requests) {
      refuse(exchange, new ThroughlineError('overloaded', 'too many requests are under way'));
      return;
    }
    this.#requests++;
    this.#handOn(exchange)
      .catch((cause: unknown) => {
        if (isFault(cause)) this.#logger.error({ event: 'http-fault', path: exchange.path, err: cause });
        refuse(exchange, asRefusal(cause));
      })
      .finally(() => {
        this.#requests--;
      });
  }

  async #handOn(exchange: Exchange): Promise<void> {
    const { method, path } = exchange;
    const body = method === 'POST' ? await exchange.body() : null;
    const door = this.#options.doorOf(worldIn(path, body));
    if (door === null) throw new ThroughlineError('draining', 'this server is starting or leaving');
    const answer = await this.#ask(exchange, door, body);
    if (path.startsWith('/matchmake/') && answer.statusCode === 200) {
      await answerSeat(exchange, answer, `${hostOf(exchange) ?? door.host}:${door.port}`);
    } else await passOn(exchange, answer);
  }

  /** The worker's answer, as far as its headers. */
  #ask(
    exchange: Exchange,
    door: { readonly host: string; readonly port: number },
    body: Uint8Array | null,
  ): Promise<IncomingMessage> {
    const { method, path, query, headers } = exchange;
    const search = query.toString();
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        ...{ host: door.host, port: door.port, method, agent: this.#agent },
        path: search === '' ? path : `${path}?${search}`,
        headers: {
          ...handedOn(headers),
          ...(body === null ? {} : { 'content-length': String(body.length) }),
        },
      });
      exchange.onGone(() => request.destroy());
      request.on('response', resolve);
      request.on('error', (cause) => {
        this.#logger.debug({ event: 'reception', path, err: cause });
        reject(
          new ThroughlineError('no-quorum', 'the worker of this world does not answer', { kind: 'unknown' }),
        );
      });
      request.end(body ?? undefined);
    });
  }
}

/** The world that a request is about: in its path, or in its body. */
function worldIn(path: string, body: Uint8Array | null): string | null {
  const [, inPath] = /^\/v1\/worlds\/([^/]+)\//.exec(path) ?? [];
  try {
    if (inPath !== undefined) return decodeURIComponent(inPath);
    if (body === null) return null;
    const { world } = JSON.parse(Buffer.from(body).toString()) as { readonly world?: unknown };
    return typeof world === 'string' ? world : null;
  } catch {
    // Whoever gets it says what is wrong with it.
    return null;
  }
}

function handedOn(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !OF_THE_CONNECTION.has(name)) kept[name] = String(value);
  return kept;
}

/** Its own seat, and where to take it. */
async function answerSeat(exchange: Exchange, answer: IncomingMessage, publicAddress: string): Promise<void> {
  const seat = JSON.parse(await textOf(answer)) as object;
  exchange.send(200, handedOn(answer.headers), JSON.stringify({ ...seat, publicAddress }));
}

async function passOn(exchange: Exchange, answer: IncomingMessage): Promise<void> {
  const { statusCode = 502 } = answer;
  const headers: HeaderFields = handedOn(answer.headers);
  const length = answer.headers['content-length'];
  if (length !== undefined && Number(length) <= WHOLE_BYTES) {
    exchange.send(statusCode, headers, await textOf(answer));
    return;
  }
  const out = exchange.stream(statusCode, headers);
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer) if (!out.write(chunk as string)) await out.drained();
    out.end();
  } catch {
    // Cut off half-way: who reads must not take what came for the whole.
    out.abort();
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8');
  let text = '';
  for await (const chunk of answer) text += chunk as string;
  return text;
}

/** The name by which the asker reached this port, without the port. */
function hostOf({ headers }: Exchange): string | undefined {
  return headers['host']?.replace(/:\d+$/, '');
}
