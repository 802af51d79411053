/**
 * The sequence as one process of bots knows it. The first bot to bring a command has it verified in full, on a mirror: bytes,
 * number, precedent and the digest of the tables after it. What any other bot is sent of the same number must be the same
 * bytes. So every bot's stream is checked whole, and costs little more than a comparison of memory.
 */
import { Mirror } from '../game-logic/mirror.ts';
import { decodeRows } from '../game-logic/snapshot.ts';
import type { WorldDefinition } from '../game-logic/types.ts';
import { type Commands, decodeCommands, type Snapshot } from '../schemas/generated/client.ts';
import type { Envelope } from '../schemas/support/command-types.ts';
import { digestText } from '../schemas/support/digest.ts';
import { readId, splitBatch } from '../schemas/support/envelope.ts';

/** Commands whose bytes are kept; one who is further behind has its numbers checked only. About 200 bytes each. */
const KEPT = 1 << 16;
/** Frames kept to recognise what another bot of the same region got: a few flushes of each region. */
const FRAMES = 64;

export interface SequenceListener {
  /** A command that nobody in this process had seen before. */
  command(envelope: Envelope): void;
  /** Something that must not be. */
  wrong(number: number, what: string): void;
}

export interface Span {
  readonly first: number;
  readonly last: number;
}

interface Frame extends Span {
  readonly bytes: Uint8Array;
}

export class Sequence {
  readonly #definition: WorldDefinition;
  readonly #listener: SequenceListener;
  readonly #commands: (Uint8Array | undefined)[] = new Array(KEPT);
  readonly #digests: (string | undefined)[] = new Array(KEPT);
  #frames: Frame[] = [];
  #mirror: Mirror | null = null;
  /** Commands taken in without their bytes being compared: too far behind, or beyond a hole of the mirror. */
  unchecked = 0;
  /** Commands verified in full. */
  verified = 0;

  constructor(definition: WorldDefinition, listener: SequenceListener) {
    this.#definition = definition;
    this.#listener = listener;
  }

  get mirror(): Mirror | null {
    return this.#mirror;
  }

  /** Digest of the tables after command `number`; undefined where it is not known (any more). */
  digestAt(number: number): string | undefined {
    return this.#numberAt(number) === number ? this.#digests[number % KEPT] : undefined;
  }

  /** A `commands` message. Returns what it holds; null if it makes no sense, which has been reported. */
  take(bytes: Uint8Array): Span | null {
    const known = this.#frames.findLast((frame) => same(frame.bytes, bytes));
    if (known !== undefined) return known;
    let message: Commands;
    let commands: Uint8Array[];
    try {
      message = decodeCommands(bytes);
      commands = splitBatch(message.batch, true);
    } catch (error) {
      this.#listener.wrong(
        this.#mirror?.number ?? 0,
        `a commands message that cannot be read: ${text(error)}`,
      );
      return null;
    }
    const { first, last } = message;
    if (last !== first + commands.length - 1) {
      this.#listener.wrong(first, `a message says ${first} to ${last} and holds ${commands.length} commands`);
      return null;
    }
    for (const [at, command] of commands.entries()) this.#one(first + at, command);
    this.#frames.push({ first, last, bytes });
    if (this.#frames.length > FRAMES) this.#frames = this.#frames.slice(-FRAMES / 2);
    return { first, last };
  }

  /** A whole snapshot: where the mirror is as far, the digests must agree; where it is not, it goes on from here. */
  snapshot(head: Snapshot, parts: readonly Uint8Array[]): void {
    const { number, born, time, tables } = head;
    if (this.#mirror !== null && number <= this.#mirror.number) {
      const known = number === this.#mirror.number ? digestText(this.#mirror.digest) : this.digestAt(number);
      if (known !== undefined && known !== digestText(tables))
        this.#listener.wrong(
          number,
          `a snapshot of ${number} has digest ${digestText(tables)}, the command ${known}`,
        );
      return;
    }
    try {
      const rows = decodeRows(this.#definition, parts);
      this.#mirror = new Mirror(this.#definition, { number, born, time, digest: tables, tables: rows });
    } catch (error) {
      this.#listener.wrong(number, `a snapshot of ${number} that is not sound: ${text(error)}`);
    }
  }

  /** A world at 0 has no snapshot to begin with. */
  begin(): void {
    this.#mirror ??= Mirror.initial(this.#definition);
  }

  #one(number: number, bytes: Uint8Array): void {
    const slot = number % KEPT;
    const kept = this.#commands[slot];
    if (kept !== undefined && readId(kept).number === number) {
      if (!same(kept, bytes))
        this.#listener.wrong(number, `command ${number} has other bytes than another bot was sent`);
      return;
    }
    const mirror = this.#mirror;
    if (mirror === null || number !== mirror.number + 1) {
      this.#unseen(number, bytes);
      return;
    }
    try {
      const { envelope } = mirror.apply(bytes);
      this.verified += 1;
      this.#commands[slot] = bytes;
      this.#digests[slot] = digestText(envelope.tables);
      this.#listener.command(envelope);
    } catch (error) {
      this.#listener.wrong(number, text(error));
      // It cannot go on; the next snapshot makes a new one.
      this.#mirror = null;
    }
  }

  /** Behind what is kept, or beyond a hole: the number can be checked, the content cannot. */
  #unseen(number: number, bytes: Uint8Array): void {
    this.unchecked += 1;
    let found: number;
    try {
      found = readId(bytes).number;
    } catch {
      found = Number.NaN;
    }
    if (found !== number) this.#listener.wrong(number, `command ${found} came where ${number} was due`);
  }

  #numberAt(number: number): number {
    const kept = this.#commands[number % KEPT];
    return kept === undefined ? 0 : readId(kept).number;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
