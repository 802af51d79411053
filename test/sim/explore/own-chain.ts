import type { Paxos } from '../../../server/consensus/paxos-state.ts';
import type { Command } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';

interface OwnChain {
  readonly ballot: number;
  readonly first: number;
  readonly borns: readonly (number | undefined)[];
}

/** What a leader has proposed or will, before a step may drop some of it. */
export function ownChain({ role }: Paxos): OwnChain | null {
  if (role.kind !== 'leading') return null;
  const { base, items } = role.chain;
  return { ballot: role.ballot, first: base, borns: items.map((command) => command?.born) };
}

/** I18: a leader that learns another command for a number of its own steps down in the same step. */
export function confirmsChain({ ballot, first, borns }: OwnChain, issued: readonly Command[]): void {
  for (const { number, born } of issued) {
    const own = borns[number - first];
    if (own !== born)
      throw new Violation('I18', `leading ${ballot} with ${own} for ${number}, issued is ${born}`);
  }
}
