import * as zlib from 'node:zlib';

/** Reflected polynomials: CRC-32 as in zlib, for our records; CRC-32C, for LevelDB's files. */
const IEEE = 0xedb88320;
const CASTAGNOLI = 0x82f63b78;

/** Four tables, so that four bytes are taken at a time. */
function tables(polynomial: number): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ polynomial : value >>> 1;
    first[i] = value;
  }
  const all = [first];
  for (let t = 1; t < 4; t++) {
    const before = all[t - 1]!;
    all.push(before.map((value) => first[value & 0xff]! ^ (value >>> 8)));
  }
  return all;
}

function makeCrc(polynomial: number): (bytes: Uint8Array, start?: number, end?: number) => number {
  const [t0, t1, t2, t3] = tables(polynomial) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return (bytes, start = 0, end = bytes.length) => {
    let crc = -1;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      crc = t3[crc & 0xff]! ^ t2[(crc >>> 8) & 0xff]! ^ t1[(crc >>> 16) & 0xff]! ^ t0[crc >>> 24]!;
    }
    for (; at < end; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}

export const crc32c = makeCrc(CASTAGNOLI);

/** Exported so that a test can hold it against the native one. */
export const crc32Portable = makeCrc(IEEE);

/** Native since Node 20.15, several times faster; the same function either way. */
export const crc32: (bytes: Uint8Array) => number =
  typeof zlib.crc32 === 'function' ? (bytes) => zlib.crc32(bytes) : (bytes) => crc32Portable(bytes);
