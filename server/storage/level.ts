import type { Command, Durable, Write } from '../consensus/types.ts';
import { RECORD_BYTES, RECORD_COMMANDS, STORAGE_RUNS } from '../limits.ts';
import type { NamedWorld } from './directory.ts';
import { programFault, StorageError, storageError } from './errors.ts';
import type { Lane } from './flusher.ts';
import { type Level, LogReader, Runs } from './log-reader.ts';
import { encodeRecord, encodeRun, keyAfter, mark, recordKey, type State } from './record.ts';
import { type OpenRecord, recover } from './recover.ts';
import type { Storage } from './types.ts';
import { cutRanges, type GrowingRange, OpenZone } from './zone.ts';

export interface Put {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What a world uses of the store that it lies in. */
export interface SharedStore {
  readonly level: Level;
  readonly path: string;
  lane(world: LevelWorld): Lane<LevelWorld>;
  /**
   * Throws `store-in-use` if the world is open already, `other-definition` if it was begun under another one. It has no segments
   * if nothing of it was ever written.
   */
  claim(name: string, definition: string): NamedWorld;
  /** `world`: null if it was not claimed. */
  release(lane: Lane<LevelWorld>, world: NamedWorld | null): void;
  /**
   * The segment in which the world writes now. A new one enters the directory, and its entry `puts`; numbers up to `after` are
   * issued and durable.
   */
  enterSegment(world: NamedWorld, after: number, puts: Put[]): number;
  /** Runs now or when few others do. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** So many bytes to write to, until the flush that is put together has ended. */
  readonly room: (bytes: number) => Buffer;
}

/** A record in the making; neighbours of one group are joined into it. */
interface Pending {
  readonly ballot: number;
  readonly range: GrowingRange;
}

/** What is certainly on the disk: reads and `extent` go by it, never by what is under way. */
interface Held {
  readonly upTo: number;
  readonly bytes: number;
}

/** One world in the store of its region. */
export class LevelWorld implements Storage {
  readonly #store: SharedStore;
  readonly #name: string;
  readonly #definition: string;
  readonly #tailCommands: number;
  readonly #where: string;
  readonly #lane: Lane<LevelWorld>;
  #state: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #claimed: NamedWorld | null = null;
  #reader: LogReader | null = null;
  #runs = new Runs();
  #zone = new OpenZone(0, 0);
  #ballots = { lastTried: 0, nextBal: 0 };
  #serial = 0;
  #top = 0;
  #openRecords: OpenRecord[] = [];
  #held: Held = { upTo: 0, bytes: 0 };
  /** The group that is put together, or on its way. */
  #pending: Pending[] = [];
  #newRuns: { readonly first: number; readonly born: number }[] = [];
  #next: Held = { upTo: 0, bytes: 0 };

  constructor(store: SharedStore, name: string, definition: string, tailCommands: number) {
    this.#store = store;
    this.#name = name;
    this.#definition = definition;
    this.#tailCommands = tailCommands;
    this.#where = `${store.path}: world "${name}"`;
    this.#lane = store.lane(this);
  }

