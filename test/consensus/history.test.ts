import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../server/consensus/assert.ts';
import { findHistory, latestAnchored } from '../../server/consensus/history.ts';
import type { Vote } from '../../server/consensus/types.ts';
import { command } from './network.ts';

const vote = (ballot: number, number: number, born: number, precedent: number): Vote => ({
  ballot,
  command: command(number, born, precedent),
});

describe('InitHistProc [R5, 0057]', () => {
  const history = (upTo: number, born: number, votes: readonly Vote[]) =>
    findHistory(upTo, born, (number) => votes.filter((held) => held.command.number === number)).map(
      (held) => `${held.born}@${held.number}`,
    );

  it('T24: filter the anchored votes, then the latest', () => {
    expect(latestAnchored([vote(3, 2, 3, 1), vote(7, 2, 7, 6), vote(5, 2, 5, 1)], 1)?.ballot).toBe(5);
  });

  it('T25: a hole ends it; T27: nothing voted, nothing proposed again', () => {
    expect(history(1, 3, [vote(3, 3, 3, 3), vote(3, 4, 3, 3)])).toEqual([]);
    expect(history(7, 3, [])).toEqual([]);
  });

  it('T26: the hole filled, all of it', () => {
    expect(history(1, 3, [vote(4, 3, 4, 4), vote(4, 2, 4, 3), vote(4, 4, 4, 4)])).toEqual([
      '4@2',
      '4@3',
      '4@4',
    ]);
  });

  it('a vote counts by its own ballot, not by that of its command', () => {
    expect(history(0, 0, [vote(9, 1, 3, 0), vote(5, 1, 5, 0)])).toEqual(['3@1']);
  });

  it('two commands of one ballot for one number cannot be (I14)', () => {
    expect(() => latestAnchored([vote(5, 1, 3, 0), vote(5, 1, 4, 0)], 0)).toThrow(ProtocolViolation);
  });

  it('whatever the votes: a chain from the last issued command, ended by a number without anchored votes', () => {
    const votes = fc.array(
      fc
        .record({
          number: fc.integer({ min: 1, max: 6 }),
          born: fc.integer({ min: 1, max: 4 }),
          precedent: fc.nat(4),
        })
        // A ballot of its own for each command: no two of one ballot.
        .map(({ number, born, precedent }) => vote(born * 10 + precedent, number, born, precedent)),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(votes, fc.nat(4), (held, born) => {
        const votesFor = (number: number) => held.filter((one) => one.command.number === number);
        const chain = findHistory(0, born, votesFor);
        let precedent = born;
        for (const [index, found] of chain.entries()) {
          expect(found.number).toBe(index + 1);
          expect(found.precedent).toBe(precedent);
          const anchored = votesFor(found.number).filter((one) => one.command.precedent === precedent);
          expect(Math.max(...anchored.map(({ ballot }) => ballot))).toBe(found.born * 10 + precedent);
          precedent = found.born;
        }
        expect(votesFor(chain.length + 1).filter((one) => one.command.precedent === precedent)).toEqual([]);
      }),
    );
  });
});
