import { crc32 } from '../crc32.ts';
import { STORAGE_READ_AHEAD } from '../limits.ts';
import { corrupt } from './errors.ts';
import type { Level } from './log-reader.ts';
import { keysOf, MOST_WORLD } from './record.ts';

/**
 * The store's own entries lie under world 0: its identity, and the directory, which gives each world its number. Numbers
 * rise by one from 1, and an entry is written together with the first record of its world, so an entry that was lost is
 * seen: as a hole, or as records of a world that has no name.
 *
 * key    0 (4) · 'w' · number (4), big-endian
 * value  checksum of what follows (4) · number (4) · name
 */
const KIND_WORLD = 0x77;
const KEY_BYTES = 9;
const HEAD = 8;

export const IDENTITY_KEY = Buffer.from([0, 0, 0, 0, 0x69]);

function entryKey(id: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key[4] = KIND_WORLD;
  key.writeUInt32BE(id, 5);
  return key;
}

export function encodeEntry(name: string, id: number): { readonly key: Buffer; readonly value: Buffer } {
  const text = Buffer.from(name);
  const value = Buffer.alloc(HEAD + text.length);
  value.writeUInt32LE(id, 4);
  text.copy(value, HEAD);
  value.writeUInt32LE(crc32(value.subarray(4)), 0);
  return { key: entryKey(id), value };
}

function decodeEntry(key: Buffer, value: Buffer, where: string): readonly [name: string, id: number] {
  if (value.length <= HEAD || value.readUInt32LE(0) !== crc32(value.subarray(4))) {
    throw corrupt(`${where}: the directory of worlds is damaged (key ${key.toString('hex')})`);
  }
  const id = value.readUInt32LE(4);
  if (!key.equals(entryKey(id))) {
    throw corrupt(`${where}: the directory of worlds names world ${id} under key ${key.toString('hex')}`);
  }
  return [value.toString('utf8', HEAD), id];
}

/** Names and numbers of all worlds; `least` of them are known to have been there. */
export async function readDirectory(
  level: Level,
  least: number,
  where: string,
): Promise<Map<string, number>> {
  const worlds = new Map<string, number>();
  const iterator = level.iterator({
    gte: entryKey(0),
    lte: entryKey(MOST_WORLD),
    highWaterMarkBytes: STORAGE_READ_AHEAD,
  });
  for await (const [key, value] of iterator) {
    const [name, id] = decodeEntry(key, value, where);
    if (id !== worlds.size + 1 || worlds.has(name)) {
      throw corrupt(
        `${where}: world ${worlds.size + 1} is missing in the directory of worlds, "${name}" is ${id}`,
      );
    }
    worlds.set(name, id);
  }
  const [nameless] = await level.keys({ ...keysOf(worlds.size + 1, MOST_WORLD), limit: 1 }).all();
  if (worlds.size < least || nameless !== undefined) {
    throw corrupt(
      `${where}: the directory names ${worlds.size} worlds, but ${nameless?.readUInt32BE(0) ?? least} are kept here`,
    );
  }
  return worlds;
}
