import { TALLY_BALLOTS, TALLY_RANGES } from './limits.ts';
import type { IsMajority } from './quorum.ts';
import type { Ballot, Device, VotedRange } from './types.ts';

interface Range {
  first: number;
  last: number;
  born: Ballot;
}

interface BallotTally {
  readonly ballot: Ballot;
  /** For each device the numbers it voted for in this ballot: disjoint ranges, ascending, as long as possible. */
  readonly voters: Range[][];
}

/**
 * Who voted for what in which ballot (R11): sets of devices, so a repeated vote counts once (T34), and each ballot for itself,
 * so votes of different ballots never add up (T35, I12). Kept as ranges: a leader's thousand new commands are one.
 */
export interface Tally {
  /** Ascending by ballot; only the last may be empty. */
  ballots: BallotTally[];
}

export type Counted = 'counted' | 'known' | 'conflict' | 'dropped';

export function createTally(): Tally {
  return { ballots: [] };
}

/** Counts numbers above `upTo`. `conflict`: the device voted before for another command of that ballot and number. */
export function countVotes(
  tally: Tally,
  devices: number,
  ballot: Ballot,
  device: Device,
  range: VotedRange,
  upTo: number,
): Counted {
  const first = Math.max(range.first, upTo + 1);
  if (first > range.last) return 'known';
  const entry = entryOf(tally, devices, ballot);
  if (entry === undefined) return 'dropped';
  const ranges = entry.voters[device]!;
  const top = ranges[ranges.length - 1];
  if (top === undefined || first > top.last) {
    // The steady state: one more step on top of what the device voted for.
    if (top !== undefined && top.born === range.born && first === top.last + 1) top.last = range.last;
    else if (ranges.length < TALLY_RANGES) ranges.push({ first, last: range.last, born: range.born });
    else return 'dropped';
    return 'counted';
  }
  const merged = merge(ranges, { first, last: range.last, born: range.born });
  if (merged === null) return 'conflict';
  if (merged.length > TALLY_RANGES) return 'dropped';
  entry.voters[device] = merged;
  return 'counted';
}

/** null if an overlapping range is of another creating ballot. */
function merge(ranges: readonly Range[], added: Range): Range[] | null {
  const below: Range[] = [];
  const above: Range[] = [];
  for (const range of ranges) {
    const overlaps = range.first <= added.last && added.first <= range.last;
    if (overlaps && range.born !== added.born) return null;
    const touches = range.first <= added.last + 1 && added.first <= range.last + 1;
    if (touches && range.born === added.born) {
      added.first = Math.min(added.first, range.first);
      added.last = Math.max(added.last, range.last);
    } else if (range.last < added.first) below.push(range);
    else above.push(range);
  }
  return [...below, added, ...above];
}

/** The entry of a ballot, made if there is room; lower ballots make room for higher ones. */
function entryOf(tally: Tally, devices: number, ballot: Ballot): BallotTally | undefined {
  const { ballots } = tally;
  let index = ballots.length;
  while (index > 0 && ballots[index - 1]!.ballot > ballot) index--;
  const found = ballots[index - 1];
  if (found?.ballot === ballot) return found;
  if (ballots.length >= TALLY_BALLOTS) {
    if (index === 0) return undefined;
    ballots.shift();
    index--;
  }
  const entry: BallotTally = { ballot, voters: Array.from({ length: devices }, () => []) };
  ballots.splice(index, 0, entry);
  return entry;
}

export interface MajorityVote {
  readonly ballot: Ballot;
  readonly born: Ballot;
  /** The same devices voted for the same creating ballot up to this number. */
  readonly last: number;
}

/** The commands that a majority set voted for under `number`, one a ballot at most, lowest ballot first. */
export function majoritiesAt(tally: Tally, number: number, isMajority: IsMajority): MajorityVote[] {
  const found: MajorityVote[] = [];
  for (const { ballot, voters } of tally.ballots) {
    const vote = majorityIn(ballot, voters, number, isMajority);
    if (vote !== null) found.push(vote);
  }
  return found;
}

function majorityIn(
  ballot: Ballot,
  voters: readonly (readonly Range[])[],
  number: number,
  isMajority: IsMajority,
): MajorityVote | null {
  let tried = 0;
  for (let device = 0; device < voters.length; device++) {
    if ((tried & (1 << device)) !== 0) continue;
    const born = rangeAt(voters[device]!, number)?.born;
    if (born === undefined) continue;
    let mask = 0;
    let last = Number.MAX_SAFE_INTEGER;
    for (let other = device; other < voters.length; other++) {
      const range = rangeAt(voters[other]!, number);
      if (range?.born !== born) continue;
      mask |= 1 << other;
      last = Math.min(last, range.last);
    }
    if (isMajority(mask)) return { ballot, born, last };
    tried |= mask;
  }
  return null;
}

function rangeAt(ranges: readonly Range[], number: number): Range | undefined {
  for (const range of ranges) {
    if (range.first > number) return undefined;
    if (range.last >= number) return range;
  }
  return undefined;
}

/** The lowest number from `first` to `last` that the device has not voted for in this ballot; 0 if there is none. */
export function firstUnvoted(
  tally: Tally,
  ballot: Ballot,
  device: Device,
  first: number,
  last: number,
): number {
  let number = first;
  for (const range of votedBy(tally, ballot, device)) {
    if (range.first > number) break;
    if (range.last >= number) number = range.last + 1;
  }
  return number <= last ? number : 0;
}

export function hasVoted(tally: Tally, ballot: Ballot, device: Device, number: number): boolean {
  return rangeAt(votedBy(tally, ballot, device), number) !== undefined;
}

function votedBy(tally: Tally, ballot: Ballot, device: Device): readonly Range[] {
  return tally.ballots.find((entry) => entry.ballot === ballot)?.voters[device] ?? [];
}

/** What the device voted for in this ballot, above upTo. */
export function votedRanges(tally: Tally, ballot: Ballot, device: Device): VotedRange[] {
  return votedBy(tally, ballot, device).map((range) => ({ ...range }));
}

/** Forgets numbers up to and with upTo: they can never matter again. */
export function pruneTally(tally: Tally, upTo: number): void {
  const { ballots } = tally;
  for (let index = ballots.length - 1; index >= 0; index--) {
    let held = 0;
    for (const ranges of ballots[index]!.voters) {
      let gone = 0;
      while (gone < ranges.length && ranges[gone]!.last <= upTo) gone++;
      if (gone > 0) ranges.splice(0, gone);
      const lowest = ranges[0];
      if (lowest !== undefined && lowest.first <= upTo) lowest.first = upTo + 1;
      held += ranges.length;
    }
    // The highest is the one in use: it would be made again at once.
    if (held === 0 && index < ballots.length - 1) ballots.splice(index, 1);
  }
}

export function cloneTally(tally: Tally): Tally {
  return {
    ballots: tally.ballots.map(({ ballot, voters }) => ({
      ballot,
      voters: voters.map((ranges) => ranges.map((range) => ({ ...range }))),
    })),
  };
}

export function serialiseTally(tally: Tally): string {
  return tally.ballots
    .filter(({ voters }) => voters.some((ranges) => ranges.length > 0))
    .map(
      ({ ballot, voters }) =>
        `${ballot}[${voters.map((ranges) => ranges.map(({ first, last, born }) => `${born}@${first}-${last}`).join()).join('|')}]`,
    )
    .join(';');
}
