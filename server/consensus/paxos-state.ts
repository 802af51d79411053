import { fail } from './assert.ts';
import { cloneTail, createTail, type IssuedTail, issuedHeld, keepIssued, packIssued } from './issued-tail.ts';
import { cloneNumbered, entries, type Numbered, numbered, put } from './numbered.ts';
import { createMajority, type IsMajority } from './quorum.ts';
import { cloneTally, createTally, serialiseTally, type Tally } from './tally.ts';
import type { Ballot, Command, ConsensusConfig, Durable, Vote } from './types.ts';
import { allVotes, createVotes, listed, type OpenVotes, serialiseVotes } from './votes.ts';

/** What never changes while a device runs; shared by all copies of its state. */
interface Setup {
  readonly config: ConsensusConfig;
  readonly isMajority: IsMajority;
}

/** One device's complete answer to NextBallot. */
export interface Info {
  readonly upTo: number;
  readonly votes: readonly Vote[];
}
/** Pages of one answer, as far as they came. */
interface PartialInfo {
  readonly info: number;
  readonly upTo: number;
  readonly pages: (readonly Vote[] | null)[];
}

export interface Preparing {
  readonly kind: 'preparing';
  readonly ballot: Ballot;
  /** By device. */
  readonly infos: (Info | null)[];
  readonly partial: (PartialInfo | null)[];
}
export interface Leading {
  readonly kind: 'leading';
  readonly ballot: Ballot;
  /** P_b(m) for upTo < m < next. */
  readonly chain: Numbered<Command>;
  /** nextCommandNo. */
  next: number;
  /** BeginBallot was sent for the numbers of the chain up to this one (R8). */
  begun: number;
}
export type Role = { readonly kind: 'follower' } | Preparing | Leading;

export const FOLLOWER: Role = { kind: 'follower' };

/**
 * The agreement part of one device, section 4 of the protocol: plain data, changed in place by `stepPaxos` only. No clock in
 * here; everything about time stands in election.ts, lease.ts and catch-up.ts.
 */
export interface Paxos {
  readonly setup: Setup;
  lastTried: Ballot;
  nextBal: Ballot;
  /** Highest ballot heard of. */
  seen: Ballot;
  /** Last issued number known here, and its creating ballot. */
  upTo: number;
  born: Ballot;
  /** upTo of the last `issued` mark handed to storage. */
  marked: number;
  votes: OpenVotes;
  /** Commands known issued for numbers above upTo + 1: a lower one is missing (A15). */
  early: Numbered<Command>;
  /** Highest issued command known by name only, above upTo: with its precedents it is a Success for all of them. */
  mark: { readonly upTo: number; readonly born: Ballot } | null;
  /** The last issued commands, to answer CatchUp. */
  tail: IssuedTail;
  tally: Tally;
  role: Role;
  /** Number of the last write handed to storage, and of the last with learned commands. They count, they mean nothing: not in
   * `serialisePaxos`. */
  lastWrite: number;
  learnedIn: number;
  /** Names given to paged answers so far. */
  infos: number;
}

/** R14: what a restarted device is. It owes no message and continues no ballot. */
export function createPaxos(config: ConsensusConfig, durable: Durable): Paxos {
  checkConfig(config);
  const votes = createVotes(durable.upTo);
  let nextBal = Math.max(durable.nextBal, durable.lastTried);
  for (const vote of durable.votes) {
    // R14, I1: a vote is a promise, also where the write of the promise itself is missing.
    nextBal = Math.max(nextBal, vote.ballot);
    restoreVote(votes, durable.upTo, vote);
  }
  return {
    setup: { config, isMajority: createMajority(config.weights) },
    lastTried: durable.lastTried,
    nextBal,
    seen: nextBal,
    upTo: durable.upTo,
    born: durable.born,
    marked: durable.upTo,
    votes,
    early: numbered(durable.upTo + 1),
    mark: null,
    tail: restoreTail(durable),
    tally: createTally(),
    role: FOLLOWER,
    lastWrite: 0,
    learnedIn: 0,
    infos: 0,
  };
}

