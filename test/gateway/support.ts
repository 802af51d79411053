/** A gateway over a fake world on a free port of loopback, and clients that speak to it over real sockets. */
import { WebSocket } from 'ws';
import { Mirror } from '../../game-logic/mirror.ts';
import { decodeRows } from '../../game-logic/snapshot.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import {
  type Answer,
  decodeAnswer,
  decodeAnswers,
  decodeCommands,
  decodeMoveOn,
  decodeSnapshot,
  decodeWelcome,
  encodeAct,
  encodeActs,
  type Snapshot,
  type Welcome,
} from '../../schemas/generated/client.ts';
import { splitBatch } from '../../schemas/support/envelope.ts';
import type { GatewayLimits } from '../../server/gateway/bounds.ts';
import { createGateway } from '../../server/gateway/gateway.ts';
import type { Gateway, GatewayLogger, GatewayOptions } from '../../server/gateway/types.ts';
import { FakeWorld } from './fake-world.ts';

export const SECRET = 'a secret of this test';

/** Keeps what was logged. */
export class TestLog implements GatewayLogger {
  readonly lines: { readonly level: string; readonly fields: Record<string, unknown> }[] = [];
  debug(fields: object): void {
    this.#add('debug', fields);
  }
  info(fields: object): void {
    this.#add('info', fields);
  }
  warn(fields: object): void {
    this.#add('warn', fields);
  }
  error(fields: object): void {
    this.#add('error', fields);
  }
  /** Warnings and errors. */
  get loud() {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error');
  }
  #add(level: string, fields: object): void {
    this.lines.push({ level, fields: fields as Record<string, unknown> });
  }
}

export interface Site {
  readonly gateway: Gateway;
  readonly world: FakeWorld;
  readonly log: TestLog;
  readonly port: number;
  /** http://127.0.0.1:port */
  readonly http: string;
}

export interface SiteOptions {
  readonly transport?: 'auto' | 'uws' | 'ws';
  readonly limits?: Partial<GatewayLimits>;
  readonly guests?: boolean;
  readonly world?: FakeWorld;
  readonly others?: readonly FakeWorld[];
  readonly pageDirectory?: string;
  readonly port?: number;
}

const open: Gateway[] = [];
const clients: RawClient[] = [];

/** Call from afterEach. */
export async function closeAll(): Promise<void> {
  for (const client of clients.splice(0)) client.terminate();
  for (const gateway of open.splice(0)) await gateway.close();
}

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const world = options.world ?? new FakeWorld();
  const log = new TestLog();
  const given: GatewayOptions = {
    ...{ host: '127.0.0.1', port: options.port ?? 0, region: 'eu', regions: ['eu', 'us', 'ap'] },
    ...{ secret: SECRET, guests: options.guests ?? true, logger: log },
    worlds: [world, ...(options.others ?? [])],
    limits: options.limits,
    transport: options.transport ?? 'uws',
    pageDirectory: options.pageDirectory,
  };
  const gateway = createGateway(given);
  open.push(gateway);
  const { port } = await gateway.start();
  return { gateway, world, log, port, http: `http://127.0.0.1:${port}` };
}

/** Waits for a condition; says what was waited for when it does not come. */
export async function until(what: string, condition: () => boolean, ms = 5_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever came
  readonly json: any;
}

export async function request(url: string, init: RequestInit & { token?: string } = {}): Promise<Reply> {
  const { token, ...rest } = init;
  const headers = { ...rest.headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { ...rest, headers });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

export function post(url: string, body: unknown, token?: string): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'Content-Type': 'application/json' };
  return request(url, { method: 'POST', body: text, headers, ...(token === undefined ? {} : { token }) });
}

export async function guest(site: Site, world = 'warehouse') {
  const { json } = await post(`${site.http}/v1/sessions`, { world });
  return json as { readonly session: string; readonly token: string };
}

export interface Seat {
  readonly roomId: string;
  readonly sessionId: string;
  readonly processId: string;
}

/** The first half of a join. */
export async function seat(site: Site, options: object): Promise<Reply> {
  return post(`${site.http}/matchmake/joinOrCreate/world`, options);
}

const frame = (...parts: readonly (number | Uint8Array)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));

/** A client of bare frames, as any language would write it, that checks the sequence as it comes. */
export class RawClient {
  readonly socket: WebSocket;
  welcome: Welcome | null = null;
  mirror: Mirror | null = null;
  /** Numbers of the commands received, in the order they came. */
  readonly numbers: number[] = [];
  readonly snapshots: number[] = [];
  /** Merged frames, as [first, last]. */
  readonly frames: (readonly [number, number])[] = [];
  readonly answers: Answer[] = [];
  /** Messages by number, in order: 6 welcome first. */
  readonly kinds: number[] = [];
  readonly errors: { readonly code: number; readonly message: string }[] = [];
  movedOn: string | null = null;
  /** By which Colyseus would know it again; '' before it joined. */
  token = '';
  closed: { readonly code: number; readonly reason: string } | null = null;
  /** Frames whose bytes did not fit the sequence; must stay empty. */
  readonly faults: unknown[] = [];
  #parts: Snapshot[] = [];
  #joined = false;
  readonly #acknowledge: boolean;

