/** Colyseus' ws transport, for machines on which uWebSockets.js does not load: the same promises, at about three times the cost. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client } from '@colyseus/core';
import { WebSocketTransport } from '@colyseus/ws-transport';
import type { WebSocket } from 'ws';
import type { GatewayLimits } from './bounds.ts';
import { NodeExchange } from './node-exchange.ts';
import {
  NO_SUCH_ROOM,
  noSuchRoom,
  type Pipe,
  type PipeEvents,
  roomOf,
  type Wire,
  type WireEvents,
} from './wire.ts';

/** A closed socket gets this long to take what is in its outbox and to answer. */
const LINGER_MS = 1_000;
/** A socket without a room. */
const VISIT_MS = 2_000;
/** Pings without an answer, spread over the idle time. */
const PING_RETRIES = 2;
const REQUEST_MS = 10_000;
const BINARY = { binary: true } as const;

class Transport extends WebSocketTransport {
  constructor(http: Server, events: WireEvents, limits: GatewayLimits) {
    super({ noServer: true, maxPayload: limits.inboundBytes });
    this.listenForUpgrade(http);
    this.wss.removeAllListeners('connection');
    this.wss.on('connection', (socket: WebSocket, request: IncomingMessage) => {
      const room = roomOf(pathOf(request));
      if (room === null || events.hasRoom(room)) {
        // It rejects where the path is no URL, which Colyseus does not expect.
        this.onConnection(socket as never, request).catch(() => socket.terminate());
      } else {
        socket.on('error', () => {});
        socket.send(noSuchRoom(), BINARY);
        socket.close(...NO_SUCH_ROOM);
      }
      // What has no room may measure its latency, for a second; ws would wait half a minute for its answer to the close.
      if (room === null || !events.hasRoom(room)) setTimeout(() => socket.terminate(), VISIT_MS).unref();
    });
    const interval = (limits.idleSeconds * 1000) / (PING_RETRIES + 1);
    http.on('listening', () => this.autoTerminateUnresponsiveClients(interval, PING_RETRIES));
  }

  stop(): void {
    clearInterval(this.pingInterval);
    for (const socket of this.wss.clients) socket.terminate();
    this.wss.close();
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] as string;
}

export class WsWire implements Wire {
  readonly kind = 'ws';
  readonly #http: Server;
  readonly #transport: Transport;
  readonly #limits: GatewayLimits;
  readonly #topics = new Map<string, Set<WsPipe>>();

  constructor(events: WireEvents, limits: GatewayLimits) {
    this.#limits = limits;
    this.#http = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS });
    this.#http.on('request', (request, response) =>
      events.request(new NodeExchange(request, response, limits.bodyBytes, limits.discardBytes)),
    );
    this.#transport = new Transport(this.#http, events, limits);
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen({ host, port, exclusive: true }, () => {
        this.#http.off('error', reject);
        resolve((this.#http.address() as AddressInfo).port);
      });
    });
  }

  publish(topic: string, frame: Uint8Array): void {
    for (const pipe of this.#topics.get(topic) ?? []) pipe.send(frame);
  }

  pipe(client: Client, events: PipeEvents): Pipe {
    return new WsPipe(client.ref as never, events, this.#limits, this.#topics);
  }

  close(): Promise<void> {
    this.#transport.stop();
    return new Promise((resolve) => {
      if (!this.#http.listening) return resolve();
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }
}

class WsPipe implements Pipe {
  readonly #socket: WebSocket;
  readonly #events: PipeEvents;
  readonly #limits: GatewayLimits;
  readonly #topics: Map<string, Set<WsPipe>>;
  #open = true;

  constructor(
    socket: WebSocket,
    events: PipeEvents,
    limits: GatewayLimits,
    topics: Map<string, Set<WsPipe>>,
  ) {
    this.#socket = socket;
    this.#events = events;
    this.#limits = limits;
    this.#topics = topics;
    socket.once('close', () => this.#closed());
  }

  get open(): boolean {
    return this.#open;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Uint8Array): void {
    if (!this.#open) return;
    if (this.buffered > this.#limits.outboxMost) {
      this.#open = false;
      this.#events.overflowed();
      // Not here: a publish may be walking its list of subscribers.
      setImmediate(() => this.#socket.terminate());
      return;
    }
    this.#socket.send(frame, BINARY, () => {
      if (this.#open && this.buffered === 0) this.#events.drained();
    });
  }

  cork(write: () => void): void {
    if (this.#open) write();
  }

  subscribe(topic: string): void {
    if (!this.#open) return;
    const pipes = this.#topics.get(topic);
    if (pipes === undefined) this.#topics.set(topic, new Set([this]));
    else pipes.add(this);
  }

  unsubscribe(topic: string): void {
    const pipes = this.#topics.get(topic);
    if (pipes?.delete(this) === true && pipes.size === 0) this.#topics.delete(topic);
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close(code, reason);
    // One that does not read, or does not answer the close, is not waited for.
    setTimeout(() => this.#socket.terminate(), LINGER_MS).unref();
  }

  #closed(): void {
    this.#open = false;
    for (const topic of [...this.#topics.keys()]) this.unsubscribe(topic);
    this.#events.closed();
  }
}
