/** HTTP on the client port (CONTRACT.md): routes, sessions and actions. Reads are in http-reads.ts. */
import { SchemaError } from '../../schemas/support/errors.ts';
import { type ErrorCode, HTTP_STATUS, ThroughlineError } from '../errors.ts';
import type { ActAnswer, ActRequest } from '../world-service.ts';
import { type Doorkeeper, makeGuest, worldNamed } from './admission.ts';
import { ask } from './ask.ts';
import type { GatewayLimits } from './bounds.ts';
import { ANY_ORIGIN, type Exchange, type HeaderFields, JSON_TYPE } from './exchange.ts';
import { getCommands, getState } from './http-reads.ts';
import type { Pages } from './pages.ts';
import { asRefusal, isFault, RETRY_AFTER, refusalBody } from './refusal.ts';
import type { Seat } from './sessions.ts';
import { bearer } from './tokens.ts';
import type { ActionCounts, GatewayLogger } from './types.ts';
import type { WorldDesk } from './world-desk.ts';

export interface HttpContext extends Doorkeeper {
  readonly desks: ReadonlyMap<string, WorldDesk>;
  readonly regions: readonly string[];
  readonly limits: GatewayLimits;
  readonly counts: ActionCounts;
  readonly logger: GatewayLogger;
  readonly pages: Pages;
  readonly now: () => number;
  /** Colyseus' seat for a join; what its SDKs ask for first. */
  readonly seat: (method: string, room: string, options: JsonObject, exchange: Exchange) => Promise<string>;
}

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Accept',
  'Access-Control-Max-Age': '86400',
};

export class HttpDoor {
  /** Requests under way, and of them those that follow the commands. */
  requests = 0;
  followers = 0;
  readonly #context: HttpContext;

  constructor(context: HttpContext) {
    this.#context = context;
  }

  /** Never throws, never rejects. */
  handle(exchange: Exchange): void {
    if (this.requests >= this.#context.limits.requests) {
      refuse(exchange, new ThroughlineError('overloaded', 'too many requests are under way'));
      return;
    }
    this.requests++;
    this.#route(exchange)
      .catch((cause: unknown) => this.#fail(exchange, cause))
      .finally(() => {
        this.requests--;
      });
  }

  #fail(exchange: Exchange, cause: unknown): void {
    if (isFault(cause)) this.#context.logger.error({ event: 'http-fault', path: exchange.path, err: cause });
    refuse(exchange, asRefusal(cause));
  }

  async #route(exchange: Exchange): Promise<void> {
    const { method, path } = exchange;
    if (method === 'OPTIONS') return exchange.send(204, { ...cors(exchange), ...PREFLIGHT }, '');
    if (path === '/healthz') {
      only(exchange, 'GET', 'HEAD');
      return exchange.send(200, JSON_TYPE, '{"status":"ok"}');
    }
    if (path === '/v1/sessions') {
      only(exchange, 'POST');
      return this.#sessions(exchange);
    }
    const [, world, what] = /^\/v1\/worlds\/([^/]+)\/(actions|state|commands)$/.exec(path) ?? [];
    if (world !== undefined) return this.#world(exchange, decoded(world), what as string);
    const [, how, room] = /^\/matchmake\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (how !== undefined) {
      only(exchange, 'POST');
      return this.#seat(exchange, how, decoded(room as string));
    }
    if (this.#context.pages.serve(exchange)) return;
    throw new ThroughlineError('not-found', `there is no ${path.slice(0, 100)} here`);
  }

