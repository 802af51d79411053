import { fail } from './assert.ts';
import { issuedFrom } from './info.ts';
import { issuedAt, keepIssued } from './issued-tail.ts';
import { CATCH_UP_ANSWER_BYTES, CATCH_UP_COMMANDS, OPEN_WINDOWS } from './limits.ts';
import { at, put, remove } from './numbered.ts';
import type { Paxos } from './paxos-state.ts';
import { cut, type Step, send } from './paxos-step.ts';
import { agreesWithChain, hearOf, stepDown } from './role.ts';
import { countVotes, majoritiesAt } from './tally.ts';
import type { Ballot, Command, Device, VotedRange } from './types.ts';
import { sameContent, votedFor } from './votes.ts';

/** R11: counts who voted. Whether something is issued by it, `advance` finds out. */
export function onVoted(
  paxos: Paxos,
  step: Step,
  from: Device,
  ballot: Ballot,
  ranges: readonly VotedRange[],
): void {
  const { devices } = paxos.setup.config;
  hearOf(paxos, ballot);
  for (const range of ranges) {
    if (range.born > ballot || range.first > range.last) {
      step.alarms.push(
        `R11: device ${from} voted for ${range.born}@${range.first}-${range.last} in ${ballot}`,
      );
    } else if (countVotes(paxos.tally, devices, ballot, from, range, paxos.upTo) === 'conflict') {
      step.alarms.push(
        `I2: device ${from} voted twice in ballot ${ballot}, for ${range.born}@${range.first}-${range.last}`,
      );
    }
  }
}

/** R13: the leader (or anyone) names issued commands; content comes from this device's own votes. */
export function onSuccess(paxos: Paxos, step: Step, from: Device, ranges: readonly VotedRange[]): void {
  for (const { first, last, born } of ranges) {
    hearOf(paxos, born);
    checkKnown(paxos, step, from, Math.min(last, paxos.upTo), first, born);
    for (let number = Math.max(first, paxos.upTo + 1); number <= last; number++) {
      const command = contentOf(paxos, number, born);
      if (command === undefined) {
        noteMark(paxos, last, born);
        break;
      }
      learn(paxos, step, from, command);
    }
  }
}

/** I4 for commands named as issued at or below upTo; one number stands for the range. */
function checkKnown(
  paxos: Paxos,
  step: Step,
  from: Device,
  number: number,
  first: number,
  born: Ballot,
): void {
  const known = number < first ? undefined : issuedAt(paxos.tail, number);
  if (known !== undefined && known.born !== born) disagreement(step, from, number, born, known.born);
}

function disagreement(step: Step, from: Device, number: number, born: Ballot, known: Ballot): void {
  step.alarms.push(`I4: device ${from} says ${born}@${number} is issued, here it is ${known}@${number}`);
}

/**
 * A heartbeat or an answer names the last issued command of its sender. The chain of precedents downwards from it is issued
 * too, so this is a Success for all of them that are held here (R13): a lost Success is repaired without asking.
 */
export function onMark(paxos: Paxos, step: Step, from: Device, upTo: number, born: Ballot): void {
  if (upTo <= paxos.upTo) {
    checkKnown(paxos, step, from, upTo, upTo, born);
    return;
  }
  hearOf(paxos, born);
  noteMark(paxos, upTo, born);
  learnMarked(paxos, step);
}

function noteMark(paxos: Paxos, upTo: number, born: Ballot): void {
  if (paxos.mark === null || upTo > paxos.mark.upTo) paxos.mark = { upTo, born };
}

/** Issues everything up to the mark if the whole chain down to upTo is held. */
function learnMarked(paxos: Paxos, step: Step): void {
  const { mark } = paxos;
  if (mark === null || mark.upTo <= paxos.upTo || !holdsNext(paxos)) return;
  const chain: Command[] = [];
  let { born } = mark;
  for (let number = mark.upTo; number > paxos.upTo; number--) {
    const command = contentOf(paxos, number, born);
    if (command === undefined) return;
    chain.push(command);
    born = command.precedent;
  }
  if (born !== paxos.born) {
    step.alarms.push(
      `I4: ${mark.born}@${mark.upTo} is said to be issued, but depends on ${born}@${paxos.upTo}`,
    );
    paxos.mark = null;
    return;
  }
  while (chain.length > 0) accept(paxos, step, chain.pop()!);
}

/** The cheap look before a long walk. */
function holdsNext(paxos: Paxos): boolean {
  const number = paxos.upTo + 1;
  const { votes, early, role } = paxos;
  return (
    at(votes, number) !== undefined ||
    at(early, number) !== undefined ||
    (role.kind === 'leading' && at(role.chain, number) !== undefined)
  );
}

/** R13: consecutive issued commands with their content. */
export function onIssued(paxos: Paxos, step: Step, from: Device, commands: readonly Command[]): void {
  for (const command of commands) learn(paxos, step, from, command);
}

