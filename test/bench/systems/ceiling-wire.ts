/**
 * The wire of the plain system that `ceiling` runs: everything little-endian, everything of a fixed length, so that cutting a stream costs
 * nothing. Pure.
 */

/** A client's request: name, from, to, amount; filled up to what the other systems are sent. */
export const REQUEST_BYTES = 64;
/** What a client hears: the request's name. Whatever is answered was done. */
export const ANSWER_BYTES = 4;
/** Leader to followers, before its commands: how many, and how far everything is issued. */
export const HEAD_BYTES = 16;
/** A command: number, from, to, and both amounts after it; filled up. */
export const COMMAND_BYTES = 64;
/** Follower to leader: up to which number everything is on its disk. */
export const VOTE_BYTES = 8;
export const ACCOUNTS = 100;

/** Cuts a stream of pieces whose length their first bytes tell; what is left waits for the next chunk. */
export class Cutter {
  readonly #head: number;
  readonly #lengthAt: (bytes: Buffer, at: number) => number;
  #rest: Buffer = Buffer.alloc(0);

  /** `head`: bytes that must be there before `lengthAt` may look. */
  constructor(head: number, lengthAt: (bytes: Buffer, at: number) => number = () => head) {
    this.#head = head;
    this.#lengthAt = lengthAt;
  }

  push(chunk: Buffer, take: (bytes: Buffer, at: number, length: number) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + this.#head <= bytes.length) {
      const length = this.#lengthAt(bytes, at);
      if (at + length > bytes.length) break;
      take(bytes, at, length);
      at += length;
    }
    this.#rest = bytes.subarray(at);
  }
}

export const batches = (): Cutter =>
  new Cutter(HEAD_BYTES, (bytes, at) => HEAD_BYTES + COMMAND_BYTES * bytes.readUInt32LE(at));
