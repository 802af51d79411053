import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../client/limits.ts';
import { SnapshotParts } from '../../client/snapshot-parts.ts';

const digest = { low: 0, high: 0 };
const part = (number: number, at: number, parts: number, bytes = 1) => ({
  ...{ number, born: 3, time: 0, tables: digest, system: digest },
  ...{ part: at, parts, rows: new Uint8Array(bytes) },
});

describe('the parts of a snapshot', () => {
  it('are whole with the last one', () => {
    const parts = new SnapshotParts(DEFAULT_LIMITS);
    expect(parts.add(part(7, 0, 3))).toBe(null);
    expect(parts.add(part(7, 1, 3))).toBe(null);
    expect(parts.add(part(7, 2, 3))).toMatchObject({ number: 7, parts: [{}, {}, {}] });
    expect(parts.add(part(8, 0, 1))).toMatchObject({ number: 8 });
  });

  it('must follow each other', () => {
    for (const wrong of [part(7, 2, 3), part(7, 0, 0), part(8, 1, 3), part(7, 1, 4), part(7, 1, 1)]) {
      const parts = new SnapshotParts(DEFAULT_LIMITS);
      parts.add(part(7, 0, 3));
      expect(() => parts.add(wrong), JSON.stringify(wrong)).toThrow('does not follow');
    }
    expect(() => new SnapshotParts(DEFAULT_LIMITS).add(part(7, 1, 3))).toThrow('does not follow');
    const parts = new SnapshotParts(DEFAULT_LIMITS);
    parts.add(part(7, 0, 2));
    parts.reset();
    expect(() => parts.add(part(7, 1, 2))).toThrow('does not follow');
  });

  it('begin anew with a first one, and are bounded', () => {
    const parts = new SnapshotParts({ ...DEFAULT_LIMITS, snapshotBytes: 10, snapshotParts: 4 });
    parts.add(part(7, 0, 2, 9));
    parts.add(part(8, 0, 2, 9));
    expect(() => parts.add(part(8, 1, 2, 2))).toThrow('too large');
    expect(() => parts.add(part(9, 0, 5))).toThrow('too large');
  });
});
