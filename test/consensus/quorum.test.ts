import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../server/consensus/assert.ts';
import { createMajority, weighsMoreThanHalf } from '../../server/consensus/quorum.ts';

const maskOf = (devices: readonly number[]) => devices.reduce((mask, device) => mask | (1 << device), 0);

describe('majority sets [B2, 0049]', () => {
  it('T75: with weights 2,1,1 the heavy device and any other are one, the two light ones are not', () => {
    const isMajority = createMajority([2, 1, 1]);
    expect(isMajority(maskOf([1, 2]))).toBe(false);
    expect(isMajority(maskOf([0]))).toBe(false);
    expect(isMajority(maskOf([0, 1]))).toBe(true);
    expect(isMajority(maskOf([0, 2]))).toBe(true);
  });

  it('T76: half is not enough (A40)', () => {
    const isMajority = createMajority([1, 1, 1, 1]);
    expect(isMajority(maskOf([0, 3]))).toBe(false);
    expect(isMajority(maskOf([0, 1, 3]))).toBe(true);
  });

  const weightsAndSets = fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 14 })
    .filter((weights) => weights.some((weight) => weight > 0))
    .chain((weights) => {
      const set = fc.uniqueArray(fc.integer({ min: 0, max: weights.length - 1 }));
      return fc.tuple(fc.constant(weights), set, set);
    });

  it('the fast form is the definition', () => {
    fc.assert(
      fc.property(weightsAndSets, ([weights, devices]) => {
        expect(createMajority(weights)(maskOf(devices))).toBe(weighsMoreThanHalf(weights, devices));
      }),
    );
  });

  it('any two intersect', () => {
    fc.assert(
      fc.property(weightsAndSets, ([weights, one, other]) => {
        const isMajority = createMajority(weights);
        if (isMajority(maskOf(one)) && isMajority(maskOf(other)))
          expect(maskOf(one) & maskOf(other)).not.toBe(0);
      }),
    );
  });

  it('31 devices fit a mask, 32 do not; nor do weights without sum or fractions', () => {
    const all31 = new Array<number>(31).fill(1);
    const isMajority = createMajority(all31);
    expect(isMajority(0x7fff_ffff)).toBe(true);
    expect(isMajority(maskOf([...Array(16).keys()].map((device) => device + 15)))).toBe(true);
    expect(isMajority(maskOf([...Array(15).keys()]))).toBe(false);
    for (const weights of [[...all31, 1], [0, 0], [], [0.5, 1], [-1, 3], [Number.MAX_SAFE_INTEGER, 1]])
      expect(() => createMajority(weights)).toThrow(ProtocolViolation);
  });
});
