import { fail } from './assert.ts';
import { at } from './numbered.ts';
import { FOLLOWER, type Leading, type Paxos } from './paxos-state.ts';
import type { Step } from './paxos-step.ts';
import type { Ballot, Command } from './types.ts';

/** R12: LS, chain and infos are gone, nothing speculative is kept. Only a leader had something to lose. */
export function stepDown(paxos: Paxos, step: Step): void {
  const { role } = paxos;
  if (role.kind === 'follower') return;
  if (step.activated !== null) fail('R12', 'activated and deposed in one step', { ballot: role.ballot });
  if (role.kind === 'leading') step.deposed = role.ballot;
  paxos.role = FOLLOWER;
}

/** A ballot was heard of. Higher than the own one: somebody else leads or will. */
export function hearOf(paxos: Paxos, ballot: Ballot): void {
  if (ballot > paxos.seen) paxos.seen = ballot;
}

/** The last command of LS: what the next one depends on (R7). */
export function bornOfLast(paxos: Paxos, role: Leading): Ballot {
  const last = role.next - 1;
  if (last === paxos.upTo) return paxos.born;
  return at(role.chain, last)?.born ?? fail('I6', 'the chain has a hole', { number: last, upTo: paxos.upTo });
}

/** Whether an issued command is the one this leader has for its number (I18). */
export function agreesWithChain(role: Leading, { number, born }: Command): boolean {
  return at(role.chain, number)?.born === born;
}
