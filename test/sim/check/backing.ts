import type { ConsensusConfig, Device, Message, VotedRange } from '../../../server/consensus/types.ts';
import type { Store } from '../cluster/store.ts';
import { require, Violation } from '../violation.ts';
import type { Truth } from './truth.ts';
import { show } from './well-formed.ts';

/** What is known about the sender of a message at the moment it leaves. */
export interface Sender {
  readonly device: Device;
  readonly store: Store;
  /** Issued commands its host was given so far. */
  readonly handedOut: number;
}

/**
 * G6, G7, I7, I13: at the moment a message LEAVES a device, what it claims must be true of the sender's stable storage, or of the
 * whole system. Not later: a crash right after the send must not be able to make it a lie.
 */
export function checkBacking(
  config: ConsensusConfig,
  truth: Truth,
  { device, store, handedOut }: Sender,
  to: Device,
  message: Message,
): void {
  const owner = 'ballot' in message ? message.ballot % config.devices : -1;
  const fromOwner = () => require(owner === device, 'I13', () => `device ${device} sent ${show(message)}`);
  switch (message.kind) {
    case 'next-ballot':
      fromOwner();
      require(store.lastTried >= message.ballot, 'G6', () =>
        `next-ballot ${message.ballot} left, durable lastTried is ${store.lastTried}`);
      return;
    case 'ballot-info': {
      require(owner === to, 'I13', () => `ballot-info ${message.ballot} sent to device ${to}`);
      const promised = promisedBy(store);
      require(promised >= message.ballot, 'G6', () =>
        `ballot-info ${message.ballot} left device ${device}, durable nextBal is ${promised}`);
      require(message.upTo <= store.upTo, 'R2', () =>
        `ballot-info says upTo ${message.upTo}, durable is ${store.upTo}`);
      for (const command of message.issued) isIssued(truth, command.number, command.born, message);
      isIssuedUpTo(truth, message.upTo, message.born, message);
      return;
    }
    case 'begin-ballot':
      fromOwner();
      for (const command of message.commands) {
        truth.proposed(message.ballot, command);
        require(command.number <= handedOut + config.window, 'I7', () =>
          `begin-ballot for ${command.number} with ${handedOut} issued and a window of ${config.window}`);
      }
      return;
    case 'voted':
      for (const range of message.ranges) checkVoted(truth, device, message.ballot, range);
      return;
    case 'success':
      for (const { first, last, born } of message.ranges)
        for (let number = first; number <= last; number++) isIssued(truth, number, born, message);
      return;
    case 'issued':
      for (const command of message.commands) isIssued(truth, command.number, command.born, message);
      return;
    case 'heartbeat':
      fromOwner();
      isIssuedUpTo(truth, message.upTo, message.born, message);
      return;
    case 'take-over':
      require(owner === device, 'I13', () => `device ${device} hands over ballot ${message.ballot}`);
      return;
    default:
      return;
  }
}

/** The durable promise: recorded, or implied by a kept vote (R14). */
export function promisedBy(store: Store): number {
  let promised = store.nextBal;
  for (const byBorn of store.votes.values())
    for (const { ballot } of byBorn.values()) promised = Math.max(promised, ballot);
  return promised;
}

function checkVoted(truth: Truth, device: Device, ballot: number, { first, last, born }: VotedRange): void {
  for (let number = first; number <= last; number++)
    if (!truth.hasVoted(device, ballot, number, born))
      throw new Violation(
        'G6',
        `voted(${ballot}, ${born}@${number}) left device ${device} without a durable vote`,
      );
}

function isIssued(truth: Truth, number: number, born: number, message: Message): void {
  const fact = truth.fact(number);
  require(fact !== undefined, 'G2', () => `${born}@${number} is not issued: ${show(message)}`);
  require(fact.command.born === born, 'G1', () =>
    `${number} is issued as ${fact.command.born}: ${show(message)}`);
}

function isIssuedUpTo(truth: Truth, upTo: number, born: number, message: Message): void {
  if (upTo > 0) isIssued(truth, upTo, born, message);
}
