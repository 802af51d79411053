/**
 * A joined client as Colyseus sees it, on one uWebSockets.js socket: its `Client` and the emitter behind it in one small object.
 * The stock pair costs some 3 KB each, most of it in lists of listeners and in an object that a `delete` turned into a table.
 */

import type { WebSocket } from 'uWebSockets.js';
import { ClientState, getMessageBytes, Protocol } from '@colyseus/core';

type Socket = WebSocket<unknown>;
type Listener = (argument: never) => unknown;

/** Ready states of a WebSocket, which Colyseus asks for. */
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** What of a socket goes on below Colyseus. */
export interface Below {
  closed(): void;
}

/** What Colyseus would send after the acknowledgement: nothing, for what we send does not go through it. */
const NOTHING_WAITS: readonly never[] = Object.freeze([]);

export class UwsClient {
  readonly sessionId: string;
  readonly socket: Socket;
  state: ClientState = ClientState.JOINING;
  readyState: number = OPEN;
  reconnectionToken = '';
  userData: unknown;
  /** Told of the close before Colyseus is. */
  below: Below | null = null;
  /** Colyseus' own notes, named here so that all clients have one shape. */
  onleave: Listener | null = null;
  _pendingFrameClients: unknown;
  _joinedAt = 0;
  _lastMessageTime = 0;
  _messageCountResetsAt = 0;
  _numMessagesLastSecond = 0;
  #onMessage: Listener | null = null;
  #onClose: Listener | null = null;

  constructor(sessionId: string, socket: Socket) {
    this.sessionId = sessionId;
    this.socket = socket;
  }

  get ref(): this {
    return this;
  }

  /** Not a field: Colyseus deletes it at the acknowledgement. */
  get _enqueuedMessages(): readonly never[] {
    return NOTHING_WAITS;
  }

  // ---- the emitter: Colyseus' room listens once to each of two events; whatever else it wants is refused loudly ----

  on(event: string, listener: Listener): this {
    if (event === 'message') this.#onMessage = only(this.#onMessage, event, listener);
    else if (event === 'close') this.#onClose = only(this.#onClose, event, listener);
    else throw unknown(event);
    return this;
  }

  /** There is one close only. */
  once(event: 'close', listener: Listener): this {
    return this.on(event, listener);
  }

  removeListener(event: string, listener: Listener): this {
    if (event !== 'close') throw unknown(event);
    if (this.#onClose === listener) this.#onClose = null;
    return this;
  }

  removeAllListeners(event: string): this {
    if (event !== 'message') throw unknown(event);
    this.#onMessage = null;
    return this;
  }

  /** Called by Colyseus' transport. */
  emit(event: string, argument: unknown): boolean {
    if (event === 'message') return told(this.#onMessage, argument);
    if (event !== 'close') throw unknown(event);
    this.readyState = CLOSED;
    const listener = this.#onClose;
    this.#onClose = null;
    this.below?.closed();
    return told(listener, argument);
  }

  // ---- the client ----

  raw(bytes: Uint8Array): void {
    if (this.readyState !== OPEN) return;
    try {
      this.socket.send(bytes, true, false);
    } catch {
      this.readyState = CLOSED;
    }
  }

  /** It gets no seat: says why, then closes. */
  refuse(code: number, message: string, close: number): void {
    this.raw(getMessageBytes[Protocol.ERROR](code, message));
    process.nextTick(() => this.leave(close));
  }

  leave(code?: number, reason?: string): void {
    if (this.readyState !== OPEN) return;
    this.readyState = CLOSING;
    if (code === undefined) this.socket.close();
    else this.socket.end(code, reason);
  }
}

const unknown = (event: string): Error => new Error(`a client does not know this of '${event}'`);

/** A second listener would be forgotten without a word. */
function only(known: Listener | null, event: string, listener: Listener): Listener {
  if (known !== null) throw new Error(`two listen to '${event}' of one client`);
  return listener;
}

function told(listener: Listener | null, argument: unknown): boolean {
  listener?.(argument as never);
  return listener !== null;
}
