import type {
  Activated,
  Ballot,
  ConsensusConfig,
  Device,
  Message,
  Vote,
} from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';
import { initHist } from './history.ts';
import type { Truth } from './truth.ts';

type BallotInfo = Extract<Message, { kind: 'ballot-info' }>;

interface Info {
  readonly device: Device;
  readonly upTo: number;
  readonly votes: readonly Vote[];
}

/** More combinations of repeated answers than this are not tried; the run counts how often that happened. */
const COMBINATIONS = 4096;

/**
 * I8 and R5 from outside: for some majority set of answers to exactly this ballot that reached the leader, its start is above
 * everything they know and its chain is what InitHistProc gives on their votes.
 */
export class ActivationCheck {
  private readonly config: ConsensusConfig;
  private readonly truth: Truth;
  private readonly pages = new Map<string, Map<number, BallotInfo>>();
  private readonly infos = new Map<Ballot, Info[]>();
  /** Which incarnation leads a ballot (G12). */
  private readonly leaders = new Map<Ballot, string>();
  skipped = 0;

  constructor(config: ConsensusConfig, truth: Truth) {
    this.config = config;
    this.truth = truth;
  }

  /** `incarnation` of the sender: pages of two lives are never one answer, whatever they call themselves. */
  delivered(from: Device, incarnation: number, message: BallotInfo): void {
    const key = `${from}.${incarnation}/${message.ballot}/${message.info}`;
    const pages = this.pages.get(key) ?? new Map<number, BallotInfo>();
    this.pages.set(key, pages);
    if (pages.has(message.page)) return;
    pages.set(message.page, message);
    if (pages.size < message.pages) return;
    const votes = [...pages.values()].flatMap((page) => page.votes);
    const list = this.infos.get(message.ballot) ?? [];
    this.infos.set(message.ballot, list);
    if (list.length < 64) list.push({ device: from, upTo: message.upTo, votes });
  }

  activated(device: Device, incarnation: number, { ballot, upTo, chain }: Activated): void {
    this.onlyLeader(device, incarnation, ballot);
    const precedent = upTo === 0 ? 0 : this.truth.fact(upTo)?.command.born;
    if (precedent === undefined)
      throw new Violation('I8', `ballot ${ballot} starts above ${upTo}, issued is ${this.truth.upTo}`);
    const wanted = chain.map(({ number, born }) => `${born}@${number}`).join();
    for (const command of chain) this.truth.proposed(ballot, command);

    let tried = 0;
    for (const quorum of this.quorums(ballot)) {
      if (++tried > COMBINATIONS) {
        this.skipped++;
        return;
      }
      if (quorum.some((info) => info.upTo > upTo)) continue;
      const found = initHist(upTo + 1, precedent, (number) =>
        quorum.flatMap(({ votes }) => votes.filter(({ command }) => command.number === number)),
      );
      if (found.map(({ number, born }) => `${born}@${number}`).join() === wanted) return;
    }
    throw new Violation(
      'I8',
      `ballot ${ballot} is active above ${upTo} with [${wanted}]; none of ${tried} majority sets of answers gives that`,
    );
  }

  private onlyLeader(device: Device, incarnation: number, ballot: Ballot): void {
    const name = `${device}.${incarnation}`;
    if (ballot % this.config.devices !== device)
      throw new Violation('I13', `device ${device} leads ballot ${ballot}`);
    const before = this.leaders.get(ballot);
    if (before !== undefined)
      throw new Violation('G12', `ballot ${ballot} is led by ${before} and by ${name}`);
    this.leaders.set(ballot, name);
  }

  /** Every majority set of the answers, one answer a device. */
  private *quorums(ballot: Ballot): Iterable<readonly Info[]> {
    const infos = this.infos.get(ballot) ?? [];
    const devices = [...new Set(infos.map(({ device }) => device))];
    for (let mask = 1; mask < 2 ** devices.length; mask++) {
      const set = devices.filter((_, index) => (mask >> index) & 1);
      if (!this.truth.isMajority(set)) continue;
      yield* product(set.map((device) => infos.filter((info) => info.device === device)));
    }
  }
}

function* product<T>(lists: readonly (readonly T[])[]): Iterable<readonly T[]> {
  const [first, ...rest] = lists;
  if (first === undefined) return yield [];
  for (const value of first) for (const tail of product(rest)) yield [value, ...tail];
}
