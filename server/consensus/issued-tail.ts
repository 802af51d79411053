import { fail } from './assert.ts';
import type { Ballot, Command } from './types.ts';

/** Consecutive commands of one creating ballot whose payloads lie end to end. Never changed once it is made. */
interface Run {
  readonly first: number;
  readonly born: Ballot;
  /** Of the first; each other one's is the run's own ballot. */
  readonly precedent: Ballot;
  readonly bytes: Uint8Array;
  /** Where each command ends in `bytes`. */
  readonly ends: readonly number[];
}

/**
 * The last issued commands, to answer CatchUp. They are seldom asked for, so they are kept by the run, as they came: tens of
 * thousands of objects that live for half a second each are what keeps a garbage collector busiest.
 */
export interface IssuedTail {
  /** The lowest number held, and the one after the highest. */
  first: number;
  next: number;
  /** Ascending; those before `head` are dropped, and freed in bulk. */
  runs: Run[];
  head: number;
  /** Issued in the step under way; `pack` makes runs of them. */
  fresh: Command[];
}

/** Dropped commands are freed when there are this many and as many as are held; a run may hold very many. */
const FREE_AFTER = 512;

/** Empty; the first command will be number `first`. */
export function createTail(first: number): IssuedTail {
  return { first, next: first, runs: [], head: 0, fresh: [] };
}

export function keepIssued(tail: IssuedTail, command: Command): void {
  if (command.number !== tail.next)
    fail('I17', 'issued numbers have a gap', { number: command.number, expected: tail.next });
  tail.fresh.push(command);
  tail.next++;
}

/** To be called at the end of a step: at most the last `most` commands stay. */
export function packIssued(tail: IssuedTail, most: number): void {
  const { runs, fresh } = tail;
  for (let at = 0; at < fresh.length; ) {
    const last = endOfRun(fresh, at);
    runs.push(runOf(fresh, at, last));
    at = last;
  }
  if (fresh.length > 0) tail.fresh = [];
  tail.first = Math.max(tail.first, tail.next - most);
  while (tail.head < runs.length && lastOf(runs[tail.head]!) < tail.first) tail.head++;
  const dropped = (runs[tail.head]?.first ?? tail.next) - (runs[0]?.first ?? tail.next);
  if (dropped < Math.max(FREE_AFTER, tail.next - tail.first)) return;
  tail.runs = runs.slice(tail.head);
  tail.head = 0;
}

/** Index after the last command that can stand in one run with that at `from`. */
function endOfRun(commands: readonly Command[], from: number): number {
  const { born, bytes } = commands[from]!;
  const { buffer } = bytes;
  let end = bytes.byteOffset + bytes.length;
  let at = from + 1;
  for (; at < commands.length; at++) {
    const next = commands[at]!;
    if (next.born !== born || next.precedent !== born) break;
    if (next.bytes.byteOffset !== end || next.bytes.buffer !== buffer) break;
    end += next.bytes.length;
  }
  return at;
}

function runOf(commands: readonly Command[], from: number, to: number): Run {
  const { number, born, precedent, bytes } = commands[from]!;
  const ends: number[] = [];
  let end = 0;
  for (let at = from; at < to; at++) {
    end += commands[at]!.bytes.length;
    ends.push(end);
  }
  const whole = ends.length === 1 ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, end);
  return { first: number, born, precedent, bytes: whole, ends };
}

const lastOf = (run: Run): number => run.first + run.ends.length - 1;

/** The command of this number, undefined if it is not held. */
export function issuedAt(tail: IssuedTail, number: number): Command | undefined {
  if (number < tail.first || number >= tail.next) return undefined;
  const { runs, fresh } = tail;
  const unpacked = number - (tail.next - fresh.length);
  if (unpacked >= 0) return fresh[unpacked];
  let low = tail.head;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lastOf(runs[middle]!) < number) low = middle + 1;
    else high = middle;
  }
  return commandOf(runs[low]!, number);
}

function commandOf({ first, born, precedent, bytes, ends }: Run, number: number): Command {
  const index = number - first;
  if (index === 0) return { number, born, precedent, bytes: bytes.subarray(0, ends[0]) };
  return { number, born, precedent: born, bytes: bytes.subarray(ends[index - 1], ends[index]) };
}

/** What is held, ascending. */
export function* issuedHeld(tail: IssuedTail): Generator<Command> {
  for (let number = tail.first; number < tail.next; number++) yield issuedAt(tail, number)!;
}

export function cloneTail(tail: IssuedTail): IssuedTail {
  return { ...tail, runs: tail.runs.slice(), fresh: tail.fresh.slice() };
}
