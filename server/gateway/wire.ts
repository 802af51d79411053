/** What the gateway needs of a WebSocket transport; uws-wire.ts and ws-wire.ts are the two there are. */
import { type Client, getMessageBytes, Protocol } from '@colyseus/core';
import type { Exchange } from './exchange.ts';

/** The socket of one client, for frames of frames.ts. Every call is harmless when it is closed. */
export interface Pipe {
  /** False from the moment the socket closed or overflowed: nothing that is sent later reaches the client. */
  readonly open: boolean;
  /** Bytes taken by `send` or `publish` and not yet by the kernel. */
  readonly buffered: number;
  send(frame: Uint8Array): void;
  /** What `write` sends leaves in one system call, where the transport can. */
  cork(write: () => void): void;
  /** From the next publish on; unsubscribe: what was published before still arrives. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Says why and closes. */
  close(code: number, reason: string): void;
}

export interface PipeEvents {
  /** The kernel took what was buffered, or a good part of it. */
  drained(): void;
  closed(): void;
  /** `outboxMost` was reached: a frame was dropped, so the socket is being closed before anything else can leave. */
  overflowed(): void;
}

export interface WireEvents {
  /** Never throws. */
  request(exchange: Exchange): void;
  /** A room of this gateway. */
  hasRoom(roomId: string): boolean;
}

export interface Wire {
  readonly kind: 'uws' | 'ws';
  /** Resolves with the port bound; 0 takes any free one. Rejects when the address cannot be bound. */
  listen(host: string, port: number): Promise<number>;
  /** To every subscriber, in order with what is sent to it. */
  publish(topic: string, frame: Uint8Array): void;
  pipe(client: Client, events: PipeEvents): Pipe;
  /** Closes the listening socket and every connection. */
  close(): Promise<void>;
}

/** /processId/roomId, as Colyseus' SDKs build it; the second part, or null. */
export function roomOf(path: string): string | null {
  return /\/[a-zA-Z0-9_-]+\/([a-zA-Z0-9_-]+)$/.exec(path)?.[1] ?? null;
}

/** How a socket that names a room of no gateway here is sent away: an error the SDK shows, then the close. */
export const NO_SUCH_ROOM = [4404, 'not-found: no such room'] as const;
export const noSuchRoom = (): Uint8Array =>
  getMessageBytes[Protocol.ERROR](404, '{"error":"not-found","detail":"no such room"}');
