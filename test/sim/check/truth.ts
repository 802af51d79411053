import type { Ballot, Command, Device } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';

/** What is known of one issued number, whoever may have concluded it. */
export interface IssuedFact {
  readonly command: Command;
  /** The lowest ballot whose majority issues it; may still fall when old votes arrive. */
  through: Ballot;
  /** The largest `through` of this and all lower numbers: e(m) of section 10. */
  established: Ballot;
}

interface BallotVotes {
  readonly born: Ballot;
  devices: Set<Device>;
  weight: number;
}

/**
 * What is issued, by the definition of section 1 and nothing else: a majority set durably voted (m, b) for the command, and
 * its precedent is issued. Fed with every vote the moment it is durable; asks no device for its opinion.
 */
export class Truth {
  private readonly weights: readonly number[];
  private readonly half: number;
  /** issued[m - 1] */
  readonly issued: IssuedFact[] = [];
  private readonly commands = new Map<number, Map<Ballot, Command>>();
  private readonly votes = new Map<number, Map<Ballot, BallotVotes>>();
  /** P_b(m) as far as seen: for each number, ballot -> born. */
  private readonly proposals = new Map<number, Map<Ballot, Ballot>>();
  private prunedTo = 0;

  constructor(weights: readonly number[]) {
    this.weights = weights;
    this.half = weights.reduce((sum, weight) => sum + weight, 0) / 2;
  }

  get upTo(): number {
    return this.issued.length;
  }

  fact(number: number): IssuedFact | undefined {
    return this.issued[number - 1];
  }

  isMajority(devices: Iterable<Device>): boolean {
    let weight = 0;
    for (const device of devices) weight += this.weights[device] ?? 0;
    return weight > this.half;
  }

  /** A command was seen for number m in ballot b: in a BeginBallot, a vote or a chain (G7, I4, I5, section 10). */
  proposed(ballot: Ballot, command: Command): void {
    this.known(command);
    if (command.number <= this.prunedTo) {
      this.agrees(ballot, command);
      return;
    }
    const byBallot = inner(this.proposals, command.number);
    const before = byBallot.get(ballot);
    if (before === undefined) {
      byBallot.set(ballot, command.born);
      this.agrees(ballot, command);
    } else if (before !== command.born) {
      throw new Violation('G7', `(${ballot}, ${command.number}) is ${before} and ${command.born}`);
    }
  }

  /** `device` durably voted for the command in `ballot`. */
  voted(device: Device, ballot: Ballot, command: Command): void {
    this.proposed(ballot, command);
    if (command.number <= this.prunedTo) return;
    const byBallot = inner(this.votes, command.number);
    let votes = byBallot.get(ballot);
    if (votes === undefined) {
      votes = { born: command.born, devices: new Set(), weight: 0 };
      byBallot.set(ballot, votes);
    }
    if (votes.devices.has(device)) return;
    votes.devices.add(device);
    const before = votes.weight;
    votes.weight += this.weights[device] ?? 0;
    if (before <= this.half && votes.weight > this.half) this.majority(command.number, ballot, votes.born);
  }

  /** Did this device durably vote (number, ballot) for `born`? Also true where all votes for the number are forgotten. */
  hasVoted(device: Device, ballot: Ballot, number: number, born: Ballot): boolean {
    if (number <= this.prunedTo) return true;
    const votes = this.votes.get(number)?.get(ballot);
    return votes !== undefined && votes.born === born && votes.devices.has(device);
  }

  /** Forgets votes for numbers that every device holds as issued: none can be cast any more. */
  prune(upTo: number): void {
    for (let number = this.prunedTo + 1; number <= Math.min(upTo, this.upTo); number++) {
      this.votes.delete(number);
      this.proposals.delete(number);
      this.commands.delete(number);
      this.prunedTo = number;
    }
  }

  /** The ballots in which a majority voted for this command. */
  private majority(number: number, ballot: Ballot, born: Ballot): void {
    const fact = this.fact(number);
    if (fact !== undefined) {
      const precedent = this.commands.get(number)?.get(born)?.precedent;
      if (fact.command.born === born) this.lower(number, ballot);
      else if (precedent === (this.fact(number - 1)?.command.born ?? 0))
        throw new Violation('G1', `number ${number} is issued as ${fact.command.born} and as ${born}`);
      return;
    }
    while (this.issueNext());
  }

  private issueNext(): boolean {
    const number = this.upTo + 1;
    const precedent = this.fact(number - 1)?.command.born ?? 0;
    let found: { command: Command; through: Ballot } | undefined;
    for (const [ballot, votes] of this.votes.get(number) ?? []) {
      if (votes.weight <= this.half) continue;
      const command = this.commands.get(number)?.get(votes.born);
      if (command === undefined || command.precedent !== precedent) continue;
      if (found === undefined) found = { command, through: ballot };
      else if (found.command.born !== command.born)
        throw new Violation(
          'G1',
          `number ${number} is issued as ${found.command.born} and as ${command.born}`,
        );
      else found.through = Math.min(found.through, ballot);
    }
    if (found === undefined) return false;
    const established = Math.max(found.through, this.fact(number - 1)?.established ?? 0);
    this.issued.push({ ...found, established });
    this.recheck(number);
    return true;
  }

  /** An older ballot turns out to have issued the number too: more ballots must agree with it. */
  private lower(number: number, ballot: Ballot): void {
    const fact = this.fact(number)!;
    if (ballot >= fact.through) return;
    fact.through = ballot;
    for (let at = number; at <= this.upTo; at++) {
      const later = this.fact(at)!;
      const established = Math.max(later.through, this.fact(at - 1)?.established ?? 0);
      if (established === later.established) break;
      later.established = established;
      this.recheck(at);
    }
  }

  /** Every ballot above e(m) has the issued command for m (section 10, History). */
  private recheck(number: number): void {
    for (const [ballot, born] of this.proposals.get(number) ?? []) this.mustBe(ballot, number, born);
  }

  private agrees(ballot: Ballot, command: Command): void {
    this.mustBe(ballot, command.number, command.born);
  }

  private mustBe(ballot: Ballot, number: number, born: Ballot): void {
    const fact = this.fact(number);
    if (fact === undefined || ballot <= fact.established || fact.command.born === born) return;
    throw new Violation(
      'B3',
      `ballot ${ballot} has ${born} for number ${number}, issued as ${fact.command.born} through ${fact.through}`,
    );
  }

  /** One content for one identity, for ever. */
  private known(command: Command): void {
    const { number, born } = command;
    if (number <= this.prunedTo) {
      const fact = this.fact(number)!;
      if (fact.command.born === born) sameContent(fact.command, command);
      return;
    }
    const byBorn = inner(this.commands, number);
    const before = byBorn.get(born);
    if (before === undefined) byBorn.set(born, command);
    else sameContent(before, command);
  }
}

/** Equal identity must mean equal precedent and bytes (I5). */
export function sameContent(a: Command, b: Command): void {
  if (a === b) return;
  const equal =
    a.precedent === b.precedent &&
    a.bytes.length === b.bytes.length &&
    a.bytes.every((byte, index) => byte === b.bytes[index]);
  if (!equal) throw new Violation('I5', `two contents for ${a.born}@${a.number}`);
}

function inner<T>(map: Map<number, Map<Ballot, T>>, number: number): Map<Ballot, T> {
  let found = map.get(number);
  if (found === undefined) {
    found = new Map();
    map.set(number, found);
  }
  return found;
}
