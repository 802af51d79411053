import type { Command, Durable, Write } from '../consensus/types.ts';
import { RECORD_BYTES, RECORD_COMMANDS, STORAGE_RUNS } from '../limits.ts';
import { StorageError, storageError } from './errors.ts';
import { Flusher } from './flusher.ts';
import type { DataFolder } from './identity.ts';
import { openLevel, type Recovered, recover } from './level-open.ts';
import { type Level, LogReader } from './log-reader.ts';
import { encodeRecord, encodeRun, keyAfter, mark, recordKey, type State } from './record.ts';
import type { Storage } from './types.ts';
import { cutRanges, type GrowingRange } from './zone.ts';

export interface LevelOptions {
  readonly folder: DataFolder;
  readonly world: string;
  /** Issued commands that `open` hands back at most; the consensus configuration's `tailCommands`. */
  readonly tailCommands: number;
}

interface Put {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

/** A record in the making; neighbours of one group are joined into it. */
interface Pending {
  readonly ballot: number;
  readonly range: GrowingRange;
}

/** A record of the usual size is put together in memory that is kept, up to here. */
const ROOM_BYTES = 2 * RECORD_BYTES;

/** With the encodings said, abstract-level need not make options of its own for each put. */
const DURABLE = { sync: true, keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

/** What is certainly on the disk: reads and `extent` go by it, never by what is under way. */
interface Held {
  readonly upTo: number;
  readonly bytes: number;
}

class LevelStorage implements Storage {
  readonly #options: LevelOptions;
  readonly #path: string;
  readonly #flusher: Flusher;
  #level: Level | null = null;
  #reader: LogReader | null = null;
  #memory: Recovered | null = null;
  #ballots = { lastTried: 0, nextBal: 0 };
  #serial = 0;
  #top = 0;
  #openRecords: { readonly last: number; readonly mark: number }[] = [];
  #held: Held = { upTo: 0, bytes: 0 };
  #closed = false;
  #room: Buffer = Buffer.allocUnsafeSlow(4_096);

  constructor(options: LevelOptions) {
    this.#options = options;
    this.#path = options.folder.worldPath(options.world);
    this.#flusher = new Flusher(
      (writes) => this.#flush(writes),
      (error) => storageError(error, this.#path),
    );
  }

  async open(): Promise<Durable> {
    if (this.#closed || this.#level !== null) {
      throw new StorageError('closed', `${this.#path}: a storage object is opened once`);
    }
    try {
      this.#level = await openLevel(this.#options.folder, this.#options.world);
      const memory = await recover(this.#level, this.#path, this.#options.tailCommands);
      const { durable, serial, top, openRecords, bytes } = memory;
      this.#reader = new LogReader(this.#level, memory.runs, this.#path);
      this.#ballots = { lastTried: durable.lastTried, nextBal: durable.nextBal };
      this.#serial = serial;
      this.#top = top;
      this.#openRecords = openRecords;
      this.#held = { upTo: durable.upTo, bytes };
      this.#memory = memory;
      return durable;
    } catch (error) {
      const explained = storageError(error, this.#path);
      this.#flusher.fail(explained);
      await this.#level?.close().catch(() => {});
      throw explained;
    }
  }

  append(writes: readonly Write[]): Promise<void> {
    if (this.#memory === null && this.#flusher.failure === null) {
      return Promise.reject(new StorageError('closed', `${this.#path}: not open`));
    }
    return this.#flusher.append(writes);
  }

  async read(from: number, to: number, bytes: number): Promise<Command[]> {
    const failure = this.#flusher.failure;
    if (failure !== null) throw failure;
    if (this.#reader === null || this.#closed) {
      throw new StorageError('closed', `${this.#path}: not open`);
    }
    if (!Number.isSafeInteger(from) || from < 1 || !(bytes >= 0)) {
      throw new StorageError(
        'bad-read',
        `${this.#path}: asked for numbers ${from} to ${to} in ${bytes} bytes`,
      );
    }
    const last = Math.min(to, this.#held.upTo);
    if (last < from) return [];
    try {
      return await this.#reader.read(from, last, bytes);
    } catch (error) {
      throw storageError(error, this.#path);
    }
  }

  extent(): { readonly first: number; readonly last: number; readonly bytes: number } {
    return { first: 1, last: this.#held.upTo, bytes: this.#held.bytes };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flusher.close();
    try {
      await this.#level?.close();
    } catch (error) {
      throw storageError(error, this.#path);
    }
  }

  async #flush(writes: readonly Write[]): Promise<void> {
    if (this.#level === null || this.#memory === null) {
      throw new StorageError('closed', `${this.#path}: not open`);
    }
    const { zone } = this.#memory;
    const pending: Pending[] = [];
    const puts: Put[] = [];
    for (const write of writes) this.#plan(write, this.#memory, pending, puts);
    this.#encode(pending, this.#memory, puts);
    let bytes = this.#held.bytes;
    for (const put of puts) bytes += put.key.length + put.value.length;
    const { upTo } = zone;
    const [first] = puts;
    // Nearly always: one record. A put is a batch of one, without the work of taking an array apart.
    if (puts.length === 1 && first !== undefined) await this.#level.put(first.key, first.value, DURABLE);
    else await this.#level.batch(puts, { sync: true });
    this.#held = { upTo, bytes };
  }

  /** Enters one write into what is known in memory; what must reach the disk goes to `pending` and `puts`. */
  #plan(write: Write, memory: Recovered, pending: Pending[], puts: Put[]): void {
    const { zone } = memory;
    const { ballots, votes, learned, issued } = write;
    if (ballots !== undefined) {
      const { lastTried, nextBal } = this.#ballots;
      if (ballots.lastTried < lastTried || ballots.nextBal < nextBal) {
        throw new StorageError(
          'broken-rule',
          `${this.#path}: ballots (${ballots.lastTried}, ${ballots.nextBal}) after (${lastTried}, ${nextBal})`,
        );
      }
      this.#ballots = ballots;
    }
    const add = (ballot: number, commands: readonly Command[]): void => {
      for (const range of cutRanges(commands, zone.upTo)) {
        zone.add(range);
        join(pending, ballot, range);
      }
    };
    if (votes !== undefined) add(votes.ballot, votes.commands);
    if (learned !== undefined) add(0, learned);
    if (issued === undefined) return;
    for (const range of zone.issue(issued.upTo, issued.born)) {
      if (memory.runs.last?.born === range.born) continue;
      if (memory.runs.count >= STORAGE_RUNS) {
        throw new StorageError('broken-rule', `${this.#path}: more than ${STORAGE_RUNS} changes of leader`);
      }
      const run = { first: range.first, born: range.born };
      memory.runs.push(run);
      puts.push({ type: 'put', ...encodeRun(run) });
    }
  }

  /** Turns a group's ranges into records that carry the state after the whole group. */
  #encode(pending: readonly Pending[], memory: Recovered, puts: Put[]): void {
    const { zone, runs } = memory;
    const serials = pending.map(() => ++this.#serial);
    this.#openRecords = this.#openRecords.filter((record) => record.last > zone.upTo);
    pending.forEach(({ range: { first, last } }, i) => {
      if (last > zone.upTo) this.#openRecords.push({ last, mark: mark(first, serials[i]!) });
      this.#top = Math.max(this.#top, first);
    });
    let openMark = 0;
    for (const record of this.#openRecords) openMark ^= record.mark;
    const state: State = {
      ...this.#ballots,
      upTo: zone.upTo,
      issuedBorn: zone.born,
      openRecords: this.#openRecords.length,
      openMark: openMark >>> 0,
      runs: runs.count,
    };
    const room = pending.length === 1 ? this.#reuse : undefined;
    pending.forEach(({ ballot, range }, i) => {
      const serial = serials[i]!;
      const value = encodeRecord(serial, ballot, range, this.#top, state, room);
      puts.push({ type: 'put', key: recordKey(range.first, serial), value });
    });
    if (pending.length > 0) return;
    const value = encodeRecord(++this.#serial, 0, null, this.#top, state, this.#reuse);
    puts.push({ type: 'put', key: keyAfter(this.#top), value });
  }

  /** One flush is under way at a time, so one buffer serves them all: new memory costs more than writing to it. */
  readonly #reuse = (bytes: number): Buffer => {
    if (bytes > ROOM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (this.#room.length < bytes) this.#room = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
    return this.#room.subarray(0, bytes);
  };
}

/** Appends a range to the group's last record if it goes on where that one ends, else begins a new one. */
function join(pending: Pending[], ballot: number, range: GrowingRange): void {
  const last = pending.at(-1);
  if (
    last !== undefined &&
    last.ballot === ballot &&
    last.range.born === range.born &&
    range.precedent === range.born &&
    last.range.last + 1 === range.first &&
    last.range.commands.length + range.commands.length <= RECORD_COMMANDS &&
    last.range.bytes + range.bytes <= RECORD_BYTES
  ) {
    for (const command of range.commands) last.range.commands.push(command);
    last.range.last = range.last;
    last.range.bytes += range.bytes;
    return;
  }
  pending.push({ ballot, range });
}

/**
 * Stable storage in a LevelDB of its own, `worlds/<world>` of the region's data folder. Durable means: written to the
 * write-ahead log and flushed by fdatasync before `append` resolves.
 */
export function createLevelStorage(options: LevelOptions): Storage {
  return new LevelStorage(options);
}
