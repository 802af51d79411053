import { crc32 } from '../crc32.ts';

/**
 * What stands on the wire of a peer link: frames of a header of 16 bytes and a body.
 * 0 length of the body · 4 CRC-32 of all that follows · 8 kind · 12 value
 * TCP's own checksum misses one damaged segment in 65,536, and the protocol has no means against altered messages.
 */
export const HEADER_BYTES = 16;

export const FRAME = {
  /** One Message of the schema: hello, proof or reject. */
  handshake: 1,
  /** Messages end to end, each with its length; what one turn had to say. */
  messages: 2,
  /** `value` comes back in a pong. */
  ping: 3,
  pong: 4,
  /** Between a gateway in a process of its own and a region: ExecuteBatch and Presence messages, end to end, up. */
  acts: 5,
  /** Down: one Answers message of schemas/client.fbs; `sequence` names the request. */
  answers: 6,
  /** A text from host to host, outside all worlds. */
  note: 7,
} as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly value: number;
  readonly body: Uint8Array;
}

export class FrameError extends Error {}

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

/** Bodies up to here are copied behind their header: one write costs less than a list of parts. */
const COPIED_BYTES = 256 * 1024;

/**
 * A frame as what is to be written, one after the other: one buffer, or the header and the pieces as they are. `room` gives
 * memory of exactly so many bytes.
 */
export function frameParts(
  kind: FrameKind,
  value: number,
  pieces: readonly Uint8Array[],
  room: (bytes: number) => Buffer = Buffer.allocUnsafe,
): readonly Uint8Array[] {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  if (length > COPIED_BYTES) return [frameHeader(kind, value, pieces), ...pieces];
  const frame = room(HEADER_BYTES + length);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(kind, 8);
  frame.writeUInt32LE(value, 12);
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  return [frame];
}

/** The header for a body in pieces, which follow it on the wire as they are. */
function frameHeader(kind: FrameKind, value: number, pieces: readonly Uint8Array[]): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  let length = 0;
  for (const piece of pieces) length += piece.length;
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(kind, 8);
  header.writeUInt32LE(value, 12);
  let crc = crc32(header.subarray(8));
  for (const piece of pieces) crc = crc32(piece, crc);
  header.writeUInt32LE(crc, 4);
  return header;
}

/**
 * Cuts a stream of bytes into frames. A frame that came in one chunk is a part of that chunk; one that came in several
 * is put together once. Holds at most one frame.
 */
export class FrameReader {
  /** Largest body taken; raised once the other side has proved itself. */
  limit: number;
  #parts: Uint8Array[] = [];
  #have = 0;
  #need = HEADER_BYTES;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Hands out what is complete, in order, until `take` returns false. Throws FrameError on what is no frame. */
  push(chunk: Uint8Array, take: (frame: Frame) => boolean): void {
    let bytes = chunk;
    if (this.#have > 0) {
      this.#parts.push(chunk);
      this.#have += chunk.length;
      if (this.#have < this.#need) return;
      // A header that was cut in two first tells how much is to be gathered.
      bytes = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#have = 0;
    }
    let at = 0;
    for (;;) {
      const rest = bytes.length - at;
      this.#need = rest < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + this.#length(bytes, at);
      if (rest < this.#need) break;
      const frame = this.#open(bytes.subarray(at, at + this.#need));
      at += this.#need;
      if (!take(frame)) return;
    }
    if (at === bytes.length) return;
    this.#parts = [bytes.subarray(at)];
    this.#have = bytes.length - at;
  }

  #length(bytes: Uint8Array, at: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
    const length = view.getUint32(0, true);
    if (length > this.limit)
      throw new FrameError(`a frame of ${length} bytes, at most ${this.limit} are taken`);
    if (!KINDS.has(view.getUint32(8, true)))
      throw new FrameError(`a frame of unknown kind ${view.getUint32(8, true)}`);
    return length;
  }

  #open(bytes: Uint8Array): Frame {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(4, true) !== crc32(bytes.subarray(8))) {
      throw new FrameError(`the checksum of a frame of ${bytes.length} bytes does not match`);
    }
    return {
      kind: view.getUint32(8, true) as FrameKind,
      value: view.getUint32(12, true),
      body: new Uint8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bytes.length - HEADER_BYTES),
    };
  }
}
