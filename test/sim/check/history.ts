import type { Ballot, Command, Device, Vote } from '../../../server/consensus/types.ts';
import type { Store } from '../cluster/store.ts';
import { Violation } from '../violation.ts';
import type { Truth } from './truth.ts';

/** What is issued, as far as the asker knows. */
export interface IssuedView {
  readonly upTo: number;
  fact(number: number): { readonly command: Command } | undefined;
}

/** Every set of devices that is a majority, as lists of device indices. */
export function majoritySets(weights: readonly number[]): readonly (readonly Device[])[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sets: Device[][] = [];
  for (let mask = 1; mask < 2 ** weights.length; mask++) {
    const set = weights.map((_, device) => device).filter((device) => (mask >> device) & 1);
    if (set.reduce((sum, device) => sum + weights[device]!, 0) * 2 > total) sets.push(set);
  }
  return sets;
}

/**
 * InitHistProc of R5, written a second time from the text: from `precedent` (born of the number below `first`) upwards, always
 * the command of the latest vote among those whose precedent fits, until none fits.
 */
export function initHist(
  first: number,
  precedent: Ballot,
  votes: (number: number) => Iterable<Vote>,
): Command[] {
  const chain: Command[] = [];
  let wanted = precedent;
  for (let number = first; ; number++) {
    let latest: Vote | undefined;
    for (const vote of votes(number)) {
      if (vote.command.precedent !== wanted) continue;
      if (latest === undefined || vote.ballot > latest.ballot) latest = vote;
    }
    if (latest === undefined) return chain;
    chain.push(latest.command);
    wanted = latest.command.born;
  }
}

/**
 * G3: whatever majority set a next leader may hear, it must find every issued number with its identity. `touched` narrows the
 * question to the sets that contain a device whose disk just changed.
 */
export function checkHistory(
  truth: IssuedView,
  stores: readonly Store[],
  sets: readonly (readonly Device[])[],
  touched?: Device,
): void {
  for (const set of sets) {
    if (touched !== undefined && !set.includes(touched)) continue;
    let best = stores[set[0]!]!;
    for (const device of set) if (stores[device]!.upTo > best.upTo) best = stores[device]!;
    if (best.upTo >= truth.upTo) continue;
    const chain = initHist(best.upTo + 1, best.born, (number) => votesOf(stores, set, number));
    for (let number = best.upTo + 1; number <= truth.upTo; number++) {
      const found = chain[number - best.upTo - 1]?.born ?? 0;
      const issued = truth.fact(number)!.command.born;
      if (found !== issued)
        throw new Violation(
          'G3',
          `devices ${set} would find ${found || 'nothing'} for ${number}, issued is ${issued}`,
        );
    }
  }
}

function* votesOf(stores: readonly Store[], set: readonly Device[], number: number): Iterable<Vote> {
  for (const device of set) {
    const votes = stores[device]!.votes.get(number);
    if (votes !== undefined) yield* votes.values();
  }
}

/** G5: each issued number is held by a majority set, as a vote for it or inside the log. */
export function checkHeld(truth: Truth, stores: readonly Store[]): void {
  const lowest = Math.min(...stores.map(({ upTo }) => upTo));
  for (let number = lowest + 1; number <= truth.upTo; number++) {
    const { born } = truth.fact(number)!.command;
    const holders = stores.flatMap((store, device) =>
      store.upTo >= number || store.votes.get(number)?.has(born) ? [device] : [],
    );
    if (!truth.isMajority(holders))
      throw new Violation('G5', `number ${number} (${born}) is held by devices ${holders} only`);
  }
}
