import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../server/consensus/assert.ts';
import { VOTES_PER_NUMBER } from '../../server/consensus/limits.ts';
import { allVotes, castVote, createVotes, serialiseVotes, votedFor } from '../../server/consensus/votes.ts';
import { command } from './network.ts';

describe('all votes of an open number [2.1, R10]', () => {
  it('keeps one vote for each command, with its highest ballot', () => {
    const votes = createVotes(0);
    expect(castVote(votes, 3, command(2, 3, 3))).toBe('new');
    expect(castVote(votes, 5, command(2, 5, 4))).toBe('new');
    expect(castVote(votes, 7, command(2, 3, 3))).toBe('raised');
    expect(serialiseVotes(allVotes(votes))).toBe('7:3@2<3,5:5@2<4,');
    expect(votedFor(votes, 2, 5)?.precedent).toBe(4);
    expect(votedFor(votes, 2, 4)).toBeUndefined();
  });

  it('T36: the same again changes nothing; T37: another command in the same ballot is a conflict (I2)', () => {
    const votes = createVotes(0);
    castVote(votes, 5, command(1, 5, 0));
    const before = serialiseVotes(allVotes(votes));
    expect(castVote(votes, 5, command(1, 5, 0))).toBe('again');
    expect(castVote(votes, 5, command(1, 4, 0))).toBe('conflict');
    expect(serialiseVotes(allVotes(votes))).toBe(before);
  });

  it('I5: equal identity with other content is neither vote nor repetition', () => {
    const votes = createVotes(0);
    castVote(votes, 5, command(1, 5, 0, 'one'));
    expect(castVote(votes, 7, command(1, 5, 0, 'two'))).toBe('different');
    expect(castVote(votes, 7, command(1, 5, 0, 'one!'))).toBe('different');
    expect(castVote(votes, 7, command(1, 5, 3, 'one'))).toBe('different');
    expect(castVote(votes, 7, command(1, 5, 0, 'one'))).toBe('raised');
  });

  it('I2: a vote below an earlier one for the same command is this device`s own fault', () => {
    const votes = createVotes(0);
    castVote(votes, 5, command(1, 3, 0));
    expect(() => castVote(votes, 4, command(1, 3, 0))).toThrow(ProtocolViolation);
  });

  it('is one text for one set, in whatever order they were cast', () => {
    const one = createVotes(0);
    const other = createVotes(0);
    for (const born of [3, 4, 5]) castVote(one, 5 + born, command(1, born, 0));
    for (const born of [5, 3, 4]) castVote(other, 5 + born, command(1, born, 0));
    expect(serialiseVotes(allVotes(one))).toBe(serialiseVotes(allVotes(other)));
  });

  it('is bounded for each number', () => {
    const votes = createVotes(0);
    for (let born = 1; born <= VOTES_PER_NUMBER; born++)
      expect(castVote(votes, born, command(1, born, 0))).toBe('new');
    expect(castVote(votes, 9_999, command(1, 9_999, 0))).toBe('full');
    expect(castVote(votes, 10_000, command(1, 7, 0))).toBe('raised');
  });
});