function checkConfig({ devices, self, weights, window, messageBytes, tailCommands }: ConsensusConfig): void {
  if (weights.length !== devices || !(self >= 0 && self < devices))
    fail('B2', 'one weight a device, self among them', { devices, self, weights: weights.length });
  if (!(window >= 1) || !(messageBytes >= 1) || !(tailCommands >= 0))
    fail('R8', 'window and message size are at least 1', { window, messageBytes, tailCommands });
}

function restoreVote(votes: OpenVotes, upTo: number, vote: Vote): void {
  const { ballot, command } = vote;
  const { number, born } = command;
  if (number <= upTo || born > ballot)
    fail('I2', 'a stored vote cannot be right', { number, upTo, ballot, born });
  const held = listed(votes.items[number - votes.base]);
  if (held.some((other) => other.command.born === born || other.ballot === ballot))
    fail('I2', 'two stored votes for one command or in one ballot', { number, ballot, born });
  put(
    votes,
    number,
    [...held, vote].sort((a, b) => a.command.born - b.command.born),
  );
}

function restoreTail({ upTo, born, tail }: Durable): IssuedTail {
  const list = createTail(upTo + 1 - tail.length);
  let precedent: Ballot | null = null;
  for (const [index, command] of tail.entries()) {
    const number = upTo + 1 - tail.length + index;
    if (command.number !== number || (precedent !== null && command.precedent !== precedent))
      fail('I3', 'the stored log is not a chain', { number, found: command.number });
    precedent = command.born;
    keepIssued(list, command);
  }
  packIssued(list, tail.length);
  if (precedent !== null && precedent !== born)
    fail('I3', 'the stored log ends in another command', { upTo, born, found: precedent });
  return list;
}

/** A copy that shares only what is immutable. */
export function clonePaxos(paxos: Paxos): Paxos {
  return {
    ...paxos,
    votes: cloneNumbered(paxos.votes),
    early: cloneNumbered(paxos.early),
    tail: cloneTail(paxos.tail),
    tally: cloneTally(paxos.tally),
    role: cloneRole(paxos.role),
  };
}

function cloneRole(role: Role): Role {
  if (role.kind === 'leading') return { ...role, chain: cloneNumbered(role.chain) };
  if (role.kind === 'preparing')
    return {
      ...role,
      infos: [...role.infos],
      partial: role.partial.map((partial) => partial && { ...partial, pages: [...partial.pages] }),
    };
  return role;
}

/** Canonical: equal meaning, equal text. Commands stand by identity and precedent, for equal identity means equal content (I5). */
export function serialisePaxos(paxos: Paxos): string {
  const { lastTried, nextBal, seen, upTo, born, marked, mark, infos } = paxos;
  return [
    `${lastTried},${nextBal},${seen},${born}@${upTo},${marked},${mark === null ? '' : `${mark.born}@${mark.upTo}`},${infos}`,
    serialiseVotes(allVotes(paxos.votes)),
    serialiseList(paxos.early),
    serialiseTail(paxos.tail),
    serialiseTally(paxos.tally),
    serialiseRole(paxos.role),
  ].join('/');
}

function serialiseList(list: Numbered<Command>): string {
  let text = '';
  for (const [, command] of entries(list)) text += serialiseCommand(command);
  return text;
}

function serialiseTail(tail: IssuedTail): string {
  let text = '';
  for (const command of issuedHeld(tail)) text += serialiseCommand(command);
  return text;
}

function serialiseCommand({ number, born, precedent }: Command): string {
  return `${born}@${number}<${precedent},`;
}

function serialiseRole(role: Role): string {
  if (role.kind === 'follower') return '';
  if (role.kind === 'leading')
    return `L${role.ballot},${role.next},${role.begun},${serialiseList(role.chain)}`;
  const infos = role.infos.map((info) => (info === null ? '' : `${info.upTo}:${serialiseVotes(info.votes)}`));
  const partial = role.partial.map((part) =>
    part === null
      ? ''
      : `${part.info}:${part.pages.map((page) => (page === null ? '-' : serialiseVotes(page))).join('+')}`,
  );
  return `P${role.ballot},${infos.join('|')},${partial.join('|')}`;
}
