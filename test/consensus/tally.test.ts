import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TALLY_BALLOTS, TALLY_RANGES } from '../../server/consensus/limits.ts';
import { addToRanges } from '../../server/consensus/paxos-step.ts';
import { createMajority } from '../../server/consensus/quorum.ts';
import {
  cloneTally,
  countVotes,
  createTally,
  firstUnvoted,
  hasVoted,
  majoritiesAt,
  pruneTally,
  serialiseTally,
} from '../../server/consensus/tally.ts';
import type { VotedRange } from '../../server/consensus/types.ts';

const isMajority = createMajority([1, 1, 1]);

describe('the tally [R11, I12]', () => {
  it('T34: a repeated vote counts once; T35: ballots do not add up', () => {
    const tally = createTally();
    const range = { first: 1, last: 1, born: 3 };
    expect(countVotes(tally, 3, 3, 1, range, 0)).toBe('counted');
    countVotes(tally, 3, 3, 1, range, 0);
    countVotes(tally, 3, 5, 2, range, 0);
    expect(majoritiesAt(tally, 1, isMajority)).toEqual([]);
    countVotes(tally, 3, 5, 0, range, 0);
    expect(majoritiesAt(tally, 1, isMajority)).toEqual([{ ballot: 5, born: 3, last: 1 }]);
  });

  it('T84: commands of one number and different birth are never added up', () => {
    const tally = createTally();
    countVotes(tally, 3, 5, 0, { first: 1, last: 1, born: 3 }, 0);
    countVotes(tally, 3, 5, 1, { first: 1, last: 1, born: 4 }, 0);
    expect(majoritiesAt(tally, 1, isMajority)).toEqual([]);
    countVotes(tally, 3, 5, 2, { first: 1, last: 1, born: 4 }, 0);
    expect(majoritiesAt(tally, 1, isMajority)).toEqual([{ ballot: 5, born: 4, last: 1 }]);
  });

  it('a device that votes twice in one ballot is a conflict; the first vote stays', () => {
    const tally = createTally();
    countVotes(tally, 3, 5, 0, { first: 1, last: 9, born: 5 }, 0);
    expect(countVotes(tally, 3, 5, 0, { first: 4, last: 4, born: 3 }, 0)).toBe('conflict');
    countVotes(tally, 3, 5, 1, { first: 4, last: 4, born: 3 }, 0);
    expect(majoritiesAt(tally, 4, isMajority)).toEqual([]);
  });

  it('agrees with counting number by number', () => {
    const vote = fc.record({
      ballot: fc.constantFrom(5, 8),
      device: fc.nat(2),
      first: fc.integer({ min: 1, max: 30 }),
      length: fc.integer({ min: 1, max: 8 }),
      upTo: fc.nat(3),
    });
    // One creating ballot for each number of a ballot, as an honest leader has it.
    const bornOf = (ballot: number, number: number) => (number % 7 === 0 ? 2 : ballot);
    fc.assert(
      fc.property(fc.array(vote, { maxLength: 60 }), (votes) => {
        const tally = createTally();
        const naive = new Set<string>();
        let upTo = 0;
        for (const { ballot, device, first, length, upTo: more } of votes) {
          const ranges: VotedRange[] = [];
          for (let number = first; number < first + length; number++) {
            addToRanges(ranges, number, bornOf(ballot, number));
            naive.add(`${ballot}/${number}/${device}`);
          }
          for (const range of ranges) countVotes(tally, 3, ballot, device, range, upTo);
          upTo += more === 3 ? 1 : 0;
          pruneTally(tally, upTo);
        }
        for (let number = upTo + 1; number <= 40; number++) {
          const expected = [5, 8].filter(
            (ballot) => [0, 1, 2].filter((device) => naive.has(`${ballot}/${number}/${device}`)).length >= 2,
          );
          const found = majoritiesAt(tally, number, isMajority);
          expect(found.map(({ ballot }) => ballot)).toEqual(expected);
          for (const { ballot, born, last } of found) {
            expect(born).toBe(bornOf(ballot, number));
            // The promise of a range: the same devices voted up to `last`.
            for (let other = number; other <= last; other++)
              expect(majoritiesAt(tally, other, isMajority).some((one) => one.ballot === ballot)).toBe(true);
          }
          for (const ballot of [5, 8])
            for (const device of [0, 1, 2])
              expect(hasVoted(tally, ballot, device, number)).toBe(
                naive.has(`${ballot}/${number}/${device}`),
              );
        }
        for (const device of [0, 1, 2]) {
          const missing = [...Array(40).keys()]
            .map((index) => index + 1)
            .find((number) => number > upTo && !naive.has(`5/${number}/${device}`));
          expect(firstUnvoted(tally, 5, device, upTo + 1, 40)).toBe(missing ?? 0);
        }
      }),
    );
  });

  it('is one text for one meaning, in whatever order and pieces the votes came', () => {
    const pieces = [
      { first: 1, last: 3, born: 5 },
      { first: 4, last: 4, born: 5 },
      { first: 5, last: 9, born: 5 },
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(pieces, { minLength: 3 }), (order) => {
        const tally = createTally();
        for (const range of order) countVotes(tally, 3, 5, 1, range, 0);
        const whole = createTally();
        countVotes(whole, 3, 5, 1, { first: 1, last: 9, born: 5 }, 0);
        expect(serialiseTally(tally)).toBe(serialiseTally(whole));
        pruneTally(tally, 9);
        expect(serialiseTally(tally)).toBe(serialiseTally(createTally()));
      }),
    );
  });

  it('a copy is independent', () => {
    const tally = createTally();
    countVotes(tally, 3, 5, 1, { first: 1, last: 3, born: 5 }, 0);
    const copy = cloneTally(tally);
    countVotes(copy, 3, 5, 1, { first: 4, last: 4, born: 5 }, 0);
    expect(hasVoted(tally, 5, 1, 4)).toBe(false);
  });

  it('is bounded: the highest ballots, and ranges', () => {
    const tally = createTally();
    for (let ballot = 1; ballot <= 100; ballot++)
      countVotes(tally, 3, ballot, 0, { first: 1, last: 1, born: 1 }, 0);
    expect(tally.ballots.map(({ ballot }) => ballot)).toEqual(
      Array.from({ length: TALLY_BALLOTS }, (_, index) => 101 - TALLY_BALLOTS + index),
    );
    expect(countVotes(tally, 3, 50, 0, { first: 1, last: 1, born: 1 }, 0)).toBe('dropped');
    for (let number = 1; number <= 3 * TALLY_RANGES; number += 2)
      countVotes(tally, 3, 100, 1, { first: number, last: number, born: 1 }, 0);
    expect(tally.ballots.at(-1)?.voters[1]?.length).toBe(TALLY_RANGES);
  });
});
