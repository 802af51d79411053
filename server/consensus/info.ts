import { issuedAt } from './issued-tail.ts';
import type { Paxos } from './paxos-state.ts';
import type { Ballot, Command, Message, Vote } from './types.ts';
import { allVotes } from './votes.ts';

type BallotInfo = Extract<Message, { kind: 'ballot-info' }>;

interface Page {
  readonly issued: Command[];
  readonly votes: Vote[];
  bytes: number;
}

/**
 * R2: this device's answer to NextBallot(ballot, from), one value computed at once and cut into pages: what is issued from
 * `from` on, as far as one page holds it and memory has it (the rest is asked for by CatchUp), and every vote above upTo.
 */
export function makeInfo(paxos: Paxos, ballot: Ballot, from: number): BallotInfo[] {
  const { messageBytes, seed } = paxos.setup.config;
  const first = fill(issuedFrom(paxos, from), messageBytes);
  const pages: Page[] = [first];
  let page = first;
  for (const vote of allVotes(paxos.votes)) {
    const size = vote.command.bytes.length;
    if (page.issued.length + page.votes.length > 0 && page.bytes + size > messageBytes) {
      page = { issued: [], votes: [], bytes: 0 };
      pages.push(page);
    }
    page.votes.push(vote);
    page.bytes += size;
  }
  // The name must not come back after a restart (T59), hence the seed; a single page needs none.
  const info = pages.length === 1 ? 0 : (seed >>> 0) * 0x10_0000 + (++paxos.infos % 0x10_0000);
  return pages.map(({ issued, votes }, index) => ({
    kind: 'ballot-info',
    ballot,
    upTo: paxos.upTo,
    born: paxos.born,
    issued,
    votes,
    info,
    page: index,
    pages: pages.length,
  }));
}

function fill(issued: Iterable<Command>, messageBytes: number): Page {
  const page: Page = { issued: [], votes: [], bytes: 0 };
  for (const command of issued) {
    if (page.issued.length > 0 && page.bytes + command.bytes.length > messageBytes) break;
    page.issued.push(command);
    page.bytes += command.bytes.length;
  }
  return page;
}

/** Issued commands from this number on, if memory holds it; at most `max`. */
export function* issuedFrom(paxos: Paxos, from: number, max = Number.MAX_SAFE_INTEGER): Generator<Command> {
  if (from < paxos.tail.first) return;
  const last = Math.min(paxos.upTo, from + max - 1);
  for (let number = from; number <= last; number++) {
    const command = issuedAt(paxos.tail, number);
    if (command === undefined) return;
    yield command;
  }
}
