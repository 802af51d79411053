import { describe, expect, it } from 'vitest';
import type { Write } from '../../server/consensus/types.ts';
import { STORAGE_FLUSH_BYTES, STORAGE_PORTION_BYTES, STORAGE_QUEUE_BYTES } from '../../server/limits.ts';
import { StorageError } from '../../server/storage/errors.ts';
import { Flusher, type Portion } from '../../server/storage/flusher.ts';

/** A disk that takes one group whenever it is told to. */
function disk() {
  const groups: string[][] = [];
  let release: (error?: Error) => void = () => {};
  const flush = (portions: readonly Portion<string>[]): Promise<void> => {
    groups.push(portions.map(({ lane, writes }) => `${lane.owner}${writes.map((write) => write.write)}`));
    return new Promise((resolve, reject) => {
      release = (error) => (error === undefined ? resolve() : reject(error));
    });
  };
  const flusher = new Flusher<string>(flush, (error) => new StorageError('io', String(error)));
  /** Ends the flush under way and lets the next begin. */
  const next = async (error?: Error): Promise<void> => {
    release(error);
    for (let i = 0; i < 6; i++) await Promise.resolve();
  };
  return { flusher, groups, next };
}

const shared = new Uint8Array(STORAGE_QUEUE_BYTES / 64);
const write = (number: number, bytes = 8): Write => ({
  write: number,
  learned: [{ number, born: 1, precedent: 1, bytes: shared.subarray(0, bytes) }],
});

describe('the flusher of several worlds', () => {
  it('has one flush under way, and makes one group of what all worlds append meanwhile', async () => {
    const { flusher, groups, next } = disk();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => flusher.lane(name));
    const done: string[] = [];
    const append = (lane: typeof a, number: number) =>
      lane!.append([write(number)]).then(() => void done.push(`${lane!.owner}${number}`));
    void append(a, 1);
    await next();
    expect(groups).toEqual([['a1']]);
    void append(b, 1);
    void append(a, 2);
    void append(c, 5);
    void append(b, 2);
    await Promise.resolve();
    expect([groups.length, done]).toEqual([1, []]);
    await next();
    expect(done).toEqual(['a1']);
    expect(groups[1]).toEqual(['b1,2', 'a2', 'c5']);
    await next();
    expect(done.slice(1).sort()).toEqual(['a2', 'b1', 'b2', 'c5']);
  });

  it('gives a world with much to write one portion a flush, and the others theirs beside it', async () => {
    const { flusher, groups, next } = disk();
    const large = flusher.lane('large');
    const small = flusher.lane('small');
    const half = STORAGE_PORTION_BYTES / 2;
    let written = false;
    // A write that does not fit beside its neighbour begins a portion of its own.
    const all = large.append([1, 2, 3].map((number) => write(number, half))).then(() => {
      written = true;
    });
    await next();
    const asked = small.append([write(1)]);
    await next();
    expect(groups).toEqual([['large1'], ['large2', 'small1']]);
    await next();
    await asked;
    expect(written).toBe(false);
    await next();
    await all;
    expect(groups[2]).toEqual(['large3']);
  });

  it('bounds a flush, and begins the next with the worlds that were left out', async () => {
    const { flusher, groups, next } = disk();
    const count = STORAGE_FLUSH_BYTES / STORAGE_PORTION_BYTES + 2;
    const lanes = Array.from({ length: count }, (_, i) => flusher.lane(`w${i}-`));
    void flusher.lane('first').append([write(1)]);
    await next();
    for (const lane of lanes)
      void lane.append([write(1, STORAGE_PORTION_BYTES), write(2, STORAGE_PORTION_BYTES)]);
    await next();
    await next();
    expect(groups[1]).toEqual(lanes.slice(0, -2).map(({ owner }) => `${owner}1`));
    expect(groups[2]!.slice(0, 3)).toEqual([`w${count - 2}-1`, `w${count - 1}-1`, 'w0-2']);
  });

  it('[DISK3] fails every world, for good, when the disk failed one flush', async () => {
    const { flusher, groups, next } = disk();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => flusher.lane(name));
    const under = a!.append([write(1)]);
    await next();
    const waiting = b!.append([write(1)]);
    const failed = [under, waiting].map((each) => expect(each).rejects.toMatchObject({ code: 'io' }));
    await next(new Error('the disk is gone'));
    await Promise.all(failed);
    for (const lane of [a, b, c]) {
      await expect(lane!.append([write(9)])).rejects.toMatchObject({ message: 'Error: the disk is gone' });
      expect(lane!.failure).toMatchObject({ code: 'io' });
    }
    expect(groups).toHaveLength(1);
  });

  it('fails one world that hands its writes in out of order, and nobody else', async () => {
    const { flusher, groups, next } = disk();
    const [a, b] = ['a', 'b'].map((name) => flusher.lane(name));
    const under = a!.append([write(5)]);
    await next();
    const waiting = a!.append([write(6)]);
    const both = [under, waiting].map((each) => expect(each).rejects.toMatchObject({ code: 'broken-rule' }));
    const other = b!.append([write(1)]);
    await expect(a!.append([write(6)])).rejects.toMatchObject({ code: 'broken-rule' });
    await Promise.all(both);
    await next();
    await next();
    await other;
    expect(groups).toEqual([['a5'], ['b1']]);
    expect([flusher.failure, b!.failure]).toEqual([null, null]);
  });

  it('counts what waits in all worlds together, less what is gone', async () => {
    const { flusher, next } = disk();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => flusher.lane(name));
    void flusher.lane('first').append([write(1)]);
    await next();
    const rejected: unknown[] = [];
    const fill = (lane: typeof a, from: number, count: number) => {
      for (let i = 0; i < count; i++)
        lane!
          .append([write(from + i, shared.length)])
          .catch((error: StorageError) => rejected.push(error.code));
    };
    fill(a, 1, 40);
    // World a breaks a rule: its 40 parts of 64 wait no more.
    await expect(a!.append([write(1)])).rejects.toMatchObject({ code: 'broken-rule' });
    fill(b, 1, 30);
    fill(c, 1, 30);
    expect(flusher.failure).toBeNull();
    fill(b, 31, 4);
    expect(flusher.failure).toMatchObject({
      code: 'io',
      message: expect.stringContaining('wait for a disk'),
    });
    await next();
    expect(rejected).toEqual([...Array(40).fill('broken-rule'), ...Array(64).fill('io')]);
  });

  it('closes a world once its own writes are durable', async () => {
    const { flusher, next } = disk();
    const [a, b] = ['a', 'b'].map((name) => flusher.lane(name));
    const order: string[] = [];
    void a!.append([write(1)]).then(() => order.push('written'));
    void a!.close().then(() => order.push('closed'));
    await expect(a!.append([write(2)])).rejects.toMatchObject({ code: 'closed' });
    expect(order).toEqual([]);
    void b!.append([write(1)]);
    await next();
    expect(order).toEqual(['written', 'closed']);
  });
});