  async open(): Promise<Durable> {
    if (this.#lane.failure !== null) throw this.#lane.failure;
    if (this.#state !== 'new') {
      throw new StorageError('closed', `${this.#where}: a storage object is opened once`);
    }
    this.#state = 'opening';
    try {
      this.#claimed = this.#store.claim(this.#name, this.#definition);
      const { segments } = this.#claimed;
      const { level } = this.#store;
      const found = await this.#store.inTurn(() => recover(level, segments, this.#where, this.#tailCommands));
      const { durable, runs, zone, serial, top, openRecords, bytes } = found;
      this.#runs = runs;
      this.#reader = new LogReader(level, segments, runs, this.#where);
      this.#zone = zone;
      this.#ballots = { lastTried: durable.lastTried, nextBal: durable.nextBal };
      this.#serial = serial;
      this.#top = top;
      this.#openRecords = openRecords;
      this.#held = { upTo: durable.upTo, bytes };
      if (this.#state === 'opening') this.#state = 'open';
      return durable;
    } catch (error) {
      throw this.#lane.fail(storageError(error, this.#where));
    }
  }

  append(writes: readonly Write[]): Promise<void> {
    if ((this.#state === 'new' || this.#state === 'opening') && this.#lane.failure === null) {
      return Promise.reject(new StorageError('closed', `${this.#where}: not open`));
    }
    return this.#lane.append(writes);
  }

  async read(from: number, to: number, bytes: number): Promise<Command[]> {
    const failure = this.#lane.failure;
    if (failure !== null) throw failure;
    if (this.#state !== 'open') throw new StorageError('closed', `${this.#where}: not open`);
    if (!Number.isSafeInteger(from) || from < 1 || !(bytes >= 0)) {
      const words = `asked for numbers ${from} to ${to} in ${bytes} bytes`;
      throw new StorageError('bad-read', `${this.#where}: ${words}`);
    }
    const last = Math.min(to, this.#held.upTo);
    if (last < from || this.#reader === null) return [];
    try {
      return await this.#reader.read(from, last, bytes);
    } catch (error) {
      throw storageError(error, this.#where);
    }
  }

  extent(): { readonly first: number; readonly last: number; readonly bytes: number } {
    return { first: 1, last: this.#held.upTo, bytes: this.#held.bytes };
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#lane.close();
    this.#store.release(this.#lane, this.#claimed);
  }

  /**
   * Takes writes into the group that is put together: into what is known in memory, and `encode` makes records of the rest.
   * Throws `broken-rule`: nothing of the group reaches the disk then, and this world must fail.
   */
  plan(writes: readonly Write[]): void {
    this.#pending = [];
    this.#newRuns = [];
    for (const write of writes) this.#enter(write);
  }

  #enter({ ballots, votes, learned, issued }: Write): void {
    if (ballots !== undefined) this.#promise(ballots);
    if (votes !== undefined) this.#add(votes.ballot, votes.commands);
    if (learned !== undefined) this.#add(0, learned);
    if (issued === undefined) return;
    for (const { first, born } of this.#zone.issue(issued.upTo, issued.born)) {
      if (this.#runs.last?.born === born) continue;
      if (this.#runs.count >= STORAGE_RUNS) {
        throw new StorageError('broken-rule', `${this.#where}: more than ${STORAGE_RUNS} changes of leader`);
      }
      const run = { first, born };
      this.#runs.push(run);
      this.#newRuns.push(run);
    }
  }

  #promise(ballots: { readonly lastTried: number; readonly nextBal: number }): void {
    const { lastTried, nextBal } = this.#ballots;
    if (ballots.lastTried < lastTried || ballots.nextBal < nextBal) {
      const words = `ballots (${ballots.lastTried}, ${ballots.nextBal}) after (${lastTried}, ${nextBal})`;
      throw new StorageError('broken-rule', `${this.#where}: ${words}`);
    }
    this.#ballots = ballots;
  }

  #add(ballot: number, commands: readonly Command[]): void {
    for (const range of cutRanges(commands, this.#zone.upTo)) {
      this.#zone.add(range);
      join(this.#pending, ballot, range);
    }
  }

  /** Turns what was planned into records that carry the state after the whole group. */
  encode(puts: Put[]): void {
    const from = puts.length;
    // Only what was opened is appended to.
    const named = this.#claimed as NamedWorld;
    const id = this.#store.enterSegment(named, this.#held.upTo, puts);
    const world = named.segments[0]!.id;
    for (const run of this.#newRuns) puts.push({ type: 'put', ...encodeRun(world, run) });
    const pending = this.#pending;
    const upTo = this.#zone.upTo;
    const serials = this.#count(upTo);
    const state = this.#stateOf();
    const { room } = this.#store;
    for (let i = 0; i < pending.length; i++) {
      const { ballot, range } = pending[i]!;
      const serial = serials + i;
      const value = encodeRecord(id, serial, ballot, range, this.#top, state, room);
      puts.push({ type: 'put', key: recordKey(id, range.first, serial), value });
    }
    if (pending.length === 0) {
      const value = encodeRecord(id, ++this.#serial, 0, null, this.#top, state, room);
      puts.push({ type: 'put', key: keyAfter(id, this.#top), value });
    }
    let { bytes } = this.#held;
    for (let i = from; i < puts.length; i++) bytes += puts[i]!.key.length + puts[i]!.value.length;
    this.#next = { upTo, bytes };
  }

  /** Gives the records their serials, of which the first is handed back, and enters those that are open. */
  #count(upTo: number): number {
    const serials = this.#serial + 1;
    this.#serial += this.#pending.length;
    this.#openRecords = this.#openRecords.filter((record) => record.last > upTo);
    for (let i = 0; i < this.#pending.length; i++) {
      const { first, last } = this.#pending[i]!.range;
      if (last > upTo) this.#openRecords.push({ last, mark: mark(first, serials + i) });
      this.#top = Math.max(this.#top, first);
    }
    return serials;
  }

  #stateOf(): State {
    let openMark = 0;
    for (const record of this.#openRecords) openMark ^= record.mark;
    return {
      lastTried: this.#ballots.lastTried,
      nextBal: this.#ballots.nextBal,
      upTo: this.#zone.upTo,
      issuedBorn: this.#zone.born,
      openRecords: this.#openRecords.length,
      openMark: openMark >>> 0,
      runs: this.#runs.count,
    };
  }

  /** Neither a rule nor the disk: `plan` or `encode` themselves went wrong with these writes. */
  fault(writes: readonly Write[], error: unknown): StorageError {
    const { lastTried, nextBal } = this.#ballots;
    const what =
      `${this.#where}: writes ${writes[0]?.write} to ${writes.at(-1)?.write} made no records (issued up to ${this.#zone.upTo}, ` +
      `on disk up to ${this.#held.upTo}, serial ${this.#serial}, ballots ${lastTried} and ${nextBal})`;
    return programFault(error, what);
  }

  /** The group is on the disk. */
  landed(): void {
    this.#held = this.#next;
  }
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
