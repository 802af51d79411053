import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ballotOf, leastAbove, ownerOf, roundOf } from '../../server/consensus/ballot.ts';

describe('ballots [B1, 0048]', () => {
  it('17 is round 5 of device 2, 21 is round 7 of device 0, as in Fig. 8', () => {
    expect(ballotOf(5, 2, 3)).toBe(17);
    expect(ballotOf(7, 0, 3)).toBe(21);
    expect([ownerOf(17, 3), roundOf(17, 3)]).toEqual([2, 5]);
  });

  it('the least own ballot above everything heard of (R1, A41); rounds start at 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), fc.nat(10_000), fc.nat(), (devices, floor, pick) => {
        const owner = pick % devices;
        const ballot = leastAbove(floor, owner, devices);
        expect(ownerOf(ballot, devices)).toBe(owner);
        expect(roundOf(ballot, devices)).toBeGreaterThanOrEqual(1);
        expect(ballot).toBeGreaterThan(floor);
        if (roundOf(ballot, devices) > 1) expect(ballot - devices).toBeLessThanOrEqual(floor);
      }),
    );
  });
});
