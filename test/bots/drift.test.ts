import { describe, expect, it } from 'vitest';
import { curve, driftOf } from './drift.ts';

describe('drift', () => {
  it('is seen through noise', () => {
    const leak = Array.from({ length: 20 }, (_, at) => 100 + 3 * at + (at % 3) * 4);
    expect(driftOf('leak', leak, 0.25)).toMatchObject({ climbs: true });
  });

  it('is not seen in noise, in one bad sample, or in what falls', () => {
    const noise = Array.from({ length: 20 }, (_, at) => 100 + ((at * 7) % 5) * 6);
    expect(driftOf('noise', noise, 0.25).climbs).toBe(false);
    expect(driftOf('spike', [...noise.slice(0, 18), 900, 950], 0.25).climbs).toBe(false);
    expect(
      driftOf(
        'fall',
        noise.map((value, at) => value - 3 * at),
        0.25,
      ).climbs,
    ).toBe(false);
  });

  it('is not claimed of too few samples', () => {
    expect(driftOf('few', [1, 2, 3, 4, 5], 0.25).climbs).toBe(false);
    expect(driftOf('none', [], 0.25)).toMatchObject({ from: 0, to: 0, climbs: false });
  });

  it('is drawn from zero, several samples to a block', () => {
    expect(curve([0, 4, 8], 60)).toBe('▁▅█');
    expect(curve([1, 1, 1, 8, 8, 8], 2)).toBe('▂█');
    expect(curve([], 10)).toBe('');
  });
});
