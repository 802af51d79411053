import type { Message } from '../../../server/consensus/types.ts';
import type { Production } from '../production.ts';
import type { DeviceState, Flying } from './device-state.ts';

/**
 * False where a message can do nothing to its receiver any more, now or later (PROTOCOL 16.2). With `crashes` only what is durable
 * counts, for a crash takes the rest back.
 */
export function canMatter(
  production: Production,
  crashes: boolean,
  { paxos, store }: DeviceState,
  { from, message }: Flying,
): boolean {
  const upTo = crashes ? store.upTo : paxos.upTo;
  switch (message.kind) {
    case 'next-ballot':
      return message.ballot > store.nextBal;
    case 'ballot-info':
      return (
        paxos.role.kind === 'preparing' &&
        paxos.role.ballot === message.ballot &&
        paxos.role.infos[from] === null
      );
    case 'begin-ballot': {
      const { number, born } = message.commands[0]!;
      if (message.ballot < store.nextBal || number <= upTo) return false;
      return store.votes.get(number)?.get(born)?.ballot !== message.ballot;
    }
    case 'voted': {
      if (message.ranges[0]!.last <= upTo) return false;
      return crashes || !counted(production, from, paxos, message);
    }
    case 'success':
      return message.ranges[0]!.last > upTo;
    case 'issued':
      return message.upTo > upTo;
    default:
      return false;
  }
}

function counted(
  production: Production,
  from: number,
  { tally }: DeviceState['paxos'],
  { ballot, ranges }: Extract<Message, { kind: 'voted' }>,
): boolean {
  return production.hasVoted(tally, ballot, from, ranges[0]!.first);
}
