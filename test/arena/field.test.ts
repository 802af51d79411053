import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCKS, distance, freePoint, isFree, PILLARS, walk } from '../../game-logic/worlds/arena/field.ts';
import { HEIGHT, RADIUS, WIDTH } from '../../game-logic/worlds/arena/rules.ts';

const unit = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const place = fc
  .array(unit, { minLength: 130, maxLength: 130 })
  .map((dice) => freePoint(() => dice.pop() ?? 0));

describe('the ground', () => {
  it('has room for a body between any two obstacles and to the walls', () => {
    const circles = PILLARS.map((pillar) => ({ ...pillar }));
    const gap = (x1: number, y1: number, x2: number, y2: number, r: number) =>
      Math.hypot(x1 - x2, y1 - y2) - r;
    for (const [i, a] of circles.entries()) {
      for (const b of circles.slice(i + 1))
        expect(gap(a.x, a.y, b.x, b.y, a.r + b.r)).toBeGreaterThan(2 * RADIUS);
      for (const block of BLOCKS) {
        const x = Math.min(Math.max(a.x, block.x), block.x + block.w);
        const y = Math.min(Math.max(a.y, block.y), block.y + block.h);
        expect(gap(a.x, a.y, x, y, a.r)).toBeGreaterThan(2 * RADIUS);
      }
      expect(Math.min(a.x, a.y, WIDTH - a.x, HEIGHT - a.y) - a.r).toBeGreaterThan(2 * RADIUS);
    }
    for (const block of BLOCKS) {
      expect(Math.min(block.x, block.y)).toBeGreaterThan(2 * RADIUS);
      expect(Math.min(WIDTH - block.x - block.w, HEIGHT - block.y - block.h)).toBeGreaterThan(2 * RADIUS);
    }
  });

  it('never lets a walk end in a wall, nor farther than it was long', () => {
    const length = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(place, length, length, (from, dx, dy) => {
        const to = walk(from, dx, dy);
        expect(isFree(to)).toBe(true);
        // Rows keep 32-bit floats.
        expect(isFree({ x: Math.fround(to.x), y: Math.fround(to.y) })).toBe(true);
        // The grid may be half a cell's diagonal away, or a whole one beside an obstacle.
        expect(distance(from, to)).toBeLessThanOrEqual(Math.hypot(dx, dy) + Math.SQRT2 / 256);
        expect([to.x * 256, to.y * 256].map((steps) => steps % 1)).toEqual([0, 0]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('lets a body slide along a wall', () => {
    const to = walk({ x: 3, y: RADIUS }, 1, -1);
    expect(to.y).toBeCloseTo(RADIUS);
    expect(to.x).toBeCloseTo(4);
  });

  it('says no to places that are none', () => {
    expect(isFree({ x: Number.NaN, y: 1 })).toBe(false);
    expect(isFree({ x: -1, y: 1 })).toBe(false);
    expect(isFree({ x: PILLARS[0]!.x, y: PILLARS[0]!.y })).toBe(false);
  });
});
