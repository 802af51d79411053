/**
 * Hashes records into the two 32-bit lanes of a digest. A record's hash is added or taken away, so a set of records has
 * one digest in whatever order it came to be. For noticing faults, not for keeping out an enemy.
 *
 * One record at a time: begin, then every field in a fixed order, then finish.
 */
import type { Digest } from './types.ts';

const lanes = new Int32Array(2);
const scratch = new DataView(new ArrayBuffer(8));

/** The lanes shift by different amounts, so that no difference that slips through one slips through the other. */
function mix(word: number): void {
  const a = Math.imul(lanes[0]! ^ word, 0x85eb_ca6b);
  const b = Math.imul((lanes[1]! + word) | 0, 0xc2b2_ae35);
  lanes[0] = a ^ (a >>> 15);
  lanes[1] = ((b << 13) | (b >>> 19)) ^ (b >>> 11);
}

/** Starts a record; `kind` tells records of different tables apart. */
export function hashBegin(kind: number): void {
  lanes[0] = 0x9e37_79b9;
  lanes[1] = 0x243f_6a88;
  mix(kind);
}

/** Field `index` of the record is a string. */
export function hashText(index: number, text: string): void {
  mix(Math.imul(index + 1, 0x9e37_79b1) ^ text.length);
  let a = lanes[0]!;
  let b = lanes[1]!;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85eb_ca6b);
    b = Math.imul((b + unit) | 0, 0xc2b2_ae35);
    a ^= a >>> 15;
    b = ((b << 13) | (b >>> 19)) ^ (b >>> 11);
  }
  lanes[0] = a;
  lanes[1] = b;
}

/** Field `index` is a finite number; -0 counts as 0. */
export function hashNumber(index: number, value: number): void {
  if ((value | 0) === value) {
    mix(Math.imul(index + 1, 0x9e37_79b1) ^ value);
    // The high half of a NaN: no finite number outside 32 bits can look like this one.
    mix(0x7ff8_0000);
  } else {
    scratch.setFloat64(0, value, true);
    mix(Math.imul(index + 1, 0x9e37_79b1) ^ scratch.getInt32(0, true));
    mix(scratch.getInt32(4, true));
  }
}

/** Field `index` is a truth value. */
export function hashBool(index: number, value: boolean): void {
  mix(Math.imul(index + 1, 0x9e37_79b1) ^ (value ? 0x5bd1_e995 : 0x1b87_3593));
}

/** Ends the record: adds its hash to the digest (sign 1) or takes it away (sign -1). */
export function hashFinish(digest: Digest, sign: 1 | -1): void {
  digest.low = (digest.low + Math.imul(sign, avalanche(lanes[0]! ^ (lanes[1]! >>> 7)))) >>> 0;
  digest.high = (digest.high + Math.imul(sign, avalanche(lanes[1]! ^ 0x5851_f42d))) >>> 0;
}

function avalanche(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x21f0_aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a_2d97);
  return h ^ (h >>> 15);
}
