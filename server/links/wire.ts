import type { Socket } from 'node:net';
import { LINK_LAST_WORDS_MS } from '../limits.ts';
import { type Frame, type FrameKind, FrameReader, frameParts } from './frames.ts';

export interface WireHandlers {
  frame(frame: Frame): void;
  /** Once, at the first sign that the connection is gone or made no sense. Not after `close` or `finish` from here. */
  closed(reason: string): void;
}

/** Smaller frames come from Node's pool. */
const SPARE_BYTES = 4_096;

/** Frames over one socket. Whatever goes wrong ends this connection and nothing else. */
export class Wire {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #handlers: WireHandlers = { frame: () => {}, closed: () => {} };
  #open = true;
  /** Memory of an earlier large frame, which the kernel has by now. */
  #spare: Buffer | null = null;
  /** When the last bytes came, be it part of a frame. */
  heardAt = performance.now();

  /** `limit`: largest body taken for now. Whoever made the wire hands it its handlers in the same turn. */
  constructor(socket: Socket, limit: number) {
    this.#socket = socket;
    this.#reader = new FrameReader(limit);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('end', () => this.#gone('closed by the other side'));
    socket.on('error', (error) => this.#gone(error.message));
    socket.on('close', () => this.#gone('closed'));
  }

  get open(): boolean {
    return this.#open;
  }

  /** Bytes that the kernel has not taken yet. */
  get queued(): number {
    return this.#socket.writableLength;
  }

  get remote(): string {
    return this.#socket.remoteAddress ?? '?';
  }

  /** Largest body taken; raised once the other side proved itself. */
  get limit(): number {
    return this.#reader.limit;
  }
  set limit(bytes: number) {
    this.#reader.limit = bytes;
  }

  /** From now on `handlers` hear what comes. */
  hand(handlers: WireHandlers): void {
    this.#handlers = handlers;
  }

  /** One write, whatever the number of pieces. */
  write(kind: FrameKind, value: number, pieces: readonly Uint8Array[]): void {
    if (!this.#open) return;
    const socket = this.#socket;
    let room: Buffer | null = null;
    const parts = frameParts(kind, value, pieces, (bytes) => {
      if (bytes < SPARE_BYTES) return Buffer.allocUnsafe(bytes);
      room = this.#large(bytes);
      return room.subarray(0, bytes);
    });
    if (parts.length === 1) {
      if (room === null) socket.write(parts[0] as Uint8Array);
      else socket.write(parts[0] as Uint8Array, () => (this.#spare = room));
      return;
    }
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  /** New memory costs more than writing to it, so that of an earlier frame is taken where it is free again. */
  #large(bytes: number): Buffer {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null && spare.length >= bytes) return spare;
    return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
  }

  close(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  /** Hands what was written to the kernel, then closes. */
  finish(): void {
    if (!this.#open) return;
    this.#open = false;
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), LINK_LAST_WORDS_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.destroySoon();
  }

  #data(chunk: Buffer): void {
    if (!this.#open) return;
    this.heardAt = performance.now();
    const frames: Frame[] = [];
    let fault: string | null = null;
    try {
      // Only the cutting is guarded: an error in what a frame sets off is a bug of the host, and is thrown.
      this.#reader.push(chunk, (frame) => {
        frames.push(frame);
        return true;
      });
    } catch (error) {
      fault = (error as Error).message;
    }
    for (const frame of frames) {
      if (!this.#open) return;
      this.#handlers.frame(frame);
    }
    if (fault !== null) this.#gone(fault);
  }

  #gone(reason: string): void {
    if (!this.#open) return;
    this.close();
    this.#handlers.closed(reason);
  }
}
