import { issuedHeld } from '../../../server/consensus/issued-tail.ts';
import type { Paxos } from '../../../server/consensus/paxos-state.ts';
import type { Command, Message, VotedRange, Write } from '../../../server/consensus/types.ts';
import type { Store } from '../cluster/store.ts';

/** Texts that are equal where meanings are: commands stand by identity and precedent. */
const named = ({ born, number, precedent }: Command) => `${born}@${number}<${precedent}`;

export function serialiseMessage(message: Message): string {
  switch (message.kind) {
    case 'begin-ballot':
      return `begin-ballot ${message.ballot} ${message.commands.map(named)}`;
    case 'issued':
      return `issued ${message.commands.map(named)}`;
    case 'ballot-info': {
      const votes = message.votes.map(({ ballot, command }) => `${ballot}:${named(command)}`);
      return `ballot-info ${message.ballot} upTo ${message.born}@${message.upTo} [${message.issued.map(named)}] [${votes}]`;
    }
    default:
      return JSON.stringify(message);
  }
}

export function serialiseStore(store: Store): string {
  const votes = store
    .allVotes()
    .map(({ ballot, command }) => `${ballot}:${named(command)}`)
    .sort();
  return `${store.lastTried},${store.nextBal},${store.log.map(named)},${votes}`;
}

/** What a device has concluded to be issued. */
export function serialiseLog({ tail }: Paxos): string {
  return [...issuedHeld(tail)].map(named).join();
}

export function serialiseWrite({ ballots, votes, learned, issued }: Write): string {
  const cast = votes === undefined ? '' : `${votes.ballot}:${votes.commands.map(named)}`;
  return `${ballots?.lastTried},${ballots?.nextBal};${cast};${(learned ?? []).map(named)};${issued?.born}@${issued?.upTo}`;
}

/** One range for each number, so that each can be lost alone. */
export function singles(ranges: readonly VotedRange[]): VotedRange[] {
  return ranges.flatMap(({ first, last, born }) =>
    Array.from({ length: last - first + 1 }, (_, index) => ({
      first: first + index,
      last: first + index,
      born,
    })),
  );
}
