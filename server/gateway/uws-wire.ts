/**
 * The gateway's own subclass of Colyseus' uWebSockets.js transport. The stock one ignores the host, takes 4 KiB at most, and
 * drops frames in silence when a client is slow.
 */

import type { TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js';
import { type Client, CloseCode, connectClientToRoom, debugAndPrintError, matchMaker } from '@colyseus/core';
import { GATEWAY_HEADER_BYTES } from '../limits.ts';
import type { GatewayLimits } from './bounds.ts';
import { UwsClient } from './uws-client.ts';
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

/** How Colyseus closes a socket that does not get its seat. */
const { WITH_ERROR, FAILED_TO_RECONNECT: NOT_RECONNECTED } = CloseCode;
/** Without it two servers could share one port. */
const EXCLUSIVE_PORT = 1;

type Socket = WebSocket<unknown>;
/** What Colyseus hangs on a socket at the upgrade. */
interface Upgrade {
  readonly url: string;
  readonly searchParams: Readonly<Record<string, string | undefined>>;
  readonly context: Parameters<typeof connectClientToRoom>[2];
}
const NOTHING_MORE = { url: undefined, searchParams: undefined, context: undefined };
/** The package's types know listen(port, options, cb) only; with a host before it works as well. */
type Listen = (
  host: string,
  port: number,
  options: number,
  done: (s: us_listen_socket | false) => void,
) => void;

/** Rejects where the binary does not load on this machine. */
export async function createUwsWire(events: WireEvents, limits: GatewayLimits): Promise<Wire> {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(GATEWAY_HEADER_BYTES);
  // Not static: an import that fails must leave the ws transport to be tried.
  const [{ uWebSocketsTransport }, { default: uws }] = await Promise.all([
    import('@colyseus/uwebsockets-transport'),
    import('uWebSockets.js'),
  ]);

  class Transport extends uWebSocketsTransport {
    /** The client on a socket; nobody where it is a visitor that only measures its latency. */
    client(socket: Socket): UwsClient | null {
      const client: unknown = this.clientWrappers.get(socket as never);
      return client instanceof UwsClient ? client : null;
    }

    /** The stock one trusts any room id, also those that every object has, such as `constructor`, and keeps more of a client. */
    protected override async onConnection(socket: Socket & Upgrade): Promise<void> {
      const { url, searchParams, context } = socket;
      const room = roomOf(url);
      if (room === null) return super.onConnection(socket as never);
      // Headers and query are read here or never: a kilobyte for each client.
      Object.assign(socket, NOTHING_MORE);
      if (events.hasRoom(room)) return this.#join(room, socket, searchParams, context);
      socket.send(noSuchRoom(), true);
      socket.end(...NO_SUCH_ROOM);
    }

    async #join(
      room: string,
      socket: Socket,
      { sessionId = '', reconnectionToken, skipHandshake }: Upgrade['searchParams'],
      context: Upgrade['context'],
    ): Promise<void> {
      const client = new UwsClient(sessionId, socket);
      this.clients.push(socket as never);
      this.clientWrappers.set(socket as never, client as never);
      try {
        await connectClientToRoom(matchMaker.getLocalRoomById(room), client as never, context, {
          ...(reconnectionToken === undefined ? {} : { reconnectionToken }),
          skipHandshake: skipHandshake !== undefined,
        });
      } catch (cause) {
        debugAndPrintError(cause as Error);
        const { code, message } = cause as { readonly code: number; readonly message: string };
        client.refuse(code, message, reconnectionToken === undefined ? WITH_ERROR : NOT_RECONNECTED);
      }
    }
  }

  const transport = new Transport({
    maxPayloadLength: limits.inboundBytes,
    maxBackpressure: limits.outboxMost,
    // The last net below our own look at the outboxes: better no stream than one with a hole.
    closeOnBackpressureLimit: 1,
    idleTimeout: limits.idleSeconds,
    sendPingsAutomatically: true,
    dropped: (socket: Socket) => pipeOn(transport.client(socket))?.overflow(),
    drain: (socket: Socket) => pipeOn(transport.client(socket))?.drained(),
  });
  transport.app.any('/*', (response, request) =>
    events.request(new UwsExchange(response, request, limits.bodyBytes, limits.discardBytes)),
  );
  return new UwsWire(transport.app, (socket) => uws.us_socket_local_port(socket as never));
}

function pipeOn(client: UwsClient | null): UwsPipe | null {
  return client?.below instanceof UwsPipe ? client.below : null;
}

class UwsWire implements Wire {
  readonly kind = 'uws';
  readonly #app: TemplatedApp;
  readonly #portOf: (socket: us_listen_socket) => number;
  /** Lost a frame and must go before anything else can leave. */
  readonly #overflowed: UwsPipe[] = [];

  constructor(app: TemplatedApp, portOf: (socket: us_listen_socket) => number) {
    this.#app = app;
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
    const below = client as unknown as UwsClient;
    const pipe = new UwsPipe(below.socket, events, this);
    below.below = pipe;
    return pipe;
  }

  async close(): Promise<void> {
    this.#app.close();
  }

  /** It lost a frame. */
  overflow(pipe: UwsPipe): void {
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
  readonly #wire: UwsWire;
  /** The socket may be touched. */
  #alive = true;
  #overflowed = false;

  constructor(socket: Socket, events: PipeEvents, wire: UwsWire) {
    this.#socket = socket;
    this.#events = events;
    this.#wire = wire;
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
    this.#wire.overflow(this);
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
