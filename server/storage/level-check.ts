import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as soon } from 'node:timers/promises';
import { crc32c } from './checksum.ts';
import { corrupt, StorageError, storageError } from './errors.ts';
import { readLog, unmask } from './level-log.ts';

/** Footer of a table file: two block handles, padding, this number. */
const FOOTER = 48;
const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
/** After each block: type (1), masked CRC-32C (4). */
const TRAILER = 5;

/** Reads LevelDB's variable-length integers and length-prefixed strings; throws RangeError past the end. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }
  integer(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 49) throw new RangeError('integer too long');
    }
  }
  skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('string too long');
  }
}

interface Manifest {
  /** Number of a table file → its size. */
  readonly tables: Map<number, number>;
  /** Older write-ahead logs are leftovers. */
  log: number;
  previousLog: number;
}

/**
 * One version edit: tagged fields, see LevelDB's version_edit.cc. A table that moves to another level is deleted and
 * added in one edit, in this order.
 */
function edit(manifest: Manifest, record: Buffer): void {
  const reader = new Reader(record);
  while (!reader.done) {
    const tag = reader.integer();
    if (tag === 1) reader.skip(reader.integer());
    else if (tag === 2) manifest.log = reader.integer();
    else if (tag === 3 || tag === 4) reader.integer();
    else if (tag === 5) {
      reader.integer();
      reader.skip(reader.integer());
    } else if (tag === 6) {
      reader.integer();
      manifest.tables.delete(reader.integer());
    } else if (tag === 7) {
      reader.integer();
      const number = reader.integer();
      manifest.tables.set(number, reader.integer());
      reader.skip(reader.integer());
      reader.skip(reader.integer());
    } else if (tag === 9) manifest.previousLog = reader.integer();
    else throw new RangeError(`unknown tag ${tag}`);
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  const current = await readFile(join(folder, 'CURRENT'), 'latin1');
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1];
  if (name === undefined) throw corrupt(`${folder}/CURRENT is damaged`);
  const path = join(folder, name);
  const manifest: Manifest = { tables: new Map(), log: 0, previousLog: 0 };
  const bytes = await readFile(path).catch((error: unknown) => {
    throw corrupt(`${path} is missing`, error);
  });
  readLog(bytes, path, (record) => {
    try {
      edit(manifest, record);
    } catch (error) {
      throw corrupt(`${path} is damaged`, error);
    }
  });
  return manifest;
}

/** The bytes of a block whose checksum fits. */
function verifyBlock(bytes: Buffer, offset: number, size: number, name: string): Buffer {
  const end = offset + size;
  if (end + TRAILER > bytes.length) throw corrupt(`${name}: a block ends past the end of the file`);
  if (crc32c(bytes, offset, end + 1) !== unmask(bytes.readUInt32LE(end + 1))) {
    throw corrupt(`${name}: checksum of the block at byte ${offset} does not match`);
  }
  return bytes.subarray(offset, end);
}

/** Every block of a table, through its index. */
function verifyTable(bytes: Buffer, name: string): void {
  const footer = bytes.length - FOOTER;
  if (
    footer < 0 ||
    bytes.readUInt32LE(footer + 40) !== MAGIC_LOW ||
    bytes.readUInt32LE(footer + 44) !== MAGIC_HIGH
  ) {
    throw corrupt(`${name}: the footer is damaged`);
  }
  try {
    const handles = new Reader(bytes.subarray(footer, footer + 40));
    verifyBlock(bytes, handles.integer(), handles.integer(), name);
    const index = verifyBlock(bytes, handles.integer(), handles.integer(), name);
    // Entries: shared, unshared, value length, unshared key bytes, value = block handle; then the restart array.
    const restarts = index.readUInt32LE(index.length - 4);
    const entries = index.subarray(0, index.length - 4 - 4 * restarts);
    const reader = new Reader(entries);
    while (!reader.done) {
      reader.integer();
      const key = reader.integer();
      reader.integer();
      reader.skip(key);
      verifyBlock(bytes, reader.integer(), reader.integer(), name);
    }
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw corrupt(`${name}: the index is damaged`, error);
  }
}

async function verifyTables(
  folder: string,
  files: Set<string>,
  manifest: Manifest,
  budget: number,
): Promise<void> {
  let left = budget;
  let before: Promise<void> = Promise.resolve();
  const numbers = [...manifest.tables.keys()].sort((a, b) => b - a);
  for (const number of numbers) {
    const digits = String(number).padStart(6, '0');
    const name = [`${digits}.ldb`, `${digits}.sst`].find((candidate) => files.has(candidate));
    if (name === undefined) throw corrupt(`${folder}: table ${digits}.ldb is missing`);
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size !== manifest.tables.get(number)) {
      throw corrupt(`${path} has ${size} bytes, it should have ${manifest.tables.get(number)}`);
    }
    left -= size;
    if (left < 0) continue;
    // One is read while the one before is summed up.
    const [bytes] = await Promise.all([readFile(path), before]);
    before = soon().then(() => verifyTable(bytes, path));
    before.catch(() => {});
  }
  await before;
}

/** True if the folder holds a LevelDB, however damaged; false if there was never one. */
async function holdsLevel(folder: string, files: Set<string>): Promise<boolean> {
  if (files.has('CURRENT')) return true;
  for (const name of files) {
    // An empty log is what a crash while the store was first made can leave.
    if (/^\d+\.(ldb|sst)$/.test(name)) throw corrupt(`${folder}/CURRENT is missing`);
    if (/^\d+\.log$/.test(name) && (await stat(join(folder, name))).size > 0) {
      throw corrupt(`${folder}/CURRENT is missing`);
    }
  }
  return false;
}

/**
 * Verifies a LevelDB folder before it is opened: manifest, live write-ahead logs, and table files, newest first,
 * up to `budget` bytes of them. LevelDB itself is opened without its paranoid checks and would pass over damage, or
 * carry it on into new files. Resolves false if there is no store yet; throws StorageError `corrupt`.
 */
export async function checkLevel(folder: string, budget: number): Promise<boolean> {
  try {
    const files = new Set(
      await readdir(folder).catch((error: unknown) => {
        if ((error as { readonly code?: unknown }).code === 'ENOENT') return [];
        throw error;
      }),
    );
    if (!(await holdsLevel(folder, files))) return false;
    const manifest = await readManifest(folder);
    let live = false;
    for (const name of files) {
      const number = Number(/^(\d+)\.log$/.exec(name)?.[1] ?? -1);
      if (number < 0 || (number < manifest.log && number !== manifest.previousLog)) continue;
      if (number === manifest.log) live = true;
      const path = join(folder, name);
      readLog(await readFile(path), path, () => {});
    }
    if (manifest.log > 0 && !live) {
      throw corrupt(`${folder}: write-ahead log ${String(manifest.log).padStart(6, '0')}.log is missing`);
    }
    await verifyTables(folder, files, manifest, budget);
    return true;
  } catch (error) {
    throw storageError(error, folder);
  }
}

/** Makes what was just created in a folder survive a power cut: its entry in the folder above. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
