import { ownerOf } from './ballot.ts';
import { makeInfo } from './info.ts';
import { teach } from './learner.ts';
import type { Paxos } from './paxos-state.ts';
import { type Step, send, sendWritten } from './paxos-step.ts';
import { hearOf, stepDown } from './role.ts';
import type { Ballot, Command, Device } from './types.ts';
import { voteFor } from './voting.ts';

/** I13: a ballot's messages come from its owner; others' are ignored. */
function isOwner(paxos: Paxos, step: Step, from: Device, ballot: Ballot, what: string): boolean {
  if (ownerOf(ballot, paxos.setup.config.devices) === from) return true;
  step.alarms.push(`I13: ${what} of ballot ${ballot} from device ${from}`);
  return false;
}

/** R2: promise a ballot, and say everything its leader must know. A repeated NextBallot is answered again (A12). */
export function onNextBallot(paxos: Paxos, step: Step, p: Device, ballot: Ballot, from: number): void {
  if (!isOwner(paxos, step, p, ballot, 'next-ballot')) return;
  if (ballot < paxos.nextBal) {
    send(step, p, { kind: 'my-next-bal', ballot: paxos.nextBal });
    return;
  }
  hearOf(paxos, ballot);
  if (paxos.role.kind !== 'follower' && paxos.role.ballot < ballot) stepDown(paxos, step);
  paxos.nextBal = ballot;
  // The answer says upTo, so that must be durable with the promise: the answer is this device's durable state.
  step.mark = true;
  for (const page of makeInfo(paxos, ballot, from)) sendWritten(step, p, page);
}

/** R10: vote for what a leader proposes, unless a higher ballot was promised. */
export function onBeginBallot(
  paxos: Paxos,
  step: Step,
  from: Device,
  ballot: Ballot,
  commands: readonly Command[],
): void {
  if (!isOwner(paxos, step, from, ballot, 'begin-ballot')) return;
  if (ballot < paxos.nextBal) {
    send(step, from, { kind: 'my-next-bal', ballot: paxos.nextBal });
    return;
  }
  hearOf(paxos, ballot);
  // Somebody leads a higher ballot: this device's own is over.
  if (paxos.role.kind !== 'follower' && paxos.role.ballot < ballot) stepDown(paxos, step);
  const sound = commands.every(({ born }) => born <= ballot);
  if (!sound) step.alarms.push(`R10: ballot ${ballot} proposes a command created in a higher one`);
  voteFor(paxos, step, ballot, sound ? commands : commands.filter(({ born }) => born <= ballot));
  // What is issued here already is not voted for any more; it teaches a stale leader (R10).
  let lowest = Number.MAX_SAFE_INTEGER;
  for (const { number } of commands) lowest = Math.min(lowest, number);
  if (lowest <= paxos.upTo) teach(paxos, step, from, lowest, commands.length);
}
