import { fail } from './assert.ts';
import { VOTES_PER_NUMBER } from './limits.ts';
import { at, entries, type Numbered, numbered, put } from './numbered.ts';
import type { Ballot, Command, Vote } from './types.ts';

/**
 * All votes of this device for numbers not known issued: for every distinct command the highest ballot in which it voted for
 * it (2.1). A set, never the latest only: a later vote for a command that proves not anchored must not hide an earlier one.
 *
 * Nearly every number has one vote ever, so that one stands there by itself.
 */
export type OpenVotes = Numbered<Vote | readonly Vote[]>;

export type Cast = 'new' | 'raised' | 'again' | 'conflict' | 'full' | 'different';

export function createVotes(upTo: number): OpenVotes {
  return numbered(upTo + 1);
}

/**
 * Records a vote for `command` in `ballot` (R10), for a number above upTo. `again`: cast before in this ballot. `conflict`: this
 * ballot holds this device's vote for another command (I2). `different`: equal identity, unequal content (I5).
 */
export function castVote(votes: OpenVotes, ballot: Ballot, command: Command): Cast {
  const held = at(votes, command.number);
  if (held === undefined) {
    put(votes, command.number, { ballot, command });
    return 'new';
  }
  const all = listed(held);
  let same: Vote | undefined;
  for (const vote of all) {
    if (vote.command.born === command.born) same = vote;
    else if (vote.ballot === ballot) return 'conflict';
  }
  if (same === undefined) {
    if (all.length >= VOTES_PER_NUMBER) return 'full';
    put(votes, command.number, ordered([...all, { ballot, command }]));
    return 'new';
  }
  if (!sameContent(same.command, command)) return 'different';
  if (same.ballot === ballot) return 'again';
  if (same.ballot > ballot)
    fail('I2', 'a vote below the promise', { ballot, before: same.ballot, number: command.number });
  put(votes, command.number, ordered([...all.filter((vote) => vote !== same), { ballot, command }]));
  return 'raised';
}

/** The votes under one number. */
export function listed(held: Vote | readonly Vote[] | undefined): readonly Vote[] {
  if (held === undefined) return [];
  return isOne(held) ? [held] : held;
}

function isOne(held: Vote | readonly Vote[]): held is Vote {
  return !Array.isArray(held);
}

/** One order for equal sets, so that equal states read equal. */
function ordered(votes: Vote[]): readonly Vote[] {
  return votes.sort((a, b) => a.command.born - b.command.born);
}

/** The command of this identity if this device voted for it. */
export function votedFor(votes: OpenVotes, number: number, born: Ballot): Command | undefined {
  const held = at(votes, number);
  if (held === undefined) return undefined;
  const one = isOne(held);
  for (let place = 0; place < (one ? 1 : held.length); place++) {
    const vote = one ? held : held[place]!;
    if (vote.command.born === born) return vote.command;
  }
  return undefined;
}

/** Every vote, ascending by number. */
export function allVotes(votes: OpenVotes): Vote[] {
  const all: Vote[] = [];
  for (const [, held] of entries(votes)) all.push(...listed(held));
  return all;
}

/** I5: one content for one identity. */
export function sameContent(a: Command, b: Command): boolean {
  if (a === b) return true;
  if (a.precedent !== b.precedent || a.bytes.length !== b.bytes.length) return false;
  if (a.bytes === b.bytes) return true;
  for (let index = 0; index < a.bytes.length; index++) if (a.bytes[index] !== b.bytes[index]) return false;
  return true;
}

export function serialiseVotes(votes: Iterable<Vote>): string {
  let text = '';
  for (const { ballot, command } of votes)
    text += `${ballot}:${command.born}@${command.number}<${command.precedent},`;
  return text;
}
