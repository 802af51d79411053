import { crc32 } from '../crc32.ts';
import { corrupt } from './errors.ts';
import { type Level, portions } from './log-reader.ts';
import { BEHIND, keysOf, MOST_SEGMENT } from './record.ts';

/**
 * What a world writes in one epoch of the store. An epoch ends after so many bytes of several worlds; then each of them goes
 * on under a new, higher number. So what is written now always sorts behind what was written long ago, whatever world it
 * belongs to, and LevelDB does not rewrite the old tables for it: with one number a world for ever, sixteen busy worlds
 * wrote each byte six times at 1.8 GB, and more the longer the logs grew.
 */
export interface Segment {
  readonly id: number;
  /** Issued numbers up to here lie in earlier segments; every number in this one is higher. */
  readonly after: number;
}

/** A world that the directory names. Its segments ascend, and grow with it. */
export interface NamedWorld {
  readonly name: string;
  /** What it plays: its records mean nothing under another definition. */
  readonly definition: string;
  readonly segments: Segment[];
}

/**
 * The directory names the world of each segment. Segments are numbered by one from 1, and an entry is written together with
 * the first record of its segment, so an entry that was lost is seen: as a hole, or as records without a name.
 *
 * key    BEHIND (4) · 'w' · segment (4), big-endian
 * value  checksum of what follows (4) · segment (4) · after (8) · epoch (4), little-endian · name of the world,
 *        '=' and its definition, as the command line has it
 */
const KIND_SEGMENT = 0x77;
const KEY_BYTES = 9;
const HEAD = 20;
const TWO_32 = 0x1_0000_0000;

interface Entry extends Segment {
  readonly name: string;
  readonly definition: string;
  readonly epoch: number;
}

function entryKey(id: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeUInt32BE(BEHIND, 0);
  key[4] = KIND_SEGMENT;
  key.writeUInt32BE(id, 5);
  return key;
}

function encodeEntry(entry: Entry): { readonly key: Buffer; readonly value: Buffer } {
  const text = Buffer.from(`${entry.name}=${entry.definition}`);
  const value = Buffer.alloc(HEAD + text.length);
  value.writeUInt32LE(entry.id, 4);
  value.writeUInt32LE(entry.after % TWO_32, 8);
  value.writeUInt32LE(Math.floor(entry.after / TWO_32), 12);
  value.writeUInt32LE(entry.epoch, 16);
  text.copy(value, HEAD);
  value.writeUInt32LE(crc32(value.subarray(4)), 0);
  return { key: entryKey(entry.id), value };
}

function decodeEntry(key: Buffer, value: Buffer, where: string): Entry {
  if (value.length <= HEAD || value.readUInt32LE(0) !== crc32(value.subarray(4))) {
    throw corrupt(`${where}: the directory of worlds is damaged (key ${key.toString('hex')})`);
  }
  const id = value.readUInt32LE(4);
  if (!key.equals(entryKey(id))) {
    throw corrupt(`${where}: the directory of worlds has segment ${id} under key ${key.toString('hex')}`);
  }
  const after = value.readUInt32LE(8) + value.readUInt32LE(12) * TWO_32;
  const text = value.toString('utf8', HEAD);
  // Names have no such sign, definitions may.
  const end = text.indexOf('=');
  return {
    id,
    after,
    epoch: value.readUInt32LE(16),
    name: text.slice(0, end),
    definition: text.slice(end + 1),
  };
}

export class Directory {
  readonly #worlds = new Map<string, NamedWorld>();
  /** Segments in all; they are numbered from 1. */
  #count = 0;
  #epoch = 1;
  /** The first segment of this epoch. */
  #first = 1;

  get count(): number {
    return this.#count;
  }
  get first(): number {
    return this.#first;
  }

  /** Undefined if nothing of it was ever written. */
  world(name: string): NamedWorld | undefined {
    return this.#worlds.get(name);
  }

  /** Begins an epoch: from now on every world that writes gets a new segment. */
  turn(): void {
    this.#epoch++;
    this.#first = this.#count + 1;
  }

  /** The next segment of a world, which may be new here; what is handed back must reach the disk with its first record. */
  allot(world: NamedWorld, after: number): { readonly key: Buffer; readonly value: Buffer } {
    const { name, definition } = world;
    const entry = { id: this.#count + 1, after, epoch: this.#epoch, name, definition };
    this.#enter(entry, world);
    return encodeEntry(entry);
  }

  #enter({ id, after, epoch }: Entry, world: NamedWorld): void {
    this.#worlds.set(world.name, world);
    world.segments.push({ id, after });
    if (epoch > this.#epoch) this.#first = id;
    this.#epoch = epoch;
    this.#count = id;
  }

  #admit(entry: Entry, where: string): void {
    const { name, definition, id } = entry;
    if (id !== this.#count + 1) {
      throw corrupt(`${where}: segment ${this.#count + 1} is missing in the directory of worlds`);
    }
    const world = this.#worlds.get(name) ?? { name, definition, segments: [] };
    if (world.definition !== definition) {
      throw corrupt(
        `${where}: world "${name}" is a "${world.definition}", and a "${definition}" in segment ${id}`,
      );
    }
    this.#enter(entry, world);
  }

  /** The directory as it was written; `least` segments are known to have been there. */
  static async read(level: Level, least: number, where: string): Promise<Directory> {
    const directory = new Directory();
    const all = { gte: entryKey(0), lte: entryKey(MOST_SEGMENT) };
    for await (const entries of portions(level, all)) {
      for (const [key, value] of entries) directory.#admit(decodeEntry(key, value, where), where);
    }
    const { count } = directory;
    const [nameless] = await level.keys({ ...keysOf(count + 1, MOST_SEGMENT), limit: 1 }).all();
    if (count < least || nameless !== undefined) {
      const kept = nameless?.readUInt32BE(0) ?? least;
      throw corrupt(`${where}: the directory of worlds ends with segment ${count}, but ${kept} were written`);
    }
    return directory;
  }
}
