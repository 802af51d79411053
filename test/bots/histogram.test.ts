import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../bots/histogram.ts';

const values = fc.array(fc.integer({ min: 0, max: 200_000_000 }), { minLength: 1, maxLength: 300 });
const filled = (micros: readonly number[]) => {
  const histogram = new Histogram();
  for (const value of micros) histogram.record(value / 1_000);
  return histogram;
};

describe('histogram', () => {
  it('knows every percentile to 0.8 %, and never tells too little', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.1, max: 100, noNaN: true }), (micros, percent) => {
        const sorted = micros.toSorted((a, b) => a - b);
        const exact = (sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] as number) / 1_000;
        const told = filled(micros).percentile(percent);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 128) + 1e-9);
      }),
    );
  });

  it('merges exactly: parts tell what the whole would have told', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 4 }), (parts) => {
        const merged = new Histogram();
        for (const part of parts) merged.add(structuredClone(filled(part).data()));
        expect(merged.data()).toEqual(filled(parts.flat()).data());
        expect(merged.summary()).toEqual(filled(parts.flat()).summary());
      }),
    );
  });

  it('holds the smallest, the largest and the mean exactly', () => {
    const histogram = filled([3, 1_234_567, 99_999_999]);
    expect([histogram.min, histogram.max, histogram.count]).toEqual([0.003, 99_999.999, 3]);
    expect(histogram.avg).toBeCloseTo((3 + 1_234_567 + 99_999_999) / 3_000, 9);
  });

  it('says 0 of nothing, and takes a negative time for 0', () => {
    expect(new Histogram().summary()).toEqual({
      ...{ count: 0, avg: 0, min: 0, med: 0, max: 0, p90: 0, p95: 0, p99: 0 },
    });
    const merged = Histogram.from(new Histogram().data());
    merged.record(-5);
    expect([merged.count, merged.max]).toEqual([1, 0]);
  });
});
