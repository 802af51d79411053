import { makeCrc } from '../crc32.ts';

const crc = makeCrc(0x82f63b78);

/** CRC-32C of bytes[start..end), the checksum in LevelDB's files. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return crc(bytes, 0, start, end);
}
