import { describe, expect, it } from 'vitest';
import { crc32c } from '../../server/storage/checksum.ts';
import { readLog, unmask } from '../../server/storage/level-log.ts';

const BLOCK = 32_768;

/** Writes records as LevelDB's log writer does. */
function log(...records: Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  const put = (bytes: Buffer): void => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const record of records) {
    let left = record;
    let begin = true;
    do {
      if (BLOCK - (at % BLOCK) < 7) put(Buffer.alloc(BLOCK - (at % BLOCK)));
      const length = Math.min(left.length, BLOCK - (at % BLOCK) - 7);
      const end = length === left.length;
      const body = Buffer.concat([
        Buffer.from([begin ? (end ? 1 : 2) : end ? 4 : 3]),
        left.subarray(0, length),
      ]);
      const crc = crc32c(body);
      const header = Buffer.alloc(6);
      header.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 0);
      header.writeUInt16LE(length, 4);
      put(Buffer.concat([header, body]));
      left = left.subarray(length);
      begin = false;
    } while (left.length > 0);
  }
  return Buffer.concat(parts);
}

function read(bytes: Buffer): Buffer[] | string {
  const records: Buffer[] = [];
  try {
    readLog(bytes, '000007.log', (record) => records.push(record));
    return records;
  } catch (error) {
    return (error as Error).message.split('. The other')[0]!;
  }
}

const filled = (length: number, seed: number) =>
  Buffer.from(Array.from({ length }, (_, i) => 1 + ((i * 31 + seed) % 255)));
const three = [filled(100, 1), filled(3 * BLOCK, 2), filled(50, 3)];

describe('LevelDB’s log files', () => {
  it('reads what the writer wrote, across blocks and at their edges', () => {
    expect(read(log(...three))).toEqual(three);
    for (const length of [BLOCK - 7, BLOCK - 8, BLOCK - 13, BLOCK - 14, BLOCK - 15]) {
      const records = [filled(length, 1), filled(20, 2), filled(0, 3)];
      const found = read(log(...records));
      expect(
        Array.isArray(found) && found.every((record, i) => record.equals(records[i]!)),
        `${length}`,
      ).toBe(true);
      expect(found).toHaveLength(records.length);
    }
    expect(unmask(0xa282ead8)).toBe(0);
  });

  it('takes what a crash cut off for the end', () => {
    const bytes = log(...three);
    const second = 107;
    for (const cut of [0, 3, 106, second, second + 3, second + 500, BLOCK + 9, bytes.length - 58]) {
      const found = read(bytes.subarray(0, cut));
      expect(found, `cut at ${cut}`).toEqual(
        three.slice(0, cut < second ? 0 : cut < bytes.length - 57 ? 1 : 2),
      );
    }
  });

  it('takes sectors that never reached the disk for the end', () => {
    const bytes = log(...three);
    bytes.fill(0, 1024);
    expect(read(bytes)).toEqual([three[0]]);
    const middle = log(three[0]!, three[1]!);
    middle.fill(0, 2_048, 4_096);
    expect(read(middle)).toEqual([three[0]]);
  });

  it('finds damage anywhere, and tells it from an end', () => {
    const bytes = log(...three);
    const last = bytes.length - 57;
    for (const at of [
      0,
      4,
      6,
      50,
      107,
      111,
      113,
      9_000,
      BLOCK + 2,
      BLOCK + 5,
      last,
      last + 4,
      last + 5,
      last + 6,
      last + 20,
    ]) {
      for (const bit of [1, 16, 128]) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= bit;
        expect(read(damaged), `byte ${at}, bit ${bit}`).toContain('000007.log: ');
      }
    }
  });

  it('takes zeros for an end only where no later write follows', () => {
    const zeros = Buffer.alloc(2_000);
    const bytes = log(filled(30, 1), zeros, filled(30, 2));
    bytes[700] = 1;
    expect(read(bytes)).toContain('sound records follow');
    expect(read(bytes.subarray(0, bytes.length - 37))).toEqual([filled(30, 1)]);
  });

  it('finds a missing part of a record', () => {
    const bytes = log(...three);
    expect(read(Buffer.concat([bytes.subarray(0, BLOCK), bytes.subarray(2 * BLOCK)]))).not.toContain(
      'missing',
    );
    expect(read(bytes.subarray(BLOCK))).toContain('part of a record is missing before byte 0');
    const first = log(three[1]!).subarray(0, BLOCK);
    expect(read(Buffer.concat([first, log(filled(10, 1))]))).toContain('part of a record is missing');
  });
});
