import type { Ballot, Command } from '../consensus/types.ts';
import { crc32 } from '../crc32.ts';
import { corrupt } from './errors.ts';
import type { CommandRange, Range } from './zone.ts';

/**
 * What lies on the disk. In a group commit each world has one record, rarely more: a range of commands with the vote for
 * them, and with it the world's whole small state after that group, so the newest record is the state.
 *
 * key    segment · 'v' · first number · serial, big-endian, of fixed width: a world's records of some time lie together, in
 *        order of numbers, almost in order of time, and those of a later time lie behind them (see directory.ts). So
 *        LevelDB moves its tables down the levels and seldom rewrites them. Serials rise by one a record, so no record ever replaces another; but a group without commands has one
 *        empty record at the highest number so far, serial all ones in the key, and the next one replaces it.
 * value  little-endian; 64-bit numbers are safe integers.
 *        0 checksum of all that follows · 4 format · 8 serial · 16 first · 24 ballot (0: learned, not voted) · 32 born ·
 *        40 precedent · 48 lastTried · 56 nextBal · 64 upTo · 72 born of upTo · 80 commands · 84 payload bytes ·
 *        88 open records · 92 their mark · 96 runs · 100 segment · 104 length of each command · padding to 8 · the
 *        commands' bytes end to end, untouched
 */
const FORMAT = 0x32534c54;
const FIXED = 104;
const TWO_32 = 0x1_0000_0000;

/** Segment (4), kind (1), first number (8), serial (8). */
const KEY_BYTES = 21;
const KEY_KIND = 4;
const KEY_FIRST = 5;
const KEY_SERIAL = 13;
const KIND_RECORD = 0x76;
const KIND_RUN = 0x72;

export interface State {
  readonly lastTried: Ballot;
  readonly nextBal: Ballot;
  readonly upTo: number;
  /** born of command upTo. */
  readonly issuedBorn: Ballot;
  /** Records with a number above upTo, and an exclusive-or over them: tells if one of them is missing. */
  readonly openRecords: number;
  readonly openMark: number;
  /** Run records written so far. */
  readonly runs: number;
}

export interface RecordHead extends Range, State {
  readonly serial: number;
  readonly ballot: Ballot;
  readonly count: number;
  readonly value: Uint8Array;
}

