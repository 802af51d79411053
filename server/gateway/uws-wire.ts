/**
 * The gateway's own subclass of Colyseus' uWebSockets.js transport. The stock one ignores the host, takes 4 KiB at most, and
 * drops frames in silence when a client is slow.
 */

import type { TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js';
import type { Client } from '@colyseus/core';
import type { GatewayLimits } from './bounds.ts';
import { UwsExchange } from './uws-exchange.ts';
import {
  NO_SUCH_ROOM,
  noSuchRoom,
  type Pipe,
  type PipeEvents,
  roomOf,
  type Wire,
  type WireEvents,
} from './wire.ts';

/** A header block beyond uWebSockets.js' own 4 KiB is usual where a browser keeps cookies for localhost. */
const HEADER_BYTES = '16384';
/** Without it two servers could share one port. */
const EXCLUSIVE_PORT = 1;

type Socket = WebSocket<unknown>;
/** What Colyseus hangs on a socket at the upgrade. */
type UpgradedSocket = Socket & { readonly url: string };
/** The package's types know listen(port, options, cb) only; with a host before it works as well. */
type Listen = (
  host: string,
  port: number,
  options: number,
  done: (s: us_listen_socket | false) => void,
) => void;

/** Rejects where the binary does not load on this machine. */
export async function createUwsWire(events: WireEvents, limits: GatewayLimits): Promise<Wire> {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= HEADER_BYTES;
  // Not static: an import that fails must leave the ws transport to be tried.
  const [{ uWebSocketsTransport }, { default: uws }] = await Promise.all([
    import('@colyseus/uwebsockets-transport'),
    import('uWebSockets.js'),
  ]);

  class Transport extends uWebSocketsTransport {
    /** The stock one trusts any room id, also those that every object has, such as `constructor`. */
    protected override async onConnection(socket: UpgradedSocket): Promise<void> {
      const room = roomOf(socket.url);
      if (room === null || events.hasRoom(room)) return super.onConnection(socket as never);
      socket.send(noSuchRoom(), true);
      socket.end(...NO_SUCH_ROOM);
    }
  }

  const pipes = new WeakMap<Socket, UwsPipe>();
  const transport = new Transport({
    maxPayloadLength: limits.inboundBytes,
    maxBackpressure: limits.outboxMost,
    // The last net below our own look at the outboxes: better no stream than one with a hole.
    closeOnBackpressureLimit: 1,
    idleTimeout: limits.idleSeconds,
    sendPingsAutomatically: true,
    dropped: (socket: Socket) => pipes.get(socket)?.overflow(),
    drain: (socket: Socket) => pipes.get(socket)?.drained(),
  });
  transport.app.any('/*', (response, request) =>
    events.request(new UwsExchange(response, request, limits.bodyBytes, limits.discardBytes)),
  );
  return new UwsWire(transport.app, pipes, (socket) => uws.us_socket_local_port(socket as never));
}

class UwsWire implements Wire {
  readonly kind = 'uws';
  readonly #app: TemplatedApp;
  readonly #pipes: WeakMap<Socket, UwsPipe>;
  readonly #portOf: (socket: us_listen_socket) => number;
  /** Lost a frame and must go before anything else can leave. */
  readonly #overflowed: UwsPipe[] = [];

  constructor(
    app: TemplatedApp,
    pipes: WeakMap<Socket, UwsPipe>,
    portOf: (socket: us_listen_socket) => number,
  ) {
    this.#app = app;
    this.#pipes = pipes;
    this.#portOf = portOf;
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      (this.#app.listen as unknown as Listen).call(this.#app, host, port, EXCLUSIVE_PORT, (socket) => {
        if (socket === false) reject(new Error(`cannot listen on ${host}:${port}: is it in use?`));
        else resolve(this.#portOf(socket));
      });
    });
  }

  publish(topic: string, frame: Uint8Array): void {
    this.#closeOverflowed();
    this.#app.publish(topic, frame, true, false);
    this.#closeOverflowed();
  }

  pipe(client: Client, events: PipeEvents): Pipe {
    const wrapper = client.ref as { readonly ws: Socket } & NodeJS.EventEmitter;
    const pipe = new UwsPipe(wrapper.ws, events, () => this.#overflow(pipe));
    this.#pipes.set(wrapper.ws, pipe);
    wrapper.once('close', () => pipe.closed());
    return pipe;
  }

  async close(): Promise<void> {
    this.#app.close();
  }

  #overflow(pipe: UwsPipe): void {
    this.#overflowed.push(pipe);
    // A frame is dropped deep inside uWebSockets.js, in the middle of its list of subscribers: closing must wait.
    setImmediate(() => this.#closeOverflowed());
  }

  #closeOverflowed(): void {
    for (let pipe = this.#overflowed.pop(); pipe !== undefined; pipe = this.#overflowed.pop()) pipe.destroy();
  }
}

class UwsPipe implements Pipe {
  readonly #socket: Socket;
  readonly #events: PipeEvents;
  readonly #onOverflow: () => void;
  /** The socket may be touched. */
  #alive = true;
  #overflowed = false;

  constructor(socket: Socket, events: PipeEvents, onOverflow: () => void) {
    this.#socket = socket;
    this.#events = events;
    this.#onOverflow = onOverflow;
  }

  get open(): boolean {
    return this.#alive && !this.#overflowed;
  }

  get buffered(): number {
    return this.#alive ? this.#socket.getBufferedAmount() : 0;
  }

  send(frame: Uint8Array): void {
    if (this.open) this.#socket.send(frame, true, false);
  }

  cork(write: () => void): void {
    if (this.open) this.#socket.cork(write);
  }

  subscribe(topic: string): void {
    if (this.open) this.#socket.subscribe(topic);
  }

  /** Not after an overflow: that is noticed while uWebSockets.js walks the topic's subscribers, and the socket goes anyway. */
  unsubscribe(topic: string): void {
    if (this.open) this.#socket.unsubscribe(topic);
  }

  close(code: number, reason: string): void {
    if (this.#alive) this.#socket.end(code, reason);
  }

  drained(): void {
    if (this.open) this.#events.drained();
  }

  overflow(): void {
    if (!this.open) return;
    this.#overflowed = true;
    this.#onOverflow();
    this.#events.overflowed();
  }

  closed(): void {
    this.#alive = false;
    this.#events.closed();
  }

  destroy(): void {
    if (this.#alive) this.#socket.close();
  }
}
