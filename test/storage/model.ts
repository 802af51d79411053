import type { Command, Durable, Vote, Write } from '../../server/consensus/types.ts';

/** Content that follows from the identity, so that a mixed-up command is seen. */
export function command(number: number, born: number, precedent: number, size = 24): Command {
  const bytes = new Uint8Array(size);
  let state = number * 2_654_435_761 + born * 40_503 + precedent;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = 1 + ((state >>> 16) % 255);
  }
  return { number, born, precedent, bytes };
}

/** Commands first..last born in one ballot. */
export function commands(
  first: number,
  last: number,
  born: number,
  precedent: number,
  size?: number,
): Command[] {
  const all: Command[] = [];
  for (let n = first; n <= last; n++) all.push(command(n, born, n === first ? precedent : born, size));
  return all;
}

/** The contract, said in the most naive way: all writes are kept, every answer is searched for. */
export class Model {
  readonly writes: Write[] = [];

  append(writes: readonly Write[]): void {
    this.writes.push(...writes);
  }

  /** As after a restart that found the first `count` writes. */
  durable(tailCommands: number, count = this.writes.length): Durable {
    const writes = this.writes.slice(0, count);
    const ballots = writes.findLast((write) => write.ballots !== undefined)?.ballots;
    const log = this.log(count);
    const best = new Map<string, Vote>();
    for (const { votes } of writes) {
      for (const voted of votes?.commands ?? []) {
        const id = `${voted.number}/${voted.born}`;
        if (voted.number > log.length && (best.get(id)?.ballot ?? 0) < votes!.ballot) {
          best.set(id, { ballot: votes!.ballot, command: voted });
        }
      }
    }
    return {
      lastTried: ballots?.lastTried ?? 0,
      nextBal: ballots?.nextBal ?? 0,
      upTo: log.length,
      born: log.at(-1)?.born ?? 0,
      votes: [...best.values()],
      tail: log.slice(Math.max(0, log.length - tailCommands)),
    };
  }

  /** The issued commands, from 1. */
  log(count = this.writes.length): Command[] {
    const writes = this.writes.slice(0, count);
    const issued = writes.findLast((write) => write.issued !== undefined)?.issued;
    const stored = writes.flatMap((write) => [...(write.votes?.commands ?? []), ...(write.learned ?? [])]);
    const log: Command[] = [];
    let born = issued?.born ?? 0;
    for (let n = issued?.upTo ?? 0; n >= 1; n--) {
      const found = stored.find((candidate) => candidate.number === n && candidate.born === born);
      if (found === undefined) throw new Error(`the model has no command ${n} born ${born}`);
      log.push(found);
      born = found.precedent;
    }
    return log.reverse();
  }
}

function showCommand({ number, born, precedent, bytes }: Command): string {
  return `${number}/${born}<${precedent}:${Buffer.from(bytes).toString('base64')}`;
}

/** Plain text, so that a difference is read at a glance; the order of votes does not count. */
export function showDurable(durable: Durable): unknown {
  return {
    ...durable,
    votes: durable.votes.map((vote) => `${showCommand(vote.command)} in ${vote.ballot}`).sort(),
    tail: durable.tail.map(showCommand),
  };
}

export function showCommands(all: readonly Command[]): string[] {
  return all.map(showCommand);
}
