import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arenaSchema } from '../../schemas/generated/arena.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import { digestText, emptyDigest, sameDigest } from '../../schemas/support/digest.ts';
import { hashBegin, hashBool, hashFinish, hashNumber, hashText } from '../../schemas/support/hash.ts';
import type { Row, Scalar, TableType } from '../../schemas/support/types.ts';
import { row, scalar } from './arbitraries.ts';

const { player, coin } = arenaSchema.tables;
const of = (table: TableType, ...rows: readonly Row[]) => {
  const digest = emptyDigest();
  for (const one of rows) table.hash(one, digest, 1);
  return digestText(digest);
};

describe('[SEQ6] digests', () => {
  it('do not depend on the order of changes, and forget what was taken away', () => {
    fc.assert(
      fc.property(
        fc.array(row(player), { maxLength: 6 }),
        fc.array(row(coin), { maxLength: 4 }),
        (players, coins) => {
          const a = emptyDigest();
          const b = emptyDigest();
          for (const one of players) player.hash(one, a, 1);
          for (const one of coins) coin.hash(one, a, 1);
          for (const one of [...coins].reverse()) coin.hash(one, b, 1);
          for (const one of [...players].reverse()) player.hash(one, b, 1);
          expect(sameDigest(a, b)).toBe(true);
          for (const one of players) player.hash(one, a, -1);
          for (const one of coins) coin.hash(one, a, -1);
          expect(a).toEqual({ low: 0, high: 0 });
        },
      ),
    );
  });

  it('change with every field, in both lanes', () => {
    for (const [index, field] of player.fields.entries()) {
      const values = scalar(field.type, field.values);
      fc.assert(
        fc.property(row(player), values, (before, value: Scalar) => {
          fc.pre((before as Row)[field.name] !== value);
          const a = emptyDigest();
          const b = emptyDigest();
          player.hash(before, a, 1);
          player.hash({ ...before, [field.name]: value }, b, 1);
          expect(a.low === b.low || a.high === b.high, `field ${index}`).toBe(false);
        }),
        { numRuns: 60 },
      );
    }
  });

  it('tell fields and tables apart', () => {
    const base = { id: 'a', x: 1, y: 2 };
    expect(of(player, player.make(base))).not.toBe(of(player, player.make({ ...base, x: 2, y: 1 })));
    const record = (kind: number, ...fields: readonly (() => void)[]) => {
      const digest = emptyDigest();
      hashBegin(kind);
      for (const field of fields) field();
      hashFinish(digest, 1);
      return digestText(digest);
    };
    const all = [
      record(1),
      record(2),
      record(1, () => hashNumber(0, 0)),
      record(1, () => hashNumber(1, 0)),
      record(2, () => hashNumber(0, 0)),
      record(1, () => hashBool(0, true)),
      record(1, () => hashBool(0, false)),
      record(1, () => hashText(0, '')),
      record(1, () => hashText(0, '\u0001')),
      record(
        1,
        () => hashText(0, 'ab'),
        () => hashText(1, 'c'),
      ),
      record(
        1,
        () => hashText(0, 'a'),
        () => hashText(1, 'bc'),
      ),
      record(1, () => hashNumber(0, 5e-324)),
      record(1, () => hashNumber(0, 1)),
      record(1, () => hashNumber(0, -1)),
      record(1, () => hashNumber(0, 2 ** 31)),
      record(1, () => hashNumber(0, 2 ** 32)),
      record(1, () => hashNumber(0, 2 ** 53 - 1)),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(record(1, () => hashNumber(0, -0))).toBe(record(1, () => hashNumber(0, 0)));
  });

  it('spread: a changed bit flips about half of each lane, and a million rows do not meet', () => {
    const { warehouse } = warehouseSchema.tables;
    const flips = [0, 0];
    const rounds = 4_000;
    for (let i = 0; i < rounds; i++) {
      const a = emptyDigest();
      const b = emptyDigest();
      const amount = Math.imul(i, 2_654_435_761) >>> 0;
      warehouse.hash({ id: 'A', amount }, a, 1);
      warehouse.hash({ id: 'A', amount: (amount ^ (1 << (i % 31))) >>> 0 }, b, 1);
      flips[0]! += ones(a.low ^ b.low);
      flips[1]! += ones(a.high ^ b.high);
    }
    for (const lane of flips) {
      expect(lane / rounds).toBeGreaterThan(15.7);
      expect(lane / rounds).toBeLessThan(16.3);
    }
    const lows = new Set<number>();
    const pairs = new Set<number>();
    const count = 200_000;
    for (let amount = 0; amount < count; amount++) {
      const digest = emptyDigest();
      warehouse.hash({ id: 'A', amount }, digest, 1);
      lows.add(digest.low);
      pairs.add(digest.high * 0x20_0000 + (digest.low & 0x1f_ffff));
    }
    // About count^2 / 2^33 = 5 meetings in one lane; none in 53 bits of both.
    expect(count - lows.size).toBeLessThan(30);
    expect(pairs.size).toBe(count);
  });

  it('print as 16 hex digits, the high lane first', () => {
    expect(digestText({ low: 0xff, high: 0x8000_0001 })).toBe('80000001000000ff');
    expect(digestText(emptyDigest())).toBe('0000000000000000');
  });

  it('are the same today as yesterday: a changed hash is a changed wire', () => {
    expect(of(warehouseSchema.tables.warehouse, { id: 'A', amount: 1 })).toBe('be2024b925265fa9');
    expect(of(coin, coin.make({ id: 3, x: 0.5, y: -2 }))).toMatchInlineSnapshot(`"6c328c36ddf3bd85"`);
  });
});

function ones(word: number): number {
  let count = 0;
  for (let w = word >>> 0; w !== 0; w >>>= 1) count += w & 1;
  return count;
}
