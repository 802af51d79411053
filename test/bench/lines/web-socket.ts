/**
 * A WebSocket client that costs next to nothing: a frame's header is all that it looks at, and it masks with zeros. Joins a Colyseus
 * room the way the Colyseus SDK does.
 */
import { request } from 'node:http';
import type { Endpoint } from './line.ts';
import { Tcp } from './tcp.ts';

const TEXT_END = Buffer.from('\r\n\r\n');
const BINARY = 0x82;
const OP_CLOSE = 8;
const OP_PING = 9;
const PONG = 0x8a;
const MASKED = 0x80;

/** Colyseus' protocol codes. */
const JOIN_ROOM = 10;
export const ROOM_STATE_PATCH = 15;
export const ROOM_DATA_BYTES = 17;

export interface SocketEvents {
  /** Payload of one frame; void when this returns. */
  frame(payload: Buffer): void;
  /** All bytes that came, headers included. */
  bytes?(count: number): void;
  closed(reason: string): void;
}

export class RawWebSocket {
  readonly #tcp: Tcp;
  #open = false;

  private constructor(tcp: Tcp) {
    this.#tcp = tcp;
  }

  /** Resolves when the server has taken the upgrade. */
  static async open(endpoint: Endpoint, path: string, events: SocketEvents): Promise<RawWebSocket> {
    const tcp = await Tcp.open(endpoint);
    const socket = new RawWebSocket(tcp);
    await new Promise<void>((resolve, reject) => {
      tcp.attach({
        read: (bytes) => socket.#read(bytes, events, resolve),
        closed: (reason) => {
          reject(new Error(`${endpoint.host}:${endpoint.port}${path}: ${reason}`));
          events.closed(reason);
        },
      });
      tcp.write(
        Buffer.from(
          `GET ${path} HTTP/1.1\r\nHost: ${endpoint.host}:${endpoint.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        ),
      );
    });
    return socket;
  }

  send(payload: Uint8Array): void {
    this.#tcp.write(clientFrame(BINARY, payload));
  }

  get closed(): boolean {
    return this.#tcp.closed;
  }

  close(): void {
    this.#tcp.close();
  }

  #read(bytes: Buffer, events: SocketEvents, opened: () => void): number {
    let at = 0;
    if (!this.#open) {
      const end = bytes.indexOf(TEXT_END);
      if (end === -1) return 0;
      if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')))
        throw new Error(bytes.toString('latin1', 0, end));
      this.#open = true;
      at = end + TEXT_END.length;
      opened();
    }
    for (;;) {
      const found = frameAt(bytes, at);
      if (found === null) break;
      this.#frame(bytes[at]! & 0x0f, bytes.subarray(found.from, found.to), events);
      at = found.to;
    }
    events.bytes?.(at);
    return at;
  }

  #frame(kind: number, payload: Buffer, events: SocketEvents): void {
    if (kind === OP_PING) this.#tcp.write(clientFrame(PONG, payload));
    else if (kind === OP_CLOSE) this.#tcp.close();
    else events.frame(payload);
  }
}

/** Where the payload of the frame at `at` stands; null until it is whole. Servers neither mask nor, here, split. */
export function frameAt(bytes: Buffer, at: number): { readonly from: number; readonly to: number } | null {
  if (bytes.length - at < 2) return null;
  const short = bytes[at + 1]! & 0x7f;
  const header = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length - at < header) return null;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
  const from = at + header;
  return bytes.length < from + length ? null : { from, to: from + length };
}

/** Clients must mask; a mask of zeros leaves the payload as it is. */
export function clientFrame(kind: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.alloc(header + 4 + length);
  bytes[0] = kind;
  if (header === 2) bytes[1] = MASKED | length;
  else if (header === 4) {
    bytes[1] = MASKED | 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = MASKED | 127;
    bytes.writeUIntBE(length, 4, 6);
  }
  bytes.set(payload, header + 4);
  return bytes;
}

/** Joins or creates a room; resolves once joined. Frames before that are told, too. */
export async function joinRoom(
  endpoint: Endpoint,
  room: string,
  options: object,
  events: SocketEvents,
): Promise<RawWebSocket> {
  const seat = await reserve(endpoint, room, options);
  let joined: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    joined = resolve;
  });
  const path = `/${seat.processId}/${seat.roomId}?sessionId=${seat.sessionId}`;
  const { promise: failed, fail } = failure();
  // The first frame may come in the same piece as the upgrade, before the socket is handed out.
  let acknowledge = () => {};
  let early = false;
  const socket = await RawWebSocket.open(placeOf(seat) ?? endpoint, path, {
    ...events,
    frame(payload) {
      if (payload[0] === JOIN_ROOM) {
        early = true;
        acknowledge();
      }
      events.frame(payload);
    },
    closed(reason) {
      fail(new Error(`the socket closed before the join: ${reason}`));
      events.closed(reason);
    },
  });
  acknowledge = () => {
    socket.send(Uint8Array.of(JOIN_ROOM));
    joined();
  };
  if (early) acknowledge();
  await Promise.race([ready, failed]);
  return socket;
}

function failure() {
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, reject) => {
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, fail };
}

interface Seat {
  readonly sessionId: string;
  readonly roomId: string;
  readonly processId: string;
  /** Host and port where the room is, if elsewhere than the one who was asked. */
  readonly publicAddress?: string;
}

function placeOf({ publicAddress }: Seat): Endpoint | null {
  if (publicAddress === undefined) return null;
  const { hostname, port } = new URL(`ws://${publicAddress}`);
  // An IPv6 address stands in brackets.
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}

function reserve({ host, port }: Endpoint, room: string, options: object): Promise<Seat> {
  const body = JSON.stringify(options);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { host, port, method: 'POST', path: `/matchmake/joinOrCreate/${room}`, headers },
      (got) => {
        let text = '';
        got.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        got.on('end', () => {
          if (got.statusCode === 200) resolve(JSON.parse(text) as Seat);
          else reject(new Error(`no seat: ${got.statusCode} ${text}`));
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
