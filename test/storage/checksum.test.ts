import { describe, expect, it } from 'vitest';
import { crc32, crc32Portable, makeCrc } from '../../server/crc32.ts';
import { crc32c } from '../../server/storage/checksum.ts';

/** The same sum, four bytes at a time. */
const plain = makeCrc(0x82f63b78);

describe('checksums', () => {
  it('match the published check values', () => {
    const digits = Buffer.from('123456789');
    expect(crc32(digits).toString(16)).toBe('cbf43926');
    expect(crc32Portable(digits).toString(16)).toBe('cbf43926');
    expect(crc32c(digits).toString(16)).toBe('e3069283');
    expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa');
  });

  it('keep their seed where there is nothing to add', () => {
    const nothing = [new Uint8Array(0), new Uint8Array([]), new Uint8Array(9).subarray(9)];
    for (const none of nothing) expect([crc32(none, 77), crc32Portable(none, 77)]).toEqual([77, 77]);
  });

  it('are the same native and portable, at any length and offset', () => {
    const bytes = Buffer.from(Array.from({ length: 70 }, (_, i) => (i * 37 + 11) & 255));
    for (let start = 0; start < 5; start++) {
      for (let end = start; end <= bytes.length; end++) {
        const part = bytes.subarray(start, end);
        expect(crc32Portable(part)).toBe(crc32(part));
        expect(crc32(bytes.subarray(end), crc32(part))).toBe(crc32(bytes.subarray(start)));
        expect(crc32Portable(bytes.subarray(end), crc32Portable(part))).toBe(crc32(bytes.subarray(start)));
        expect(crc32c(bytes, start, end)).toBe(plain(part));
        expect(crc32c(part)).toBe(plain(part));
      }
    }
  });
});
