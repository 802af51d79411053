import type { Ballot, Command } from '../consensus/types.ts';
import { RECORD_BYTES, RECORD_COMMANDS } from '../limits.ts';
import { StorageError } from './errors.ts';

/** Consecutive numbers whose commands share one creating ballot. */
export interface Range {
  readonly first: number;
  readonly last: number;
  readonly born: Ballot;
  /** `born` of the command before `first`. Inside the range each command's precedent is born in `born` too. */
  readonly precedent: Ballot;
}

/** A range with its commands, small enough for one record. */
export interface CommandRange extends Range {
  readonly commands: readonly Command[];
}

/** A range that is still put together; `bytes` is its payload. */
export interface GrowingRange {
  first: number;
  last: number;
  born: Ballot;
  precedent: Ballot;
  bytes: number;
  commands: Command[];
}

/**
 * Cuts commands into ranges of at most RECORD_COMMANDS and about RECORD_BYTES; numbers up to `upTo` are left out.
 * Commands may come in any order. The ranges are the caller's.
 */
export function cutRanges(commands: readonly Command[], upTo: number): GrowingRange[] {
  const ranges: GrowingRange[] = [];
  let last: GrowingRange | null = null;
  for (const command of commands) {
    if (command.number <= upTo) continue;
    if (
      last !== null &&
      command.number === last.last + 1 &&
      command.born === last.born &&
      command.precedent === last.born &&
      last.commands.length < RECORD_COMMANDS &&
      last.bytes + command.bytes.length <= RECORD_BYTES
    ) {
      last.last = command.number;
      last.bytes += command.bytes.length;
      last.commands.push(command);
      continue;
    }
    last = {
      first: command.number,
      last: command.number,
      born: command.born,
      precedent: command.precedent,
      bytes: command.bytes.length,
      commands: [command],
    };
    ranges.push(last);
  }
  return ranges;
}

/**
 * What is stored above the last issued number, by identity only: enough to say which of several candidates are the
 * log once a number is known issued. Neighbouring ranges are joined, so the zone stays a handful of ranges.
 */
export class OpenZone {
  #upTo: number;
  #born: Ballot;
  #ranges: { first: number; last: number; born: Ballot; precedent: Ballot }[] = [];

  /** `born` is that of command `upTo`; 0 and 0 for an empty log. */
  constructor(upTo: number, born: Ballot) {
    this.#upTo = upTo;
    this.#born = born;
  }

  get upTo(): number {
    return this.#upTo;
  }
  get born(): Ballot {
    return this.#born;
  }
  /** Ranges held, for tests of the bound. */
  get size(): number {
    return this.#ranges.length;
  }

  add(range: Range): void {
    if (range.last <= this.#upTo) return;
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const held = this.#ranges[i]!;
      if (held.born !== range.born) continue;
      if (held.first <= range.first && range.last <= held.last) return;
      if (held.last + 1 === range.first && range.precedent === range.born) {
        held.last = range.last;
        return;
      }
    }
    this.#ranges.push({
      first: range.first,
      last: range.last,
      born: range.born,
      precedent: range.precedent,
    });
  }

  /**
   * Everything up to `upTo` is issued and command `upTo` was born in `born`. Walks the chain of precedents down to
   * what was issued before, and hands back what became the log, ascending. Throws `broken-rule` if the chain is not
   * here whole: a mark without its commands must never become durable.
   */
  issue(upTo: number, born: Ballot): Range[] {
    if (upTo < this.#upTo || (upTo === this.#upTo && born !== this.#born)) {
      throw new StorageError(
        'broken-rule',
        `issued mark (${upTo}, born ${born}) after (${this.#upTo}, born ${this.#born})`,
      );
    }
    const found: Range[] = [];
    let number = upTo;
    let at = born;
    while (number > this.#upTo) {
      const range = this.#covering(number, at);
      if (range === null) {
        throw new StorageError(
          'broken-rule',
          `command ${number} born in ballot ${at} is said to be issued, but is not stored here (mark ${upTo}, born ${born})`,
        );
      }
      const whole = range.first > this.#upTo;
      const first = whole ? range.first : this.#upTo + 1;
      const precedent = whole ? range.precedent : at;
      found.push({ first, last: number, born: at, precedent });
      number = first - 1;
      at = precedent;
    }
    if (at !== this.#born) {
      throw new StorageError(
        'broken-rule',
        `the chain of command ${upTo} born ${born} meets ballot ${at} at number ${this.#upTo}, where ballot ${this.#born} is issued`,
      );
    }
    this.#upTo = upTo;
    this.#born = born;
    this.#ranges = this.#ranges.filter((range) => range.last > upTo);
    return found.reverse();
  }

  /** Several ranges may hold (born, number); they agree on it. */
  #covering(number: number, born: Ballot): Range | null {
    return (
      this.#ranges.find((range) => range.born === born && range.first <= number && number <= range.last) ??
      null
    );
  }
}
