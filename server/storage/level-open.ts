import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import type { Ballot, Command, Durable, Vote } from '../consensus/types.ts';
import { crc32 } from '../crc32.ts';
import {
  RECORD_COMMANDS,
  STORAGE_BLOCK_CACHE,
  STORAGE_CHECK_MS,
  STORAGE_CHECKS,
  STORAGE_OPEN_FILES,
  STORAGE_READ_AHEAD,
  STORAGE_RUNS,
  STORAGE_TAIL_BYTES,
  STORAGE_VERIFY_BYTES,
  STORAGE_WRITE_BUFFER,
} from '../limits.ts';
import { corrupt, StorageError, storageError, WHAT_TO_DO } from './errors.ts';
import type { DataFolder } from './identity.ts';
import { checkLevel, syncFolder } from './level-check.ts';
import { type Level, LogReader, Runs } from './log-reader.ts';
import {
  ALL_RECORDS,
  ALL_RUNS,
  decodeHead,
  decodeRun,
  eachCommand,
  IDENTITY_KEY,
  keyFirst,
  mark,
  type RecordHead,
} from './record.ts';
import type { StoreIdentity } from './types.ts';
import { OpenZone } from './zone.ts';

const FORMAT = 1;

interface IdentityRecord extends StoreIdentity {
  readonly format: number;
  readonly store: string;
  readonly opens: number;
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
function judgeIdentity(held: IdentityRecord | null, folder: DataFolder, world: string, path: string): number {
  const opens = folder.opens(world);
  if (held === null) {
    if (opens === 0) return 1;
    throw new StorageError(
      'store-lost',
      `${path} is empty, but region "${folder.region}" has stored votes of world "${world}" there. ${WHAT_TO_DO}`,
    );
  }
  if (held.format !== FORMAT) {
    throw new StorageError(
      'foreign-store',
      `${path} was written in format ${held.format}, this is ${FORMAT}`,
    );
  }
  if (
    held.cluster !== folder.cluster ||
    held.region !== folder.region ||
    held.world !== world ||
    held.store !== folder.store
  ) {
    throw new StorageError(
      'foreign-store',
      `${path} was made by region "${held.region}" of cluster ${held.cluster} for world "${held.world}" (store ${held.store}); ` +
        `this is world "${world}" of region "${folder.region}" of cluster ${folder.cluster} (store ${folder.store}). ` +
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

/** Opens the database of a world and settles whose it is. The lock is held when this resolves. */
export async function openLevel(folder: DataFolder, world: string): Promise<Level> {
  const path = folder.worldPath(world);
  const exists = await check(path);
  if (!exists) judgeIdentity(null, folder, world, path);
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
    const opens = judgeIdentity(held, folder, world, path);
    const { cluster, region, store } = folder;
    const identity = { format: FORMAT, cluster, region, world, store, opens };
    await level.put(IDENTITY_KEY, encodeIdentity(identity), { sync: true });
    // The store counts first: a crash in between leaves it one ahead of the file, never behind.
    if (held === null) await syncFolder(dirname(path));
    await folder.recordOpen(world, opens);
    return level;
  } catch (error) {
    await level.close().catch(() => {});
    throw error;
  }
}

/** A record with numbers above the issued mark. */
export interface OpenRecord {
  readonly last: number;
  readonly mark: number;
}

/** Everything the store keeps in memory while it is open; plain growth is bounded by the window. */
export interface Recovered {
  readonly durable: Durable;
  readonly runs: Runs;
  readonly zone: OpenZone;
  readonly openRecords: OpenRecord[];
  /** Serial of the newest record, highest first number of any record. */
  readonly serial: number;
  readonly top: number;
  /** Bytes on disk, roughly. */
  readonly bytes: number;
}

async function loadRuns(level: Level, where: string): Promise<Runs> {
  const runs = new Runs();
  for await (const [key, value] of level.iterator({ ...ALL_RUNS, highWaterMarkBytes: STORAGE_READ_AHEAD })) {
    const run = decodeRun(key, value, where);
    if (runs.count >= STORAGE_RUNS) throw corrupt(`${where}: more than ${STORAGE_RUNS} runs`);
    if (run.born <= (runs.last?.born ?? 0)) {
      throw corrupt(`${where}: run from ${run.first} was born in ballot ${run.born}, the one before later`);
    }
    runs.push(run);
  }
  return runs;
}

interface Scan {
  readonly newest: RecordHead | null;
  readonly open: RecordHead[];
  readonly top: number;
}

/**
 * From the highest number down, until nothing newer and nothing open can follow: whatever was written after the state
 * (upTo, …) concerns numbers above upTo, and no record holds more than RECORD_COMMANDS.
 */
async function scanOpen(level: Level, where: string): Promise<Scan> {
  let newest: RecordHead | null = null;
  let top = 0;
  let open: RecordHead[] = [];
  const iterator = level.iterator({
    ...ALL_RECORDS,
    reverse: true,
    highWaterMarkBytes: STORAGE_READ_AHEAD,
  });
  for await (const [key, value] of iterator) {
    top = Math.max(top, keyFirst(key));
    const head = decodeHead(key, value, where);
    if (newest === null || head.serial > newest.serial) newest = head;
    const { upTo } = newest;
    if (head.count > 0 && head.last > upTo) open.push(head);
    if (head.first <= upTo - RECORD_COMMANDS) break;
  }
  const upTo = newest?.upTo ?? 0;
  open = open.filter((head) => head.last > upTo).reverse();
  return { newest, open, top };
}

/** All votes for numbers above upTo, one per command id, in its highest ballot (protocol 2.1). */
function openVotes(open: readonly RecordHead[], upTo: number): Vote[] {
  const votes = new Map<number, Map<Ballot, Vote>>();
  for (const head of open) {
    eachCommand(head, Math.max(head.first, upTo + 1), head.last, (command) => {
      const held = votes.get(command.number) ?? new Map<Ballot, Vote>();
      votes.set(command.number, held);
      // What was only learned has ballot 0, and is no vote.
      if ((held.get(command.born)?.ballot ?? 0) < head.ballot) {
        held.set(command.born, { ballot: head.ballot, command });
      }
      return true;
    });
  }
  return [...votes.values()].flatMap((held) => [...held.values()]);
}

async function readTail(reader: LogReader, upTo: number, tailCommands: number): Promise<Command[]> {
  const tail: Command[] = [];
  let bytes = 0;
  let dropped = 0;
  let next = Math.max(1, upTo - tailCommands + 1);
  while (next <= upTo) {
    for (const command of await reader.read(next, upTo, STORAGE_READ_AHEAD)) {
      tail.push(command);
      bytes += command.bytes.length;
      next = command.number + 1;
    }
    while (bytes > STORAGE_TAIL_BYTES) bytes -= tail[dropped++]!.bytes.length;
  }
  return tail.slice(dropped);
}

function verify(scan: Scan, runs: Runs, openRecords: readonly OpenRecord[], where: string): void {
  const { newest } = scan;
  if (newest === null) {
    if (runs.count > 0) throw corrupt(`${where}: ${runs.count} runs, but no record of the state`);
    return;
  }
  let together = 0;
  for (const record of openRecords) together ^= record.mark;
  if (newest.openRecords !== openRecords.length || newest.openMark !== together >>> 0) {
    throw corrupt(
      `${where}: ${openRecords.length} records hold votes above number ${newest.upTo}, ${newest.openRecords} were written`,
    );
  }
  const last = runs.last;
  if (newest.runs !== runs.count || newest.issuedBorn !== (last?.born ?? 0)) {
    throw corrupt(
      `${where}: ${runs.count} runs up to ballot ${last?.born ?? 0}, expected ${newest.runs} up to ballot ${newest.issuedBorn} for number ${newest.upTo}`,
    );
  }
}

/** Rebuilds what a restart needs, reading no more than the open numbers, the runs and the tail. */
export async function recover(level: Level, path: string, tailCommands: number): Promise<Recovered> {
  try {
    const runs = await loadRuns(level, path);
    const scan = await scanOpen(level, path);
    const openRecords = scan.open.map(({ first, last, serial }) => ({ last, mark: mark(first, serial) }));
    verify(scan, runs, openRecords, path);
    const upTo = scan.newest?.upTo ?? 0;
    const born = scan.newest?.issuedBorn ?? 0;
    const zone = new OpenZone(upTo, born);
    for (const head of scan.open) zone.add(head);
    return {
      durable: {
        lastTried: scan.newest?.lastTried ?? 0,
        nextBal: scan.newest?.nextBal ?? 0,
        upTo,
        born,
        votes: openVotes(scan.open, upTo),
        tail: await readTail(new LogReader(level, runs, path), upTo, tailCommands),
      },
      runs,
      zone,
      openRecords,
      serial: scan.newest?.serial ?? 0,
      top: scan.top,
      bytes: await level.approximateSize(ALL_RECORDS.gte, ALL_RECORDS.lte),
    };
  } catch (error) {
    throw storageError(error, path);
  }
}
