import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import { crc32 } from '../crc32.ts';
import {
  STORAGE_BLOCK_CACHE,
  STORAGE_CHECK_MS,
  STORAGE_CHECKS,
  STORAGE_OPEN_FILES,
  STORAGE_VERIFY_BYTES,
  STORAGE_WRITE_BUFFER,
} from '../limits.ts';
import { Directory } from './directory.ts';
import { corrupt, OTHER_VERSION, StorageError, WHAT_TO_DO } from './errors.ts';
import type { DataFolder } from './identity.ts';
import { checkLevel, syncFolder } from './level-check.ts';
import type { Level } from './log-reader.ts';
import { keysOf, MOST_SEGMENT } from './record.ts';

/** 1 was the store of one world; 2 did not say what its worlds play. */
const FORMAT = 3;
/** Behind all records, as the directory: BEHIND (4) · 'i'. */
const IDENTITY_KEY = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x69]);

interface IdentityRecord {
  readonly format: number;
  readonly cluster: string;
  readonly region: string;
  readonly store: string;
  readonly opens: number;
  /** Segments in its directory when it was opened. */
  readonly segments: number;
}

function encodeIdentity(identity: IdentityRecord): Buffer {
  const text = Buffer.from(JSON.stringify(identity));
  const value = Buffer.allocUnsafe(4 + text.length);
  value.writeUInt32LE(crc32(text), 0);
  text.copy(value, 4);
  return value;
}

function decodeIdentity(value: Buffer, path: string): IdentityRecord {
  const text = value.subarray(4);
  if (value.length < 4 || value.readUInt32LE(0) !== crc32(text)) {
    throw corrupt(`${path}: the identity record is damaged`);
  }
  return JSON.parse(text.toString()) as IdentityRecord;
}

/** Throws unless the store is the one that this region used here before, or a new one. Hands back its new count. */
function judgeIdentity(held: IdentityRecord | null, folder: DataFolder): number {
  const { storePath: path, opens } = folder;
  if (held === null) {
    if (opens === 0) return 1;
    throw new StorageError(
      'store-lost',
      `${path} is empty, but region "${folder.region}" has stored votes of its worlds there. ${WHAT_TO_DO}`,
    );
  }
  if (held.format !== FORMAT) {
    throw new StorageError(
      'foreign-store',
      `${path} was written in format ${held.format}, by ${held.format < FORMAT ? 'an earlier' : 'a later'} version; ` +
        `this one reads ${FORMAT} only. ${OTHER_VERSION}`,
    );
  }
  if (held.cluster !== folder.cluster || held.region !== folder.region || held.store !== folder.store) {
    throw new StorageError(
      'foreign-store',
      `${path} was made by region "${held.region}" of cluster ${held.cluster} (store ${held.store}); ` +
        `this is region "${folder.region}" of cluster ${folder.cluster} (store ${folder.store}). ` +
        'A copied store would vote twice under one name: put back the folder that belongs here.',
    );
  }
  if (held.opens < opens) {
    throw new StorageError(
      'older-store',
      `${path} is an older copy: it was opened ${held.opens} times, this region opened its store ${opens} times. ${WHAT_TO_DO}`,
    );
  }
  return held.opens + 1;
}

async function check(path: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await checkLevel(path, STORAGE_VERIFY_BYTES);
    } catch (error) {
      if (attempt === STORAGE_CHECKS) throw error;
      await setTimeout(STORAGE_CHECK_MS);
    }
  }
}

export interface Opened {
  readonly level: Level;
  readonly directory: Directory;
  /** Written in this epoch, roughly. */
  readonly bytes: number;
}

/** Opens the store of a data folder and settles whose it is. The lock is held when this resolves. */
export async function openLevel(folder: DataFolder): Promise<Opened> {
  const { storePath: path } = folder;
  const exists = await check(path);
  if (!exists) judgeIdentity(null, folder);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const level: Level = new ClassicLevel<Buffer, Buffer>(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
    createIfMissing: !exists,
    writeBufferSize: STORAGE_WRITE_BUFFER,
    maxFileSize: STORAGE_WRITE_BUFFER,
    maxOpenFiles: STORAGE_OPEN_FILES,
    cacheSize: STORAGE_BLOCK_CACHE,
  });
  try {
    await level.open();
    const value = await level.get(IDENTITY_KEY);
    if (value === undefined && (await level.keys({ limit: 1 }).all()).length > 0) {
      throw new StorageError('foreign-store', `${path} does not say whose store it is. ${WHAT_TO_DO}`);
    }
    const held = value === undefined ? null : decodeIdentity(value, path);
    const opens = judgeIdentity(held, folder);
    const directory = await Directory.read(level, held?.segments ?? 0, path);
    const { cluster, region, store } = folder;
    const identity = { format: FORMAT, cluster, region, store, opens, segments: directory.count };
    await level.put(IDENTITY_KEY, encodeIdentity(identity), { sync: true });
    // The store counts first: a crash in between leaves it one ahead of the file, never behind.
    if (held === null) await syncFolder(dirname(path));
    await folder.recordOpen(opens);
    const { gte, lte } = keysOf(directory.first, MOST_SEGMENT);
    return { level, directory, bytes: await level.approximateSize(gte, lte) };
  } catch (error) {
    await level.close().catch(() => {});
    throw error;
  }
}
