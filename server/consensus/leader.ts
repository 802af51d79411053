import { fail } from './assert.ts';
import { ballotOf, leastAbove } from './ballot.ts';
import { findHistory } from './history.ts';
import { makeInfo } from './info.ts';
import { learn, onMark, teach } from './learner.ts';
import { CATCH_UP_COMMANDS, INFO_PAGES } from './limits.ts';
import { at, numbered, put } from './numbered.ts';
import type { Info, Leading, Paxos, Preparing } from './paxos-state.ts';
import { cut, type Step, send, sendProposal, sendWritten } from './paxos-step.ts';
import { bornOfLast, hearOf, stepDown } from './role.ts';
import { firstUnvoted, hasVoted, votedRanges } from './tally.ts';
import type { Ballot, Command, Device, Message, Vote } from './types.ts';
import { voteFor } from './voting.ts';

type BallotInfo = Extract<Message, { kind: 'ballot-info' }>;

const NO_VOTES: readonly Vote[] = [];

/** R1: begin a ballot above everything heard of (A41). `round`: at least this one, for scripted runs. */
export function lead(paxos: Paxos, step: Step, round: number | undefined): void {
  const { devices, self } = paxos.setup.config;
  stepDown(paxos, step);
  const least = leastAbove(Math.max(paxos.lastTried, paxos.nextBal, paxos.seen), self, devices);
  const ballot = Math.max(least, round === undefined ? 0 : ballotOf(round, self, devices));
  // lastTried must be durable before anyone hears of the ballot: it is never begun twice (A20). The own promise goes along.
  paxos.lastTried = ballot;
  paxos.nextBal = ballot;
  hearOf(paxos, ballot);
  step.mark = true;
  paxos.role = {
    kind: 'preparing',
    ballot,
    infos: new Array<null>(devices).fill(null),
    partial: new Array<null>(devices).fill(null),
  };
  for (let device = 0; device < devices; device++)
    if (device !== self) askBallot(paxos, step, device, ballot);
  // A22: its own answer follows the same rule as everybody's.
  for (const page of makeInfo(paxos, ballot, paxos.upTo + 1)) sendWritten(step, self, page);
}

function askBallot(paxos: Paxos, step: Step, to: Device, ballot: Ballot): void {
  sendWritten(step, to, { kind: 'next-ballot', ballot, from: paxos.upTo + 1 });
}

/** R3: a device promised more than this leader tried. */
export function onMyNextBal(paxos: Paxos, step: Step, ballot: Ballot): void {
  hearOf(paxos, ballot);
  if (ballot > paxos.lastTried) stepDown(paxos, step);
}

/** R4: an answer, or a page of it. What it says is issued is always learned; its votes count for exactly this ballot only. */
export function onBallotInfo(paxos: Paxos, step: Step, from: Device, message: BallotInfo): void {
  const { ballot, upTo, born, issued } = message;
  for (const command of issued) learn(paxos, step, from, command);
  onMark(paxos, step, from, upTo, born);
  const { role } = paxos;
  // A18, A19, T43, T44: late or of another ballot.
  if (role.kind === 'preparing' && role.ballot === ballot) record(role, step, from, message);
  else if (role.kind === 'leading' && message.page === 0)
    teach(paxos, step, from, upTo + 1, CATCH_UP_COMMANDS);
}

function record(role: Preparing, step: Step, from: Device, message: BallotInfo): void {
  const { ballot, upTo, votes, info, page, pages } = message;
  if (role.infos[from] !== null) return;
  const sound = votes.every((vote) => vote.ballot < ballot && vote.command.born <= vote.ballot);
  if (!sound || !(pages >= 1) || pages > INFO_PAGES || !(page >= 0) || page >= pages) {
    step.alarms.push(
      `R4: device ${from} answers ballot ${ballot} with page ${page} of ${pages} that cannot be right`,
    );
    return;
  }
  // R2: pages of two values are never mixed (T58, T59).
  let partial = role.partial[from] ?? null;
  if (partial === null || partial.info !== info || partial.upTo !== upTo || partial.pages.length !== pages) {
    partial = { info, upTo, pages: new Array<null>(pages).fill(null) };
    role.partial[from] = partial;
  }
  partial.pages[page] = votes;
  if (partial.pages.some((known) => known === null)) return;
  role.infos[from] = { upTo, votes: partial.pages.flatMap((known) => known ?? []) };
  role.partial[from] = null;
}

/**
 * R4, R5: with the answers of a majority set, none of which knows more issued commands than this device does, it becomes the
 * leader. An answer that knows more waits until its commands are learned; without it another majority will do (section 11).
 */
