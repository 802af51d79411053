import { issuedHeld } from '../../../server/consensus/issued-tail.ts';
import type { Command, Device } from '../../../server/consensus/types.ts';
import { checkHistory, majoritySets } from '../check/history.ts';
import { Violation } from '../violation.ts';
import type { DeviceState } from './device-state.ts';

/** G1 to G4 on one global state, from the devices alone: logs, votes on disk, and nothing remembered from before. */
export class TupleCheck {
  private readonly sets: readonly (readonly Device[])[];
  private readonly majority: number;

  constructor(devices: number) {
    this.sets = majoritySets(new Array<number>(devices).fill(1));
    this.majority = Math.floor(devices / 2) + 1;
  }

  check(states: readonly DeviceState[]): void {
    const issued = this.longestLog(states);
    const lowest = Math.min(...states.map(({ store }) => store.upTo));
    for (let number = lowest + 1; ; number++) {
      const voted = this.votedIn(states, number, number === 1 ? 0 : issued[number - 2]!.born);
      const known = issued[number - 1];
      for (const command of voted) {
        if (known === undefined) issued[number - 1] = command;
        const held = issued[number - 1]!;
        if (held.born !== command.born)
          throw new Violation('G1', `number ${number} is issued as ${held.born} and as ${command.born}`);
      }
      if (number >= issued.length) break;
    }
    checkHistory(
      { upTo: issued.length, fact: (number) => ({ command: issued[number - 1]! }) },
      states.map(({ store }) => store),
      this.sets,
    );
  }

  /** The longest log that any device concluded, after comparing all of them. */
  private longestLog(states: readonly DeviceState[]): Command[] {
    let longest: Command[] = [];
    for (const { self, paxos } of states) {
      const log = [...issuedHeld(paxos.tail)];
      let precedent = 0;
      for (const [index, command] of log.entries()) {
        if (command.number !== index + 1 || command.precedent !== precedent)
          throw new Violation(
            'G2',
            `device ${self} issued ${command.born}@${command.number} on ${precedent}`,
          );
        precedent = command.born;
        const other = longest[index];
        if (other !== undefined && other.born !== command.born)
          throw new Violation('G1', `number ${index + 1} is issued as ${other.born} and as ${command.born}`);
      }
      if (log.length > longest.length) longest = log;
    }
    return [...longest];
  }

  /** Commands on this precedent for which a majority durably voted in one ballot. */
  private votedIn(states: readonly DeviceState[], number: number, precedent: number): Command[] {
    const counts = new Map<string, number>();
    const found: Command[] = [];
    for (const { store } of states) {
      for (const { ballot, command } of store.votes.get(number)?.values() ?? []) {
        if (command.precedent !== precedent) continue;
        const key = `${ballot}:${command.born}`;
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        if (count === this.majority) found.push(command);
      }
    }
    return found;
  }
}