  constructor(url: string, mirror: Mirror | null = null, acknowledge = true) {
    this.mirror = mirror;
    this.#acknowledge = acknowledge;
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'nodebuffer';
    this.socket.on('message', (data: Buffer) => this.#receive(data));
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on('error', () => {});
    clients.push(this);
  }

  static async join(site: Site, options: Record<string, unknown> = {}, mirror: Mirror | null = null) {
    const reply = await seat(site, { world: 'warehouse', ...options });
    if (reply.status !== 200) throw new Error(`no seat: ${reply.text}`);
    const client = new RawClient(RawClient.url(site, reply.json), mirror);
    await until('the welcome', () => client.welcome !== null || client.closed !== null);
    return client;
  }

  static url(site: Site, given: Seat): string {
    return `ws://127.0.0.1:${site.port}/${given.processId}/${given.roomId}?sessionId=${given.sessionId}`;
  }

  get joined(): boolean {
    return this.#joined;
  }
  /** The last command applied here. */
  get number(): number {
    return this.mirror?.number ?? -1;
  }

  answerTo(sequence: number): Answer | undefined {
    return this.answers.find((answer) => answer.sequence === sequence);
  }

  act(sequence: number, action: string, args: unknown): void {
    this.send(frame(17, 1, encodeAct(act(sequence, action, args))));
  }

  acts(list: readonly (readonly [number, string, unknown])[]): void {
    this.send(frame(17, 8, encodeActs({ acts: list.map(([s, action, args]) => act(s, action, args)) })));
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes, { binary: true });
  }

  /** Reads nothing more from its socket. */
  stall(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  leave(): void {
    this.send(Uint8Array.of(12));
  }

  terminate(): void {
    this.socket.terminate();
  }

  #receive(data: Buffer): void {
    if (data[0] === 10) {
      this.#joined = true;
      this.token = data.subarray(2, 2 + (data[1] as number)).toString();
      if (this.#acknowledge) this.send(Uint8Array.of(10));
      return;
    }
    if (data[0] === 11) {
      // The code is a number of Colyseus' own coding: 16 bits little endian for ours; the message is a short string.
      const at = data[1] === 0xcd ? 4 : 2;
      const text = data.subarray(at).toString();
      this.errors.push({ code: at === 4 ? data.readUInt16LE(2) : (data[1] as number), message: text });
      return;
    }
    if (data[0] !== 17) return;
    const kind = data[1] as number;
    this.kinds.push(kind);
    try {
      this.#message(kind, new Uint8Array(data.subarray(2)));
    } catch (cause) {
      this.faults.push(cause);
    }
  }

  #message(kind: number, bytes: Uint8Array): void {
    if (kind === 2) this.#commands(bytes);
    else if (kind === 3) this.answers.push(decodeAnswer(bytes));
    else if (kind === 4) this.#part(decodeSnapshot(bytes));
    else if (kind === 5) this.#frame(bytes);
    else if (kind === 6) this.welcome = decodeWelcome(bytes);
    else if (kind === 7) this.movedOn = decodeMoveOn(bytes).reason;
    else if (kind === 9) this.answers.push(...decodeAnswers(bytes).answers);
    else throw new Error(`a message of kind ${kind}`);
  }

  #commands(bytes: Uint8Array): void {
    const { first, last, batch } = decodeCommands(bytes);
    const commands = splitBatch(batch);
    if (commands.length !== last - first + 1)
      throw new Error(`${commands.length} commands said to be ${first} to ${last}`);
    if (this.mirror === null) throw new Error('commands before a snapshot');
    for (const command of commands) this.numbers.push(this.mirror.apply(command).envelope.number);
  }

  #frame(bytes: Uint8Array): void {
    if (this.mirror === null) throw new Error('a frame before a snapshot');
    const { first, last } = this.mirror.applyFrame(bytes);
    this.frames.push([first, last]);
    this.numbers.push(...range(first, last));
  }

  #part(part: Snapshot): void {
    if (part.part !== this.#parts.length) throw new Error(`part ${part.part} after ${this.#parts.length}`);
    this.#parts.push(part);
    if (this.#parts.length < part.parts) return;
    const { number, born, time } = part;
    const tables = decodeRows(
      warehouse,
      this.#parts.map(({ rows }) => rows),
    );
    this.mirror = new Mirror(warehouse, { number, born, time, digest: part.tables, tables });
    this.snapshots.push(number);
    this.#parts = [];
  }
}

function act(sequence: number, action: string, args: unknown) {
  const type = Object.hasOwn(warehouse.schema.actions, action)
    ? warehouse.schema.actions[action as keyof typeof warehouse.schema.actions]
    : undefined;
  return {
    sequence,
    action,
    args: args instanceof Uint8Array ? args : (type?.encode(args) ?? new Uint8Array(0)),
  };
}

/** The numbers from..to. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
