/** Reads messages 3 and 9 of schemas/client.fbs without making an object: sequence and outcome, nothing else. */
import { decodeAnswer } from '../../../schemas/generated/client.ts';

const VTABLE_SEQUENCE = 4;
const VTABLE_OUTCOME = 6;
const ISSUED = 0;
const TWO_32 = 2 ** 32;

/** `failure`: a word where the action was not issued. */
export type Take = (sequence: number, failure: string | null) => void;

/** `message` is an Answers message from `at` on. */
export function scanAnswers(message: Buffer, at: number, take: Take): void {
  const root = at + message.readUInt32LE(at);
  const field = root + message.readUInt16LE(root - message.readInt32LE(root) + 4);
  const vector = field + message.readUInt32LE(field);
  const count = message.readUInt32LE(vector);
  for (let i = 0; i < count; i++) {
    const link = vector + 4 + 4 * i;
    scanTable(message, link + message.readUInt32LE(link), take);
  }
}

/** `message` is an Answer message from `at` on. */
export function scanAnswer(message: Buffer, at: number, take: Take): void {
  const failure = scanTable(message, at + message.readUInt32LE(at), take, true);
  if (!failure) return;
  const { sequence, code, outcome } = decodeAnswer(new Uint8Array(message.subarray(at)), false, true);
  take(sequence, code === '' ? outcome : code);
}

/** True for a failure that is left to the caller. */
function scanTable(message: Buffer, table: number, take: Take, leave = false): boolean {
  const vtable = table - message.readInt32LE(table);
  const length = message.readUInt16LE(vtable);
  const sequence = entry(message, vtable, length, VTABLE_SEQUENCE);
  const outcome = entry(message, vtable, length, VTABLE_OUTCOME);
  const failed = outcome !== 0 && message[table + outcome] !== ISSUED;
  if (failed && leave) return true;
  const low = sequence === 0 ? 0 : message.readUInt32LE(table + sequence);
  const high = sequence === 0 ? 0 : message.readUInt32LE(table + sequence + 4);
  take(high * TWO_32 + low, failed ? 'failed' : null);
  return false;
}

const entry = (message: Buffer, vtable: number, length: number, at: number): number =>
  at < length ? message.readUInt16LE(vtable + at) : 0;
