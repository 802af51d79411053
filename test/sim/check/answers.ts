import type { Ballot, Device, Message } from '../../../server/consensus/types.ts';
import type { Store } from '../cluster/store.ts';
import { Violation } from '../violation.ts';

type BallotInfo = Extract<Message, { kind: 'ballot-info' }>;

/** Gathers the pages of each device's answer as they leave, and judges the answer when it has left whole. */
export class AnswerCheck {
  private readonly pages = new Map<Device, BallotInfo[]>();

  /** The process is gone, and the pages that it has not sent. */
  started(device: Device): void {
    this.pages.delete(device);
  }

  sent(device: Device, store: Store, message: BallotInfo): void {
    const before = message.page === 0 ? [] : (this.pages.get(device) ?? []);
    const pages = [...before, message];
    if (pages.some(({ info, ballot }) => info !== message.info || ballot !== message.ballot))
      throw new Violation('R2', `device ${device} mixes pages of two answers to ballot ${message.ballot}`);
    this.pages.set(device, pages);
    if (pages.length === message.pages) checkAnswer(store, pages);
  }
}

/**
 * R2 from outside: an answer to NextBallot, all its pages together, says what the disk under it holds. Every durable vote for a
 * number above the answer's upTo must be in it, each command with its highest ballot, and it must not claim a vote that the
 * disk does not hold. Asked at the moment the answer leaves, so that no crash can make it incomplete afterwards. Votes in the
 * answered ballot itself may have become durable since it was composed; its leader is beyond them.
 */
export function checkAnswer(store: Store, pages: readonly BallotInfo[]): void {
  const { ballot, upTo } = pages[0]!;
  const said = new Map<string, Ballot>();
  for (const page of pages)
    for (const vote of page.votes) said.set(nameOf(vote.command.number, vote.command.born), vote.ballot);

  for (const [number, byBorn] of store.votes) {
    if (number <= upTo) continue;
    for (const vote of byBorn.values()) {
      const name = nameOf(number, vote.command.born);
      if (vote.ballot < ballot && said.get(name) !== vote.ballot)
        throw new Violation(
          'R2',
          `the answer to ballot ${ballot} says ${said.get(name) ?? 'no vote'} for ${name}, the disk holds one in ballot ${vote.ballot}`,
        );
    }
  }
  for (const page of pages) {
    for (const { ballot: voted, command } of page.votes) {
      const held = store.votes.get(command.number)?.get(command.born)?.ballot ?? 0;
      if (command.number > store.upTo && held < voted)
        throw new Violation(
          'R2',
          `the answer to ballot ${ballot} says ${voted} for ${nameOf(command.number, command.born)}, the disk holds ${held || 'no vote'}`,
        );
    }
  }
}

const nameOf = (number: number, born: Ballot) => `${born}@${number}`;
