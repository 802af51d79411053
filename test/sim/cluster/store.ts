import type { Ballot, Command, Durable, Vote, Write } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';

/**
 * What one device holds on stable storage, written from the protocol's text and not from the production storage: the
 * strictest reading that section 4 allows. A vote raises `nextBal` only while it is kept (R14), a vote is forgotten as
 * soon as its number is issued (R9), and an `issued` mark must be provable from votes and learned commands held.
 */
export class Store {
  lastTried: Ballot = 0;
  nextBal: Ballot = 0;
  /** Issued commands; log[k - 1] has number k. */
  readonly log: Command[] = [];
  /** Numbers above upTo: for each command (by born) the highest ballot voted in. */
  readonly votes = new Map<number, Map<Ballot, Vote>>();
  /** Learned but not yet covered by an `issued` mark. */
  private readonly learned = new Map<number, Map<Ballot, Command>>();

  clone(): Store {
    const copy = new Store();
    copy.lastTried = this.lastTried;
    copy.nextBal = this.nextBal;
    copy.log.push(...this.log);
    for (const [number, byBorn] of this.votes) copy.votes.set(number, new Map(byBorn));
    for (const [number, byBorn] of this.learned) copy.learned.set(number, new Map(byBorn));
    return copy;
  }

  get upTo(): number {
    return this.log.length;
  }

  get born(): Ballot {
    return this.log.at(-1)?.born ?? 0;
  }

  /** Applies one write whole. */
  apply(write: Write): void {
    if (write.ballots !== undefined) this.setBallots(write.ballots);
    if (write.votes !== undefined) {
      for (const command of write.votes.commands) this.vote(write.votes.ballot, command);
    }
    for (const command of write.learned ?? []) {
      if (command.number <= this.upTo) continue;
      at(this.learned, command.number).set(command.born, command);
    }
    if (write.issued !== undefined) this.issue(write.issued.upTo, write.issued.born);
  }

  /** What a restart reads. */
  durable(tailCommands: number): Durable {
    return {
      lastTried: this.lastTried,
      nextBal: this.nextBal,
      upTo: this.upTo,
      born: this.born,
      votes: this.allVotes(),
      tail: this.log.slice(Math.max(0, this.log.length - tailCommands)),
    };
  }

  allVotes(): Vote[] {
    return [...this.votes.values()].flatMap((byBorn) => [...byBorn.values()]);
  }

  /** Issued commands from..to within a budget of payload bytes, at least one where there is one. */
  read(from: number, to: number, bytes: number): Command[] {
    const out: Command[] = [];
    let total = 0;
    for (const command of this.log.slice(from - 1, to)) {
      total += command.bytes.length;
      if (out.length > 0 && total > bytes) break;
      out.push(command);
    }
    return out;
  }

  private setBallots({ lastTried, nextBal }: { lastTried: Ballot; nextBal: Ballot }): void {
    if (lastTried < this.lastTried) throw new Violation('I1', `lastTried ${this.lastTried} -> ${lastTried}`);
    if (nextBal < this.nextBal) throw new Violation('I1', `nextBal ${this.nextBal} -> ${nextBal}`);
    this.lastTried = lastTried;
    this.nextBal = nextBal;
  }

  private vote(ballot: Ballot, command: Command): void {
    if (ballot < this.nextBal) throw new Violation('I2', `vote in ${ballot} below nextBal ${this.nextBal}`);
    if (command.born > ballot)
      throw new Violation('I3', `vote in ${ballot} for a command of ${command.born}`);
    if (command.number <= this.upTo) return;
    const byBorn = at(this.votes, command.number);
    for (const vote of byBorn.values()) {
      if (vote.ballot === ballot && vote.command.born !== command.born)
        throw new Violation('I2', `two commands for (${ballot}, ${command.number})`);
    }
    const before = byBorn.get(command.born)?.ballot ?? 0;
    byBorn.set(command.born, { ballot: Math.max(before, ballot), command });
  }

  /** Walks the precedents downwards from the named command, which every kept vote and learned command may answer. */
  private issue(upTo: number, born: Ballot): void {
    if (upTo < this.upTo) throw new Violation('I1', `upTo ${this.upTo} -> ${upTo}`);
    const added: Command[] = [];
    let wanted = born;
    for (let number = upTo; number > this.upTo; number--) {
      const command = this.votes.get(number)?.get(wanted)?.command ?? this.learned.get(number)?.get(wanted);
      if (command === undefined)
        throw new Violation('I11', `issued up to ${upTo}, but ${wanted}@${number} is not on this disk`);
      added.push(command);
      wanted = command.precedent;
    }
    if (wanted !== this.born)
      throw new Violation(
        'I3',
        `chain from ${born}@${upTo} reaches ${wanted}@${this.upTo}, held ${this.born}`,
      );
    this.log.push(...added.reverse());
    forget(this.votes, upTo);
    forget(this.learned, upTo);
  }
}

function at<T>(map: Map<number, Map<Ballot, T>>, number: number): Map<Ballot, T> {
  let inner = map.get(number);
  if (inner === undefined) {
    inner = new Map();
    map.set(number, inner);
  }
  return inner;
}

function forget<T>(map: Map<number, T>, upTo: number): void {
  for (const number of map.keys()) if (number <= upTo) map.delete(number);
}
