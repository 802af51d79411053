import { RECORD_BYTES, STORAGE_EPOCH_BYTES, STORAGE_RECOVERING, STORAGE_SEGMENT_BYTES } from '../limits.ts';
import type { Directory, NamedWorld } from './directory.ts';
import { otherDefinition, StorageError, storageError } from './errors.ts';
import { Flusher, type Lane, type Portion } from './flusher.ts';
import type { DataFolder } from './identity.ts';
import { LevelWorld, type Put, type SharedStore } from './level.ts';
import { type Opened, openLevel } from './level-open.ts';
import type { Level } from './log-reader.ts';
import { MOST_SEGMENT } from './record.ts';
import type { Storage } from './types.ts';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** With the encodings said, abstract-level need not make options of its own for each put. */
const DURABLE = { sync: true, keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

/** Records of the usual size are put together in memory that is kept, up to here. */
const ROOM_BYTES = 2 * RECORD_BYTES;
const FIRST_ROOM = 4_096;

/** The stable storage of a region server: one LevelDB for all its worlds. */
export interface LevelStore {
  /**
   * The storage of one world. `tailCommands`: issued commands that its `open` hands back at most; the consensus
   * configuration's. `definition`: what it plays, by default what it is called; its `open` throws `other-definition` if it was
   * begun under another one. Throws StorageError `bad-name`.
   */
  world(name: string, tailCommands: number, definition?: string): Storage;
  /** Flushes what the worlds appended, and releases the disk; later calls of every world reject. */
  close(): Promise<void>;
}

class Store implements LevelStore, SharedStore {
  readonly level: Level;
  readonly path: string;
  readonly #directory: Directory;
  readonly #claimed = new Set<string>();
  readonly #flusher: Flusher<LevelWorld>;
  readonly #line: (() => void)[] = [];
  #recovering = 0;
  #closing: Promise<void> | null = null;
  #room: Buffer = Buffer.allocUnsafeSlow(FIRST_ROOM);
  #used = 0;
  /** Written in this epoch. */
  #epochBytes: number;

  constructor({ level, directory, bytes }: Opened, path: string) {
    this.level = level;
    this.path = path;
    this.#directory = directory;
    this.#epochBytes = bytes;
    this.#flusher = new Flusher(
      (portions) => this.#flush(portions),
      (error) => storageError(error, path),
    );
  }

  world(name: string, tailCommands: number, definition = name): Storage {
    if (!NAME.test(name)) {
      throw new StorageError(
        'bad-name',
        `"${name.slice(0, 80)}" cannot be the name of a world. Give it another: up to 63 of a-z, 0-9, _ and -, the first a letter or a digit`,
      );
    }
    return new LevelWorld(this, name, definition, tailCommands);
  }

  lane(world: LevelWorld): Lane<LevelWorld> {
    return this.#flusher.lane(world);
  }

  claim(name: string, definition: string): NamedWorld {
    if (this.#claimed.has(name)) {
      throw new StorageError('store-in-use', `${this.path}: world "${name}" is open already`);
    }
    const world = this.#directory.world(name) ?? { name, definition, segments: [] };
    if (world.definition !== definition) throw otherDefinition(this.path, name, world.definition, definition);
    this.#claimed.add(name);
    return world;
  }

  release(lane: Lane<LevelWorld>, world: NamedWorld | null): void {
    this.#flusher.remove(lane);
    if (world !== null) this.#claimed.delete(world.name);
  }

  enterSegment(world: NamedWorld, after: number, puts: Put[]): number {
    const now = world.segments.at(-1)?.id ?? 0;
    if (now >= this.#directory.first) return now;
    if (this.#directory.count >= MOST_SEGMENT) {
      throw new StorageError('io', `${this.path}: more than ${MOST_SEGMENT} segments`);
    }
    puts.push({ type: 'put', ...this.#directory.allot(world, after) });
    return this.#directory.count;
  }

  /** One world alone writes in order anyway. */
  #endEpoch(): void {
    const worlds = this.#directory.count + 1 - this.#directory.first;
    const most = Math.max(STORAGE_EPOCH_BYTES, worlds * STORAGE_SEGMENT_BYTES);
    if (worlds <= 1 || this.#epochBytes < most) return;
    this.#directory.turn();
    this.#epochBytes = 0;
  }

  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    // A place that becomes free goes to the next in line, so nobody who comes later can take it.
    if (this.#recovering < STORAGE_RECOVERING) this.#recovering++;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#recovering--;
      else next();
    }
  }

  /** One flush is under way at a time, so one buffer serves them all: new memory costs more than writing to it. */
  readonly room = (bytes: number): Buffer => {
    if (bytes > ROOM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (this.#room.length - this.#used < bytes) {
      const needed = Math.min(ROOM_BYTES, 2 ** Math.ceil(Math.log2(this.#used + bytes)));
      // What this group has written so far stays where it is.
      this.#room = Buffer.allocUnsafeSlow(Math.max(needed, bytes));
      this.#used = 0;
    }
    this.#used += bytes;
    return this.#room.subarray(this.#used - bytes, this.#used);
  };

  /** False if this world alone failed: it broke a rule, of which nothing is in `puts` yet. All else ends the store. */
  #compose({ lane, writes }: Portion<LevelWorld>, puts: Put[]): boolean {
    const world = lane.owner;
    try {
      world.plan(writes);
      world.encode(puts);
      return true;
    } catch (error) {
      if (!(error instanceof StorageError)) throw world.fault(writes, error);
      if (error.code !== 'broken-rule') throw error;
      lane.fail(error);
      return false;
    }
  }

  async #flush(portions: readonly Portion<LevelWorld>[]): Promise<void> {
    const puts: Put[] = [];
    this.#used = 0;
    const written: LevelWorld[] = [];
    for (const portion of portions) {
      if (this.#compose(portion, puts)) written.push(portion.lane.owner);
    }
    const [first] = puts;
    if (first === undefined) return;
    // Nearly always: one record. A put is a batch of one, without the work of taking an array apart.
    if (puts.length === 1) await this.level.put(first.key, first.value, DURABLE);
    else await this.level.batch(puts, DURABLE);
    for (const world of written) world.landed();
    for (const { key, value } of puts) this.#epochBytes += key.length + value.length;
    this.#endEpoch();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#flusher.close();
    this.#flusher.fail(new StorageError('closed', `${this.path}: the store is closed`));
    try {
      await this.level.close();
    } catch (error) {
      throw storageError(error, this.path);
    }
  }
}

/**
 * Opens the store in a region's data folder. Durable means: written to the write-ahead log and flushed by fdatasync before
 * `append` resolves. What several worlds append while a flush is under way reaches the disk together, with the next one.
 * Throws StorageError `store-lost`, `older-store`, `foreign-store`, `store-in-use`, `corrupt` … with what to do: damage in
 * one world's part of the store concerns the whole region.
 */
export async function openLevelStore(folder: DataFolder): Promise<LevelStore> {
  try {
    return new Store(await openLevel(folder), folder.storePath);
  } catch (error) {
    throw storageError(error, folder.storePath);
  }
}