/** R9: a command is known to be issued. */
export function learn(paxos: Paxos, step: Step, from: Device, command: Command): void {
  const { number, born, precedent } = command;
  if (number <= paxos.upTo) {
    const known = issuedAt(paxos.tail, number);
    if (known === undefined) return;
    if (known.born !== born) disagreement(step, from, number, born, known.born);
    else if (!sameContent(known, command))
      step.alarms.push(`I5: device ${from} has other content for ${born}@${number}`);
    return;
  }
  hearOf(paxos, born);
  // I18: above the next number, too, an issued command that is not the chain's means that this leader is deposed.
  if (paxos.role.kind === 'leading' && !agreesWithChain(paxos.role, command)) stepDown(paxos, step);
  if (number > paxos.upTo + 1) {
    if (number <= paxos.upTo + OPEN_WINDOWS * paxos.setup.config.window) put(paxos.early, number, command);
    return;
  }
  if (precedent === paxos.born) accept(paxos, step, command);
  else
    step.alarms.push(
      `I3: device ${from} says ${born}@${number} is issued, but it depends on ${precedent}, not ${paxos.born}`,
    );
}

/** Issues what is known to be, upwards from upTo, until nothing more is. */
export function advance(paxos: Paxos, step: Step): void {
  for (;;) {
    const { upTo } = paxos;
    issueEarly(paxos, step);
    issueCounted(paxos, step);
    if (paxos.mark !== null && step.issued.length > 0) learnMarked(paxos, step);
    if (paxos.upTo === upTo) return;
  }
}

function issueEarly(paxos: Paxos, step: Step): void {
  for (;;) {
    const command = at(paxos.early, paxos.upTo + 1);
    if (command === undefined) return;
    if (command.precedent !== paxos.born) {
      const { born, number, precedent } = command;
      step.alarms.push(
        `I3: ${born}@${number} is said to be issued, but it depends on ${precedent}, not ${paxos.born}`,
      );
      remove(paxos.early, number);
      return;
    }
    accept(paxos, step, command);
  }
}

/**
 * R11: a majority set voted for it in one ballot and its precedent is issued. Any majority, any ballot, old ones too: with 2.1
 * and 2.2 a tally never becomes wrong.
 */
function issueCounted(paxos: Paxos, step: Step): void {
  for (const { born, last } of majoritiesAt(paxos.tally, paxos.upTo + 1, paxos.setup.isMajority)) {
    const before = paxos.upTo;
    for (let number = before + 1; number <= last; number++) {
      const command = contentOf(paxos, number, born);
      // The precedent check protects dependency (section 10); without the content, CatchUp brings it (T74).
      if (command === undefined || command.precedent !== paxos.born) break;
      accept(paxos, step, command);
    }
    if (paxos.upTo > before) return;
  }
}

function contentOf(paxos: Paxos, number: number, born: Ballot): Command | undefined {
  const voted = votedFor(paxos.votes, number, born);
  if (voted !== undefined) return voted;
  const early = at(paxos.early, number);
  if (early?.born === born) return early;
  const own = paxos.role.kind === 'leading' ? at(paxos.role.chain, number) : undefined;
  return own?.born === born ? own : undefined;
}

/** R9 for number upTo + 1: append to the log, hand out. The only place where upTo changes. */
function accept(paxos: Paxos, step: Step, command: Command): void {
  const { number, born, precedent } = command;
  if (number !== paxos.upTo + 1 || precedent !== paxos.born)
    fail('I3', 'the log would not be a chain', {
      number,
      precedent,
      upTo: paxos.upTo,
      born: paxos.born,
    });
  if (paxos.role.kind === 'leading' && !agreesWithChain(paxos.role, command)) stepDown(paxos, step);
  if (votedFor(paxos.votes, number, born) === undefined) step.learned.push(command);
  keepIssued(paxos.tail, command);
  paxos.upTo = number;
  paxos.born = born;
  step.issued.push(command);
}

/** CatchUp (C4): what memory holds is sent, for older commands the host reads its storage. Any device may answer. */
export function onCatchUp(paxos: Paxos, step: Step, to: Device, from: number, max: number): void {
  teach(paxos, step, to, from, Math.min(max, CATCH_UP_COMMANDS));
}

/** Sends issued commands from `from` on, at most `max` of them. */
export function teach(paxos: Paxos, step: Step, to: Device, from: number, max: number): void {
  const { upTo, tail, setup } = paxos;
  if (from < 1 || from > upTo || max < 1) return;
  if (from < tail.first) {
    step.serve.push({ to, from, max: Math.min(max, upTo - from + 1) });
    return;
  }
  const known: Command[] = [];
  let bytes = 0;
  for (const command of issuedFrom(paxos, from, max)) {
    bytes += command.bytes.length;
    if (known.length > 0 && bytes > CATCH_UP_ANSWER_BYTES) break;
    known.push(command);
  }
  for (const commands of cut(known, setup.config.messageBytes))
    send(step, to, { kind: 'issued', upTo, commands });
}

/** Something is known to be issued whose content is not held here: it must be asked for. */
export function lacksContent(paxos: Paxos): boolean {
  if (paxos.mark !== null) return true;
  const number = paxos.upTo + 1;
  return majoritiesAt(paxos.tally, number, paxos.setup.isMajority).some(
    ({ born }) => contentOf(paxos, number, born) === undefined,
  );
}
