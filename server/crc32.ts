import * as zlib from 'node:zlib';

const POLYNOMIAL = 0xedb88320;

/** Lookup tables of a reflected CRC of 32 bits that takes four bytes at a time. */
function crcTables(polynomial: number): readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const first = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ polynomial : value >>> 1;
    first[i] = value;
  }
  const next = (before: Uint32Array) => before.map((value) => first[value & 0xff]! ^ (value >>> 8));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}

/** A reflected CRC of bytes[start..end), going on from `seed`, the result for what comes before. */
export function makeCrc(
  polynomial: number,
): (bytes: Uint8Array, seed?: number, start?: number, end?: number) => number {
  const [t0, t1, t2, t3] = crcTables(polynomial);
  return (bytes, seed = 0, start = 0, end = bytes.length) => {
    let crc = ~seed;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      crc = t3[crc & 0xff]! ^ t2[(crc >>> 8) & 0xff]! ^ t1[(crc >>> 16) & 0xff]! ^ t0[crc >>> 24]!;
    }
    for (; at < end; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}

/** Exported so that a test can hold it against the native one. */
export const crc32Portable = makeCrc(POLYNOMIAL);

/**
 * CRC-32 as in zlib; `seed` is the result for the bytes before. Native since Node 20.15 and several times faster; the
 * same function either way.
 */
export const crc32: (bytes: Uint8Array, seed?: number) => number =
  typeof zlib.crc32 === 'function'
    ? // The native one forgets its seed where an array has no memory at all.
      (bytes, seed = 0) => (bytes.length === 0 ? seed : zlib.crc32(bytes, seed))
    : (bytes, seed = 0) => crc32Portable(bytes, seed);
