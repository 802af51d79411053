import { fail } from './assert.ts';
import type { Ballot, Command, Vote } from './types.ts';

/**
 * InitHistProc (R5, [0057] step 3(a)): the commands above `upTo` that a new leader must propose again.
 *
 * Upwards from the last issued command (its creating ballot is `born`): of all votes reported for a number take those whose
 * command names the one chosen just below as its precedent (anchored), and of these the one of the highest ballot. Filter
 * first, then the maximum; the other order loses issued commands (2.3). The walk ends at the first number without an
 * anchored vote; whatever was voted above stays where it is, a later leader may anchor it.
 */
export function findHistory(
  upTo: number,
  born: Ballot,
  votesFor: (number: number) => readonly Vote[],
): Command[] {
  const chain: Command[] = [];
  let precedent = born;
  for (let number = upTo + 1; ; number++) {
    const vote = latestAnchored(votesFor(number), precedent);
    if (vote === undefined) return chain;
    chain.push(vote.command);
    precedent = vote.command.born;
  }
}

/** The vote of the highest ballot among those whose command depends on `precedent`. */
export function latestAnchored(votes: readonly Vote[], precedent: Ballot): Vote | undefined {
  let latest: Vote | undefined;
  for (const vote of votes) {
    if (vote.command.precedent !== precedent) continue;
    if (latest === undefined || vote.ballot > latest.ballot) latest = vote;
    else if (vote.ballot === latest.ballot && vote.command.born !== latest.command.born)
      // A ballot proposes one command per number (I14); choosing either could undo an issued one.
      fail('I14', 'two commands of one ballot for one number', {
        ballot: vote.ballot,
        number: vote.command.number,
        born: vote.command.born,
        other: latest.command.born,
      });
  }
  return latest;
}
