import type { ClassicLevel } from 'classic-level';
import type { Ballot, Command } from '../consensus/types.ts';
import { RECORD_COMMANDS, STORAGE_READ_AHEAD } from '../limits.ts';
import type { Segment } from './directory.ts';
import { corrupt } from './errors.ts';
import { decodeHead, eachCommand, keyAfter, keysOf, type RecordHead, type Run, recordKey } from './record.ts';

export type Level = ClassicLevel<Buffer, Buffer>;

interface Range {
  readonly gte: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  readonly reverse?: boolean;
}

/**
 * What lies in a range, in portions: about `bytes` at a time. An iterator that is asked for entry after entry would fetch one,
 * then the others: one trip more to LevelDB's thread for each world that starts.
 */
export async function* portions(
  level: Level,
  range: Range,
  bytes = STORAGE_READ_AHEAD,
): AsyncGenerator<[Buffer, Buffer][]> {
  const iterator = level.iterator({ ...range, highWaterMarkBytes: Math.min(bytes, STORAGE_READ_AHEAD) });
  try {
    for (;;) {
      const entries = await iterator.nextv(RECORD_COMMANDS);
      if (entries.length === 0) return;
      yield entries;
    }
  } finally {
    await iterator.close();
  }
}

/** Which ballot bore the issued command of a number: a few runs, for `born` changes only when the leader does. */
export class Runs {
  readonly #runs: Run[] = [];

  /** Runs written; the state on disk counts them too. */
  get count(): number {
    return this.#runs.length;
  }

  get last(): Run | null {
    return this.#runs.at(-1) ?? null;
  }

  push(run: Run): void {
    this.#runs.push(run);
  }

  /** Index of the run that holds `number` (from 1); -1 below the first. */
  #index(number: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.first <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** born of the issued command `number`; 0 for the null command. */
  born(number: number): Ballot {
    return this.#runs[this.#index(number)]?.born ?? 0;
  }

  /** The last number of the run that holds `number`; Infinity in the newest. */
  end(number: number): number {
    const next = this.#runs[this.#index(number) + 1];
    return next === undefined ? Number.POSITIVE_INFINITY : next.first - 1;
  }
}

class Collected {
  readonly commands: Command[] = [];
  next: number;
  readonly last: number;
  #left: number;

  constructor(from: number, last: number, bytes: number) {
    this.next = from;
    this.last = last;
    this.#left = bytes;
  }

  get full(): boolean {
    return this.next > this.last || (this.#left <= 0 && this.commands.length > 0);
  }

  take(command: Command): boolean {
    if (this.commands.length > 0 && command.bytes.length > this.#left) {
      this.#left = 0;
      return false;
    }
    this.commands.push(command);
    this.#left -= command.bytes.length;
    this.next = command.number + 1;
    return this.#left > 0;
  }
}

/** Reads the issued log: finds the record of the first number by its key, then walks on. */
export class LogReader {
  readonly #level: Level;
  readonly #segments: readonly Segment[];
  readonly #runs: Runs;
  readonly #where: string;
  /** Where the last read stopped, so that a reader of the whole log need not search again. */
  #cursor: { readonly next: number; readonly key: Buffer } | null = null;

  constructor(level: Level, segments: readonly Segment[], runs: Runs, where: string) {
    this.#level = level;
    this.#segments = segments;
    this.#runs = runs;
    this.#where = where;
  }

  /** The issued commands from..last, at most `bytes` of payload but at least one; all of them must be durable. */
  async read(from: number, last: number, bytes: number): Promise<Command[]> {
    const out = new Collected(from, last, bytes);
    const cursor = this.#cursor;
    if (cursor !== null && cursor.next === from) await this.#walk(cursor.key, out, bytes);
    while (!out.full) {
      const before = out.next;
      await this.#walk(await this.#locate(before), out, bytes);
      if (out.next === before && !out.full) throw this.#missing(before);
    }
    return out.commands;
  }

  /** The issued commands from..last out of all records of a world with one segment, ascending by key. */
  pick(records: readonly RecordHead[], from: number, last: number): Command[] {
    const out = new Collected(from, last, Number.POSITIVE_INFINITY);
    for (const head of records) {
      if (out.full) break;
      if (this.#holds(head, out.next)) this.#take(head, out);
    }
    if (!out.full) throw this.#missing(out.next);
    return out.commands;
  }

  #missing(number: number): Error {
    return corrupt(
      `${this.#where}: the issued command ${number}, born in ballot ${this.#runs.born(number)}, is missing`,
    );
  }

  /**
   * Key of a record that holds the issued command `number`. It lies in the last segment that begins below it, or, if it was
   * open when that began, before.
   */
  async #locate(number: number): Promise<Buffer> {
    for (let i = this.#segments.findLastIndex(({ after }) => after < number); i >= 0; i--) {
      const { id } = this.#segments[i]!;
      // Nothing that lies before can hold it: no search.
      if (number === 1 && i === 0) return recordKey(id, 0, 0);
      const key = await this.#locateIn(id, number);
      if (key !== null) return key;
    }
    throw this.#missing(number);
  }

  /** Records may overlap after a change of leader. */
  async #locateIn(segment: number, number: number): Promise<Buffer | null> {
    const iterator = this.#level.iterator({
      gte: recordKey(segment, Math.max(0, number - RECORD_COMMANDS + 1), 0),
      lte: keyAfter(segment, number),
      reverse: true,
    });
    try {
      for (let entry = await iterator.next(); entry !== undefined; entry = await iterator.next()) {
        const [key, value] = entry;
        if (this.#holds(decodeHead(key, value, this.#where), number)) return key;
      }
      return null;
    } finally {
      await iterator.close();
    }
  }

  #holds(head: RecordHead, number: number): boolean {
    return (
      head.count > 0 && head.first <= number && number <= head.last && head.born === this.#runs.born(number)
    );
  }

  /** Takes what it can from the segment's records from `start` on; stops at a gap in what it comes by. */
  async #walk(start: Buffer, out: Collected, bytes: number): Promise<void> {
    const { lte } = keysOf(start.readUInt32BE(0));
    for await (const entries of portions(this.#level, { gte: start, lte }, bytes)) {
      for (const [key, value] of entries) {
        const head = decodeHead(key, value, this.#where);
        if (head.first > out.next) return;
        if (!this.#holds(head, out.next)) continue;
        this.#take(head, out);
        this.#cursor = { next: out.next, key };
        if (out.full) return;
      }
    }
  }

  #take(head: RecordHead, out: Collected): void {
    const to = Math.min(head.last, out.last, this.#runs.end(out.next));
    const precedent = out.next === head.first ? head.precedent : head.born;
    if (precedent !== this.#runs.born(out.next - 1)) {
      throw corrupt(
        `${this.#where}: command ${out.next} depends on ballot ${precedent}, but number ${out.next - 1} was born in ${this.#runs.born(out.next - 1)}`,
      );
    }
    eachCommand(head, out.next, to, (command) => out.take(command));
  }
}