  async #world(exchange: Exchange, name: string, what: string): Promise<void> {
    only(exchange, what === 'actions' ? 'POST' : 'GET');
    const desk = worldNamed(this.#context.desks, name);
    const claims = await this.#context.tokens.verify(bearer(exchange.headers['authorization']));
    if (claims.world !== name)
      throw new ThroughlineError('forbidden', `the token is for world '${claims.world}'`);
    if (what === 'actions') return this.#action(exchange, desk, claims.session);
    if (what === 'state') return getState(exchange, desk, this.#context);
    return getCommands(exchange, desk, this.#context, this);
  }

  async #sessions(exchange: Exchange): Promise<void> {
    const { world } = await jsonBody(exchange);
    worldNamed(this.#context.desks, world);
    if (this.#context.draining()) throw new ThroughlineError('draining', 'this server is leaving');
    const guest = makeGuest(this.#context, world as string);
    exchange.send(201, { ...JSON_TYPE, ...ANY_ORIGIN }, JSON.stringify(guest));
  }

  async #action(exchange: Exchange, desk: WorldDesk, session: string): Promise<void> {
    const { seat, request } = this.#take(desk, session, await jsonBody(exchange));
    const answer = await ask(desk.asking, seat, request);
    exchange.send(200, { ...JSON_TYPE, ...ANY_ORIGIN }, answerBody(answer));
  }

  /** Checks an action and takes it in; `ask` gives its place back. Throws when it is turned away. */
  #take(desk: WorldDesk, session: string, body: JsonObject): { seat: Seat; request: ActRequest } {
    const { sequence, action, args } = body;
    const now = this.#context.now();
    try {
      const seat = desk.sessions.seat(session, now);
      desk.sessions.spend(seat, now);
      if (!Number.isSafeInteger(sequence) || (sequence as number) < 1)
        throw new ThroughlineError('bad-request', 'sequence is a whole number from 1 to 9007199254740991');
      const bytes = encodeArgs(desk, action, args ?? {});
      if (this.#context.draining()) throw new ThroughlineError('draining', 'this server is leaving');
      desk.sessions.touch(session, now);
      desk.sessions.admit(seat);
      const request = { session, sequence: sequence as number, action: action as string, args: bytes };
      return { seat, request };
    } catch (cause) {
      this.#context.counts.rejected++;
      throw cause;
    }
  }

  /** Colyseus' SDKs read `message`, or `error` and `code`; all say what the contract says. */
  async #seat(exchange: Exchange, how: string, room: string): Promise<void> {
    const headers = { ...JSON_TYPE, ...cors(exchange) };
    try {
      const options = await jsonBody(exchange);
      exchange.send(200, headers, await this.#context.seat(how, room, options, exchange));
    } catch (cause) {
      const refusal = asRefusal(cause);
      if (isFault(cause)) this.#context.logger.error({ event: 'http-fault', err: cause });
      const message = refusalBody(refusal);
      const status = HTTP_STATUS[refusal.code];
      const body = { ...(JSON.parse(message) as object), code: status, message };
      exchange.send(status, { ...headers, ...retryAfter(refusal.code) }, JSON.stringify(body));
    }
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Rejects `too-large`, or `bad-request` for anything that is no JSON object in UTF-8. */
async function jsonBody(exchange: Exchange): Promise<JsonObject> {
  const bytes = await exchange.body();
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ThroughlineError('bad-request', 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ThroughlineError('bad-request', 'the body is not a JSON object');
  return value as JsonObject;
}

/** Throws `no-such-action` or `bad-arguments`. */
function encodeArgs(desk: WorldDesk, action: unknown, args: unknown): Uint8Array {
  if (typeof action !== 'string') throw new ThroughlineError('bad-request', 'an action has to be named');
  const { actions } = desk.world.definition.schema;
  const type = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (type === undefined)
    throw new ThroughlineError('no-such-action', `this world has no action '${action.slice(0, 64)}'`);
  try {
    return type.encode(args);
  } catch (cause) {
    if (cause instanceof SchemaError) throw new ThroughlineError('bad-arguments', cause.message);
    throw cause;
  }
}

/** The result is JSON already. */
function answerBody({ number, result, duplicate }: ActAnswer): string {
  return `{"number":${number},"result":${result === '' ? 'null' : result}${duplicate ? ',"duplicate":true' : ''}}`;
}

/** Answers with what is wrong. */
export function refuse(exchange: Exchange, refusal: ThroughlineError): void {
  const headers = { ...JSON_TYPE, ...cors(exchange), ...retryAfter(refusal.code) };
  exchange.send(HTTP_STATUS[refusal.code], headers, refusalBody(refusal));
}

function retryAfter(code: ErrorCode): HeaderFields {
  return HTTP_STATUS[code] === 503 || code === 'rate-limited' ? { 'Retry-After': RETRY_AFTER } : {};
}

/** Colyseus' SDK asks for its seat with credentials, which rules out the star. */
function cors(exchange: Exchange): HeaderFields {
  const origin = exchange.headers['origin'];
  if (origin === undefined || !exchange.path.startsWith('/matchmake/')) return ANY_ORIGIN;
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
  };
}

function only(exchange: Exchange, ...methods: readonly string[]): void {
  if (methods.includes(exchange.method)) return;
  throw new ThroughlineError(
    'not-found',
    `${exchange.path.slice(0, 100)} takes ${methods.join(' and ')} only`,
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ThroughlineError('bad-request', 'the path is not encoded well');
  }
}
