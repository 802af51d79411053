import { fail } from './assert.ts';
import { ownerOf } from './ballot.ts';
import { OPEN_WINDOWS } from './limits.ts';
import type { Paxos } from './paxos-state.ts';
import { addToRanges, type Step, sendWritten } from './paxos-step.ts';
import type { Ballot, Command, VotedRange } from './types.ts';
import { castVote } from './votes.ts';

/**
 * R10 for commands above upTo, in a ballot that is not below the promise: write the votes, then announce them, as few ranges
 * as possible in one message. Nothing but the ballot is checked (A11): the number may be above a hole, the precedent unknown.
 */
export function voteFor(paxos: Paxos, step: Step, ballot: Ballot, commands: readonly Command[]): void {
  const { nextBal, upTo } = paxos;
  const { devices, self, window } = paxos.setup.config;
  if (ballot < nextBal) fail('I2', 'a vote below the promise', { ballot, nextBal });
  // Too far above what is known issued: not voting is always allowed [0063], catching up comes first.
  const highest = upTo + OPEN_WINDOWS * window;
  const ranges: VotedRange[] = [];
  const fresh: Command[] = [];
  for (const command of commands) {
    const { number, born } = command;
    if (number <= upTo || number > highest) continue;
    const cast = castVote(paxos.votes, ballot, command);
    if (cast === 'new' || cast === 'raised') fresh.push(command);
    else if (cast !== 'again') {
      if (cast !== 'full' && ownerOf(ballot, devices) === self)
        fail('I14', 'this device proposed something else in its ballot before', { ballot, number, born });
      // I2, I5: the first vote is kept, this one is not cast.
      step.alarms.push(`R10: vote for ${born}@${number} in ballot ${ballot} not cast: ${cast}`);
      continue;
    }
    addToRanges(ranges, number, born);
  }
  if (fresh.length > 0) {
    // Joining by BeginBallot is safe (A9, T39): promise and vote in one write.
    paxos.nextBal = ballot;
    if (step.votes === null) step.votes = { ballot, commands: fresh };
    else if (step.votes.ballot === ballot) step.votes.commands.push(...fresh);
    else fail('I2', 'votes in two ballots in one step', { ballot, other: step.votes.ballot });
  }
  if (ranges.length > 0) announce(paxos, step, ballot, ranges);
}

/** Claim 2: to the leader. Claim 3 [0066]: to every device, this one included; each concludes by itself. */
function announce(paxos: Paxos, step: Step, ballot: Ballot, ranges: readonly VotedRange[]): void {
  const { devices, voting } = paxos.setup.config;
  const message = { kind: 'voted', ballot, ranges } as const;
  if (voting === 'leader') sendWritten(step, ownerOf(ballot, devices), message);
  else for (let device = 0; device < devices; device++) sendWritten(step, device, message);
}
