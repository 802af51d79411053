/**
 * The client port of a region whose worlds are on worker threads, each with a door of its own. What comes over HTTP is handed on to
 * the worker that has the world; a seat says at which port its WebSocket is taken, which Colyseus' SDKs go by.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { ThroughlineError } from '../errors.ts';
import { DEFAULT_LIMITS, type GatewayLimits } from './bounds.ts';
import { type Exchange, type HeaderFields, JSON_TYPE } from './exchange.ts';
import { refuse } from './http.ts';
import { JsonPieces } from './json-pieces.ts';
import { loadPages, type Pages } from './pages.ts';
import { asRefusal, isFault } from './refusal.ts';
import { createWire } from './transport.ts';
import type { GatewayLogger, GatewayOptions } from './types.ts';
import type { Wire } from './wire.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ReceptionOptions
  extends Pick<GatewayOptions, 'host' | 'port' | 'pageDirectory' | 'transport' | 'logger' | 'limits'> {
  /** The door of a world's worker; for a world that nobody has, or none at all, that of one which knows what to say. Null: none is open. */
  readonly doorOf: (world: string | null) => Address | null;
}

/** What a worker's door knows; others it could only refuse, and to some of them the answer is no answer: CONNECT. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);
/** Of a path: anything else is no HTTP, and node:http would not send it. */
const PRINTABLE = /^[\x21-\x7e]+$/;
/** Of headers: node:http sends no others, and who adds them to a request can do without. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Headers of one connection, which are not handed on; lengths are found anew. */
const OF_THE_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect'],
  ...['proxy-authorization', 'proxy-authenticate', 'content-length', 'date', 'uwebsockets'],
]);
/** A stream that lasts as long as its reader likes, where it is asked to follow. */
const FOLLOWED = /^\/v1\/worlds\/[^/]+\/commands$/;
const NO = new Set([null, '0', 'false']);
/** An answer whose length is known and below this goes out in one piece. */
const WHOLE_BYTES = 1 << 20;
/** Less than a worker keeps a connection on which nothing comes: no request is to meet one that is just being closed. */
const IDLE_MS = 4_000;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #limits: GatewayLimits;
  readonly #logger: GatewayLogger;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  #pages: Pages | null = null;
  #wire: Wire | null = null;
  #requests = 0;
  #followers = 0;

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
    if (exchange.path === '/healthz' && (exchange.method === 'GET' || exchange.method === 'HEAD')) {
      exchange.send(200, JSON_TYPE, '{"status":"ok"}');
      return;
    }
    if (this.#pages?.serve(exchange)) return;
    if (this.#requests >= this.#limits.requests) {
      refuse(exchange, new ThroughlineError('overloaded', 'too many requests are under way'));
      return;
    }
    // Each worker lets so many in; all of theirs together must leave room for who joins and acts.
    const follows = FOLLOWED.test(exchange.path) && !NO.has(exchange.query.get('follow'));
    if (follows && this.#followers >= this.#limits.followers) {
      refuse(exchange, new ThroughlineError('overloaded', 'too many follow the commands here'));
      return;
    }
    this.#requests++;
    if (follows) this.#followers++;
    this.#handOn(exchange)
      .catch((cause: unknown) => {
        if (isFault(cause)) this.#logger.error({ event: 'http-fault', path: exchange.path, err: cause });
        refuse(exchange, asRefusal(cause));
      })
      .finally(() => {
        this.#requests--;
        if (follows) this.#followers--;
      });
  }

  async #handOn(exchange: Exchange): Promise<void> {
    const { method, path } = exchange;
    const body = method === 'POST' ? await exchange.body() : null;
    const door = this.#options.doorOf(worldIn(path, body));
    if (door === null) throw new ThroughlineError('draining', 'this server is starting or leaving');
    const answer = await this.#ask(exchange, door, body);
    if (path.startsWith('/matchmake/') && answer.statusCode === 200) {
      await answerSeat(exchange, answer, publicAddress(exchange, door));
    } else await passOn(exchange, answer);
  }

  /** The worker's answer, as far as its headers. */
  #ask(exchange: Exchange, door: Address, body: Uint8Array | null): Promise<IncomingMessage> {
    const { method, path, query, headers } = exchange;
    const search = query.toString();
    const target = search === '' ? path : `${path}?${search}`;
    if (!METHODS.has(method) || !PRINTABLE.test(target))
      throw new ThroughlineError('not-found', `there is no ${method} of ${path.slice(0, 100)} here`);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        ...{ host: door.host, port: door.port, method, path: target },
        // uWebSockets.js closes a connection after the answer to a HEAD, without a word: nobody is to meet it.
        agent: method === 'HEAD' ? false : this.#agent,
        headers: {
          ...handedOn(headers),
          ...(body === null ? {} : { 'content-length': String(body.length) }),
        },
      });
      exchange.onGone(() => request.destroy());
      request.on('response', resolve);
      request.on('error', (cause) => {
        this.#logger.debug({ event: 'reception', path, err: cause });
        reject(noAnswer());
      });
      // Whatever becomes of it, nobody waits for ever: the first outcome counts.
      request.on('close', () => reject(noAnswer()));
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
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_THE_CONNECTION.has(name)) continue;
    const text = String(value);
    if (HEADER_NAME.test(name) && HEADER_VALUE.test(text)) kept[name] = text;
  }
  return kept;
}

/** The worker's seat, and where to take it. */
async function answerSeat(exchange: Exchange, answer: IncomingMessage, address: string): Promise<void> {
  const seat = JSON.parse(await textOf(answer)) as object;
  exchange.send(200, handedOn(answer.headers), JSON.stringify({ ...seat, publicAddress: address }));
}

async function passOn(exchange: Exchange, answer: IncomingMessage): Promise<void> {
  const { statusCode = 502 } = answer;
  const headers: HeaderFields = handedOn(answer.headers);
  const length = answer.headers['content-length'];
  if (length !== undefined && Number(length) <= WHOLE_BYTES) {
    const text = await textOf(answer);
    // The answer to a HEAD has a length and no body.
    exchange.send(statusCode, headers, exchange.method === 'HEAD' ? ' '.repeat(Number(length)) : text);
    return;
  }
  const out = exchange.stream(statusCode, headers);
  const values = new JsonPieces();
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer) if (!out.write(values.take(chunk as string))) await out.drained();
    out.write(values.rest);
    out.end();
  } catch {
    // Cut off half-way: who reads must not take what came for the whole.
    out.abort();
  }
}

/** Rejects `no-quorum` when it is not whole. */
async function textOf(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8');
  let text = '';
  try {
    for await (const chunk of answer) text += chunk as string;
  } catch {
    throw noAnswer();
  }
  return text;
}

const noAnswer = (): ThroughlineError =>
  new ThroughlineError('no-quorum', 'the worker of this world does not answer', { kind: 'unknown' });

/** A worker's door under the name by which the asker reached this port. */
function publicAddress({ headers }: Exchange, door: Address): string {
  const name = headers['host']?.replace(/:\d+$/, '') ?? '';
  const host = door.host.includes(':') ? `[${door.host}]` : door.host;
  return `${name === '' ? host : name}:${door.port}`;
}
