import { crc32c } from './checksum.ts';
import { corrupt } from './errors.ts';

/**
 * LevelDB's log format, for its write-ahead log and its manifest: blocks of 32 KiB, in them fragments of
 * checksum (4) · length (2) · type (1) · payload; a record is one FULL fragment or FIRST, MIDDLE…, LAST.
 *
 * Why read it ourselves: opened as classic-level opens it, LevelDB drops a damaged fragment with the rest of its block
 * and goes on without a word. A vote could vanish like that. A write that a crash cut short must be told from damage:
 * it is the last thing in the file, and it is cut off, or holds a sector that never reached the disk and reads as zero.
 */
const BLOCK = 32_768;
const HEADER = 7;
const SECTOR = 512;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

export function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

interface Fragment {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/** The sound fragment at `at`, or null. */
function fragment(bytes: Buffer, at: number): Fragment | null {
  const room = Math.min(BLOCK - (at % BLOCK), bytes.length - at);
  if (room < HEADER) return null;
  const length = bytes.readUInt16LE(at + 4);
  const type = bytes[at + 6]!;
  if (HEADER + length > room || type < FULL || type > LAST) return null;
  const end = at + HEADER + length;
  if (crc32c(bytes, at + 6, end) !== unmask(bytes.readUInt32LE(at))) return null;
  return { type, start: at + HEADER, end };
}

/** A write that began after `at`: it was begun only when everything before it was on the disk. */
function laterWrite(bytes: Buffer, at: number): boolean {
  for (let p = at + 1; p + HEADER <= bytes.length; p++) {
    const type = bytes[p + 6]!;
    if (type !== FULL && type !== FIRST) continue;
    if (fragment(bytes, p) !== null) return true;
  }
  return false;
}

/** Is there a length with which the bytes at `at` are sound? Then the file was not cut, its length field was damaged. */
function soundWithOtherLength(bytes: Buffer, at: number): boolean {
  const wanted = unmask(bytes.readUInt32LE(at));
  const end = Math.min(bytes.length, at + BLOCK - (at % BLOCK));
  // From the back, where the whole fragment ends if it is the last one.
  for (let p = end; p >= at + HEADER; p--) {
    if (crc32c(bytes, at + 6, p) === wanted) return true;
    if (end - p >= SECTOR) return false;
  }
  return false;
}

function hasZeroSector(bytes: Buffer, from: number): boolean {
  for (let at = Math.ceil(from / SECTOR) * SECTOR; at < bytes.length; at += SECTOR) {
    if (bytes.subarray(at, at + SECTOR).every((byte) => byte === 0)) return true;
  }
  return bytes.subarray(from).every((byte) => byte === 0);
}

/** What stands at `at` is not sound: throws unless it can only be a write that a crash cut short. */
function judge(bytes: Buffer, at: number, name: string): void {
  const left = bytes.length - at;
  if (left < HEADER) return;
  const damaged = (why: string): never => {
    throw corrupt(`${name}: damaged at byte ${at} of ${bytes.length}: ${why}`);
  };
  if (laterWrite(bytes, at)) damaged('sound records follow');
  if (hasZeroSector(bytes, at)) return;
  const room = BLOCK - (at % BLOCK);
  const end = HEADER + bytes.readUInt16LE(at + 4);
  if (end <= left || room < left) damaged('the checksum does not match, and nothing was cut off');
  if (soundWithOtherLength(bytes, at)) damaged('the length of its last record does not match');
}

/** Hands out each record of a log file, in order, up to where a crash may have cut it; throws `corrupt`. */
export function readLog(bytes: Buffer, name: string, take: (record: Buffer) => void): void {
  let at = 0;
  let parts: Buffer[] | null = null;
  while (at < bytes.length) {
    const room = BLOCK - (at % BLOCK);
    if (room < HEADER) {
      at += room;
      continue;
    }
    const found = fragment(bytes, at);
    if (found === null) {
      judge(bytes, at, name);
      return;
    }
    const begins = found.type === FULL || found.type === FIRST;
    if (begins !== (parts === null)) {
      throw corrupt(`${name}: part of a record is missing before byte ${at} of ${bytes.length}`);
    }
    const payload = bytes.subarray(found.start, found.end);
    if (found.type === FULL) take(payload);
    else if (found.type === FIRST) parts = [payload];
    else parts?.push(payload);
    if (found.type === LAST && parts !== null) {
      take(Buffer.concat(parts));
      parts = null;
    }
    at = found.end;
  }
}
