/**
 * Executive Paxos, the agreement part: rules R1 to R14 as one step function over plain data. No clock, no links, no elections:
 * those are in consensus.ts, which drives this.
 *
 *   const paxos = createPaxos(config, durable);
 *   const effects = stepPaxos(paxos, input);      // changes `paxos`; explorers step a clonePaxos()
 */
import { onBeginBallot, onNextBallot } from './follower.ts';
import { packIssued } from './issued-tail.ts';
import { beginOpen, lead, onBallotInfo, onMyNextBal, propose, resend, tryActivate } from './leader.ts';
import { advance, onCatchUp, onIssued, onMark, onSuccess, onVoted } from './learner.ts';
import { dropThrough } from './numbered.ts';
import type { Paxos } from './paxos-state.ts';
import { addToRanges, beginStep, finish, type Step, sendOthers } from './paxos-step.ts';
import { hearOf, stepDown } from './role.ts';
import { pruneTally } from './tally.ts';
import type { Ballot, Command, Device, Effects, Message, VotedRange } from './types.ts';

export type AgreementMessage = Exclude<
  Message,
  { kind: 'heartbeat' | 'heartbeat-ack' | 'pre-vote' | 'pre-vote-answer' | 'take-over' }
>;

export type PaxosInput =
  | { readonly kind: 'message'; readonly from: Device; readonly message: AgreementMessage }
  | { readonly kind: 'lead'; readonly round?: number }
  | { readonly kind: 'step-down' }
  | { readonly kind: 'propose'; readonly ballot: Ballot; readonly commands: readonly Command[] }
  /** `from` says that everything up to this command is issued (a heartbeat). */
  | { readonly kind: 'mark'; readonly from: Device; readonly upTo: number; readonly born: Ballot }
  /** `from` promised this ballot, or leads it: a leader of a lower one is over. */
  | { readonly kind: 'ballot'; readonly ballot: Ballot }
  /** Repeat to a device what it has not answered: one message of it, or all. */
  | { readonly kind: 'resend'; readonly to: Device; readonly all: boolean }
  /** Nothing else happens: write the `issued` mark if one is due. */
  | { readonly kind: 'idle' };

export function stepPaxos(paxos: Paxos, input: PaxosInput): Effects {
  const step = beginStep(paxos);
  take(paxos, step, input);
  return finish(paxos, step);
}

/** One input as a part of a step: a step may be made of several and is still one write. */
export function take(paxos: Paxos, step: Step, input: PaxosInput): void {
  apply(paxos, step, input);
  settle(paxos, step);
}

function apply(paxos: Paxos, step: Step, input: PaxosInput): void {
  switch (input.kind) {
    case 'message':
      onMessage(paxos, step, input.from, input.message);
      break;
    case 'lead':
      lead(paxos, step, input.round);
      break;
    case 'step-down':
      stepDown(paxos, step);
      break;
    case 'propose':
      propose(paxos, input.ballot, input.commands);
      break;
    case 'mark':
      onMark(paxos, step, input.from, input.upTo, input.born);
      break;
    case 'ballot':
      hearOf(paxos, input.ballot);
      if (paxos.role.kind !== 'follower' && input.ballot > paxos.role.ballot) stepDown(paxos, step);
      break;
    case 'resend':
      resend(paxos, step, input.to, input.all);
      break;
    case 'idle':
      step.mark = true;
  }
}

function onMessage(paxos: Paxos, step: Step, from: Device, message: AgreementMessage): void {
  switch (message.kind) {
    case 'next-ballot':
      onNextBallot(paxos, step, from, message.ballot, message.from);
      break;
    case 'ballot-info':
      onBallotInfo(paxos, step, from, message);
      break;
    case 'my-next-bal':
      onMyNextBal(paxos, step, message.ballot);
      break;
    case 'begin-ballot':
      onBeginBallot(paxos, step, from, message.ballot, message.commands);
      break;
    case 'voted':
      onVoted(paxos, step, from, message.ballot, message.ranges);
      break;
    case 'success':
      onSuccess(paxos, step, from, message.ranges);
      break;
    case 'catch-up':
      onCatchUp(paxos, step, from, message.from, message.max);
      break;
    case 'issued':
      onIssued(paxos, step, from, message.commands);
  }
}

/** What follows from the new state, whatever brought it about: issue, activate, open the window, forget. */
function settle(paxos: Paxos, step: Step): void {
  advance(paxos, step);
  sendSuccess(paxos, step);
  tryActivate(paxos, step);
  beginOpen(paxos, step);
  if (step.issued.length > 0) forget(paxos);
}

/** Claim 2: the leader tells everybody what its voters made issued. In claim 3 they conclude it themselves. */
function sendSuccess(paxos: Paxos, step: Step): void {
  const { told } = step;
  step.told = step.issued.length;
  if (paxos.role.kind !== 'leading' || paxos.setup.config.voting !== 'leader' || told === step.told) return;
  const ranges: VotedRange[] = [];
  for (let index = told; index < step.told; index++) {
    const { number, born } = step.issued[index]!;
    addToRanges(ranges, number, born);
  }
  sendOthers(paxos, step, { kind: 'success', ranges });
}

/** I11: what is issued needs no votes, tallies or proposals any more; storage forgets its own only when the mark is durable. */
function forget(paxos: Paxos): void {
  const { upTo, votes, early, tail, tally, role, setup } = paxos;
  dropThrough(votes, upTo);
  dropThrough(early, upTo);
  pruneTally(tally, upTo);
  if (role.kind === 'leading') dropThrough(role.chain, upTo);
  packIssued(tail, setup.config.tailCommands);
  if (paxos.mark !== null && paxos.mark.upTo <= upTo) paxos.mark = null;
}