/** A contribution to `openMark`; well mixed, so that two losses do not cancel out. */
export function mark(first: number, serial: number): number {
  let hash = Math.imul(first ^ Math.floor(first / TWO_32), 0x9e3779b1) ^ Math.imul(serial, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function putKey64(key: Buffer, at: number, value: number): void {
  key.writeUInt32BE(Math.floor(value / TWO_32), at);
  key.writeUInt32BE(value % TWO_32, at + 4);
}

function putKey(segment: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key.writeUInt32BE(segment, 0);
  key[KEY_KIND] = KIND_RECORD;
  putKey64(key, KEY_FIRST, first);
  return key;
}

/** Sorts after every record with this first number; also the key of a record without commands. */
export function keyAfter(segment: number, first: number): Buffer {
  return putKey(segment, first).fill(0xff, KEY_SERIAL);
}

export function recordKey(segment: number, first: number, serial: number): Buffer {
  const key = putKey(segment, first);
  putKey64(key, KEY_SERIAL, serial);
  return key;
}

/** All records of one segment, or of those from `first` to `last`. */
export function keysOf(first: number, last = first): { readonly gte: Buffer; readonly lte: Buffer } {
  const lte = Buffer.alloc(KEY_BYTES, 0xff);
  lte.writeUInt32BE(last, 0);
  const gte = Buffer.alloc(KEY_KIND);
  gte.writeUInt32BE(first, 0);
  return { gte, lte };
}

/**
 * What is no record lies behind them all, under this number: a table with some of it and with new records overlaps no old
 * ones then, and LevelDB need not rewrite those.
 */
export const BEHIND = TWO_32 - 1;
export const MOST_SEGMENT = BEHIND - 1;

export function keyFirst(key: Buffer): number {
  return key.readUInt32BE(KEY_FIRST) * TWO_32 + key.readUInt32BE(KEY_FIRST + 4);
}

/** A key for messages: what an operator can find again. */
export function showKey(key: Buffer): string {
  if (key.length === KEY_BYTES && key[KEY_KIND] === KIND_RECORD) {
    return `record of number ${keyFirst(key)} (key ${key.toString('hex')})`;
  }
  return `key ${key.toString('hex')}`;
}

function get64(value: DataView, at: number): number {
  return value.getUint32(at, true) + value.getUint32(at + 4, true) * TWO_32;
}
function set64(value: DataView, at: number, number: number): void {
  value.setUint32(at, number % TWO_32, true);
  value.setUint32(at + 4, Math.floor(number / TWO_32), true);
}
function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Commands that lie side by side in one buffer, as they do when they came in one frame, are copied as one piece. */
function copyPayload(target: Uint8Array, at: number, commands: readonly Command[]): void {
  let to = at;
  for (let i = 0; i < commands.length; ) {
    const { buffer, byteOffset } = commands[i]!.bytes;
    let length = 0;
    for (; i < commands.length; i++) {
      const bytes = commands[i]!.bytes;
      if (bytes.buffer !== buffer || bytes.byteOffset !== byteOffset + length) break;
      length += bytes.length;
    }
    target.set(new Uint8Array(buffer, byteOffset, length), to);
    to += length;
  }
}

const NOTHING: CommandRange = { first: 0, last: 0, born: 0, precedent: 0, commands: [] };

/** Not from the pool: a slice of it would stay alive as long as any neighbour. */
const newRoom = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes);

/**
 * `range` null: a group without commands, kept at number `top`. `room` gives the bytes to write to, as many as it is asked
 * for; all of them are written.
 */
export function encodeRecord(
  segment: number,
  serial: number,
  ballot: Ballot,
  range: CommandRange | null,
  top: number,
  state: State,
  room: (bytes: number) => Buffer = newRoom,
): Buffer {
  const { born, precedent, commands } = range ?? NOTHING;
  let payload = 0;
  for (const command of commands) payload += command.bytes.length;
  const start = (FIXED + commands.length * 4 + 7) & ~7;
  const value = room(start + payload);
  const data = view(value);
  data.setUint32(4, FORMAT, true);
  set64(data, 8, serial);
  set64(data, 16, range?.first ?? top);
  set64(data, 24, ballot);
  set64(data, 32, born);
  set64(data, 40, precedent);
  set64(data, 48, state.lastTried);
  set64(data, 56, state.nextBal);
  set64(data, 64, state.upTo);
  set64(data, 72, state.issuedBorn);
  data.setUint32(80, commands.length, true);
  data.setUint32(84, payload, true);
  data.setUint32(88, state.openRecords, true);
  data.setUint32(92, state.openMark, true);
  data.setUint32(96, state.runs, true);
  data.setUint32(100, segment, true);
  if (start > FIXED) data.setUint32(start - 4, 0, true);
  for (let i = 0; i < commands.length; i++) {
    data.setUint32(FIXED + i * 4, commands[i]!.bytes.length, true);
  }
  copyPayload(value, start, commands);
  data.setUint32(0, crc32(value.subarray(4)), true);
  return value;
}

/** Verifies a record against its checksum and its key; throws `corrupt`. */
export function decodeHead(key: Buffer, value: Uint8Array, where: string): RecordHead {
  const fail = (what: string): never => {
    throw corrupt(`${where}: ${showKey(key)}: ${what}`);
  };
  if (key.length !== KEY_BYTES || value.length < FIXED) return fail(`${value.length} bytes are no record`);
  const data = view(value);
  if (data.getUint32(0, true) !== crc32(value.subarray(4))) return fail('checksum does not match');
  if (data.getUint32(4, true) !== FORMAT) return fail('written in a format that this version does not know');
  const first = get64(data, 16);
  const serial = get64(data, 8);
  const count = data.getUint32(80, true);
  const segment = data.getUint32(100, true);
  const expected = count === 0 ? keyAfter(segment, first) : recordKey(segment, first, serial);
  if (!key.equals(expected)) return fail(`holds number ${first} of serial ${serial} of segment ${segment}`);
  return {
    serial,
    first,
    last: first + count - 1,
    ballot: get64(data, 24),
    born: get64(data, 32),
    precedent: get64(data, 40),
    lastTried: get64(data, 48),
    nextBal: get64(data, 56),
    upTo: get64(data, 64),
    issuedBorn: get64(data, 72),
    count,
    openRecords: data.getUint32(88, true),
    openMark: data.getUint32(92, true),
    runs: data.getUint32(96, true),
    value,
  };
}

/** The commands from..to of a verified record, as views of its bytes; `take` returns false to stop. */
export function eachCommand(
  head: RecordHead,
  from: number,
  to: number,
  take: (command: Command) => boolean,
): void {
  const { value, first, born, precedent, count } = head;
  const data = view(value);
  // Plain arrays: a Buffer's slice would not copy, and a receiver may count on that.
  const plain = new Uint8Array(value.buffer, value.byteOffset, value.length);
  let at = (FIXED + count * 4 + 7) & ~7;
  for (let i = 0; i < count; i++) {
    const number = first + i;
    if (number > to) return;
    const length = data.getUint32(FIXED + i * 4, true);
    if (number >= from) {
      const bytes = plain.subarray(at, at + length);
      if (!take({ number, born, precedent: i === 0 ? precedent : born, bytes })) return;
    }
    at += length;
  }
}

/** From number `first` on the log holds commands born in `born`, until the next run. */
export interface Run {
  readonly first: number;
  readonly born: Ballot;
}
const RUN_KEY_BYTES = 17;
const RUN_BYTES = 24;

/** `world`: the number of its first segment. */
function runKey(world: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(RUN_KEY_BYTES);
  key.writeUInt32BE(BEHIND, 0);
  key[KEY_KIND] = KIND_RUN;
  key.writeUInt32BE(world, 5);
  putKey64(key, 9, first);
  return key;
}

export function runsOf(world: number): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: runKey(world, 0), lt: runKey(world + 1, 0) };
}

export function encodeRun(world: number, run: Run): { readonly key: Buffer; readonly value: Buffer } {
  const value = Buffer.allocUnsafeSlow(RUN_BYTES);
  const data = view(value);
  data.setUint32(4, world, true);
  set64(data, 8, run.first);
  set64(data, 16, run.born);
  data.setUint32(0, crc32(value.subarray(4)), true);
  return { key: runKey(world, run.first), value };
}

export function decodeRun(key: Buffer, value: Uint8Array, where: string): Run {
  const data = view(value);
  if (value.length !== RUN_BYTES || data.getUint32(0, true) !== crc32(value.subarray(4))) {
    throw corrupt(`${where}: ${showKey(key)}: checksum does not match`);
  }
  const run = { first: get64(data, 8), born: get64(data, 16) };
  const world = data.getUint32(4, true);
  if (!runKey(world, run.first).equals(key)) {
    throw corrupt(`${where}: ${showKey(key)}: holds the run from number ${run.first} of world ${world}`);
  }
  return run;
}
