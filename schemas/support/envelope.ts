/**
 * The command envelope (schemas/command.fbs) as bytes: one size-prefixed FlatBuffers Command, padded to a multiple of 8.
 * A batch is commands laid end to end. The leader writes these bytes once; everyone else only reads them.
 */
import { type Command, decodeCommand, encodeCommand, verifyCommand } from '../generated/command.ts';
import type { Envelope } from './command-types.ts';
import { SchemaError } from './errors.ts';
import { fieldAt, readUlong, sourceOf, target } from './reader.ts';
import type { Digest } from './types.ts';

/** Length prefix, root offset, vtable and table: nothing shorter is a command. */
const SHORTEST = 16;

export interface CommandIdentity {
  readonly number: number;
  readonly born: number;
  readonly precedent: number;
}

const NO_DELTA = new Uint8Array(0);

/** Throws SchemaError `bad-value` for numbers that are no safe unsigned integers, times that are not finite, lone surrogates. */
export function encodeEnvelope(e: Envelope): Uint8Array {
  const command: Command = {
    id: e,
    time: e.time,
    session: e.session,
    sequence: e.sequence,
    origin: e.origin,
    action: e.action,
    result: e.result === 'null' ? '' : e.result,
    delta: e.delta ?? NO_DELTA,
    timersSet: e.timersSet,
    timerFired: e.timerFired,
    timersCancelled: e.timersCancelled,
    tables: e.tables,
    system: e.system,
  };
  return encodeCommand(command, true);
}

/** Throws SchemaError `forged` unless `bytes` are exactly one size-prefixed command of which every field may be read. */
export function checkCommand(bytes: Uint8Array): void {
  checkFrame(bytes.length);
  verifyCommand(bytes, true);
}

/** Exactly one size-prefixed command; `delta` is a subarray of `bytes`. Throws SchemaError `forged` unless trusted. */
export function decodeEnvelope(bytes: Uint8Array, trusted = false): Envelope {
  if (!trusted) checkFrame(bytes.length);
  const command = decodeCommand(bytes, true, trusted);
  const { id } = command;
  return {
    number: id.number,
    born: id.born,
    precedent: id.precedent,
    time: command.time,
    session: command.session,
    sequence: command.sequence,
    origin: command.origin,
    action: command.action,
    result: command.result === '' ? 'null' : command.result,
    delta: command.delta.length === 0 ? null : command.delta,
    timersSet: command.timersSet,
    timerFired: command.timerFired,
    timersCancelled: command.timersCancelled,
    tables: command.tables,
    system: command.system,
  };
}

function checkFrame(length: number): void {
  if (length < SHORTEST || length % 8 !== 0) {
    throw new SchemaError('forged', 'command', `${length} bytes are no command: too few or no multiple of 8`);
  }
}

/** The identity of the command whose bytes begin at `offset`. For verified bytes only: nothing is checked. */
export function readId(bytes: Uint8Array, offset = 0): CommandIdentity {
  const { view } = sourceOf(bytes);
  const root = bytes.byteOffset + offset + 4;
  const at = fieldAt(view, root + view.getUint32(root, true), 0);
  return { number: readUlong(view, at), born: readUlong(view, at + 8), precedent: readUlong(view, at + 16) };
}

/** Whether the command says that the world has these digests after it. For verified bytes only. */
export function hasDigests(bytes: Uint8Array, tables: Digest, system: Digest): boolean {
  const { view } = sourceOf(bytes);
  const root = target(view, bytes.byteOffset + 4);
  return isDigest(view, fieldAt(view, root, 11), tables) && isDigest(view, fieldAt(view, root, 12), system);
}

function isDigest(view: DataView, at: number, { low, high }: Digest): boolean {
  return view.getUint32(at, true) === low && view.getUint32(at + 4, true) === high;
}

/** Bytes of the command that begins at `offset` of a verified batch. */
export function lengthAt(batch: Uint8Array, offset: number): number {
  return sourceOf(batch).view.getUint32(batch.byteOffset + offset, true) + 4;
}

/**
 * The commands of a batch, in order, as subarrays of it. Each is verified unless trusted. Throws SchemaError `forged`
 * where a length prefix does not lead from one command to the next and at last exactly to the end.
 */
export function splitBatch(batch: Uint8Array, trusted = false): Uint8Array[] {
  const { view } = sourceOf(batch);
  const commands: Uint8Array[] = [];
  let at = 0;
  while (at < batch.length) {
    const rest = batch.length - at;
    const length = rest < SHORTEST ? 0 : view.getUint32(batch.byteOffset + at, true) + 4;
    if (length < SHORTEST || length > rest || length % 8 !== 0) {
      throw new SchemaError('forged', 'batch', `no command of ${length} bytes at ${at} of ${batch.length}`);
    }
    const command = batch.subarray(at, at + length);
    if (!trusted) verifyCommand(command, true);
    commands.push(command);
    at += length;
  }
  return commands;
}

/** Whether the bytes lie end to end in one buffer. */
export function areAdjacent(commands: readonly { readonly bytes: Uint8Array }[]): boolean {
  const first = commands[0]?.bytes;
  if (first === undefined) return true;
  const { buffer } = first;
  let end = first.byteOffset;
  for (let i = 0; i < commands.length; i++) {
    const { bytes } = commands[i]!;
    if (bytes.byteOffset !== end || bytes.buffer !== buffer) return false;
    end += bytes.length;
  }
  return true;
}

/** The commands end to end. No copy where they lie so already, as those of one encoder or one batch do. */
export function joinBatch(commands: readonly Uint8Array[]): Uint8Array {
  const first = commands[0];
  if (first === undefined) return NO_DELTA;
  let length = 0;
  let adjacent = true;
  for (const command of commands) {
    if (command.buffer !== first.buffer || command.byteOffset !== first.byteOffset + length) adjacent = false;
    length += command.length;
  }
  if (adjacent) return new Uint8Array(first.buffer, first.byteOffset, length);
  const batch = new Uint8Array(length);
  let at = 0;
  for (const command of commands) {
    batch.set(command, at);
    at += command.length;
  }
  return batch;
}