export function tryActivate(paxos: Paxos, step: Step): void {
  const { role, upTo, born } = paxos;
  if (role.kind !== 'preparing') return;
  let quorum = 0;
  const answers: Info[] = [];
  for (const [device, info] of role.infos.entries()) {
    if (info === null || info.upTo > upTo) continue;
    quorum |= 1 << device;
    answers.push(info);
  }
  if (!paxos.setup.isMajority(quorum)) return;
  const { ballot, infos } = role;
  if (paxos.nextBal !== ballot || paxos.lastTried !== ballot)
    fail('I8', 'activating a ballot that is not the own last one', {
      ballot,
      nextBal: paxos.nextBal,
      lastTried: paxos.lastTried,
    });

  const votes = votesByNumber(answers);
  const history = findHistory(upTo, born, (number) => votes.get(number) ?? NO_VOTES);
  const chain = numbered<Command>(upTo + 1);
  for (const command of history) put(chain, command.number, command);
  paxos.role = { kind: 'leading', ballot, chain, next: upTo + 1 + history.length, begun: upTo };
  step.activated = { ballot, upTo, chain: history };
  // X of [0057] 3: those who lag get what they miss.
  for (const [device, info] of infos.entries())
    if (info !== null && device !== paxos.setup.config.self)
      teach(paxos, step, device, info.upTo + 1, CATCH_UP_COMMANDS);
}

function votesByNumber(answers: readonly Info[]): Map<number, Vote[]> {
  const votes = new Map<number, Vote[]>();
  for (const info of answers)
    for (const vote of info.votes) {
      const { number } = vote.command;
      const held = votes.get(number);
      if (held === undefined) votes.set(number, [vote]);
      else held.push(vote);
    }
  return votes;
}

/** R7: new commands, made by functions on LS. They are begun together with what the window lets through. */
export function propose(paxos: Paxos, ballot: Ballot, commands: readonly Command[]): void {
  const { role, upTo } = paxos;
  if (role.kind !== 'leading' || role.ballot !== ballot) return;
  let precedent = bornOfLast(paxos, role);
  for (const command of commands) {
    if (command.number !== role.next || command.born !== ballot || command.precedent !== precedent)
      fail('I6', 'a proposed command does not continue the chain', {
        number: command.number,
        next: role.next,
        born: command.born,
        ballot,
        precedent: command.precedent,
        expected: precedent,
      });
    put(role.chain, command.number, command);
    role.next += 1;
    precedent = ballot;
  }
  const { window } = paxos.setup.config;
  if (commands.length > 0 && role.next - 1 > upTo + window)
    fail('I7', 'a function ran beyond the window', { next: role.next, upTo, window });
}

/** R6, R8: sends BeginBallot for the numbers of the chain that the window lets through, and votes for them itself. */
export function beginOpen(paxos: Paxos, step: Step): void {
  const { role, upTo } = paxos;
  if (role.kind !== 'leading') return;
  const { devices, self, window, messageBytes } = paxos.setup.config;
  const last = Math.min(role.next - 1, upTo + window);
  const first = Math.max(role.begun, upTo) + 1;
  if (first > last) return;
  const commands: Command[] = [];
  for (let number = first; number <= last; number++) commands.push(inChain(role, number));
  role.begun = last;
  for (const part of cut(commands, messageBytes)) {
    const message = { kind: 'begin-ballot', ballot: role.ballot, commands: part } as const;
    for (let device = 0; device < devices; device++) if (device !== self) sendProposal(step, device, message);
  }
  voteFor(paxos, step, role.ballot, commands);
}

function inChain(role: Leading, number: number): Command {
  return at(role.chain, number) ?? fail('I6', 'the chain has a hole', { number, next: role.next });
}

/**
 * Sends a device again what it has not answered: NextBallot (R1), or BeginBallot for the numbers it has not voted for (R6),
 * all of them or as many as one message holds. The same commands as before (A21).
 */
export function resend(paxos: Paxos, step: Step, to: Device, all: boolean): void {
  const { role, upTo, tally, setup } = paxos;
  if (to === setup.config.self || role.kind === 'follower') return;
  if (role.kind === 'preparing') {
    if (role.infos[to] === null) askBallot(paxos, step, to, role.ballot);
    return;
  }
  const commands: Command[] = [];
  for (let number = Math.max(upTo + 1, lowestUnvoted(paxos, to)); number <= role.begun; number++)
    if (!hasVoted(tally, role.ballot, to, number)) commands.push(inChain(role, number));
  const parts = cut(commands, setup.config.messageBytes);
  for (const part of all ? parts : parts.slice(0, 1))
    sendProposal(step, to, { kind: 'begin-ballot', ballot: role.ballot, commands: part });
  // Claim 3: the leader's own vote, as far as it counts it itself, may be what the other lacks.
  const own = setup.config.voting === 'all' && all ? votedRanges(tally, role.ballot, setup.config.self) : [];
  if (own.length > 0) send(step, to, { kind: 'voted', ballot: role.ballot, ranges: own });
}

/** The lowest number that was begun and that the device has not voted for in this ballot; 0 if there is none. */
export function lowestUnvoted(paxos: Paxos, device: Device): number {
  const { role, upTo, tally } = paxos;
  if (role.kind !== 'leading') return 0;
  return firstUnvoted(tally, role.ballot, device, upTo + 1, role.begun);
}
