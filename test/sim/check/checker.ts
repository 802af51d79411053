import type {
  Activated,
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Durable,
  Write,
} from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import type { Store } from '../cluster/store.ts';
import { isForLeader } from '../messages.ts';
import { require, Violation } from '../violation.ts';
import { ActivationCheck } from './activation.ts';
import { AnswerCheck } from './answers.ts';
import { checkBacking, promisedBy } from './backing.ts';
import { ConfirmationCheck } from './confirmation.ts';
import { checkHeld, checkHistory, majoritySets } from './history.ts';
import { checkMemory } from './memory.ts';
import { sameContent, Truth } from './truth.ts';
import { checkWellFormed } from './well-formed.ts';

/** A message on its way, with the life of the process that sent it. */
export interface Parcel {
  readonly from: Device;
  readonly to: Device;
  readonly incarnation: number;
  readonly message: PeerMessage;
}

/** While this many numbers are open the history of every majority set is checked at each write; above, at some of them. */
const OPEN_CHECKED_ALWAYS = 32;

/**
 * Stands beside the cluster and is told what becomes durable, what leaves, what arrives and what is handed to the application.
 * It shares no code with the core; each hook throws a Violation at the first thing that cannot be.
 */
export class Checker {
  readonly truth: Truth;
  readonly confirmation: ConfirmationCheck;
  readonly activation: ActivationCheck;
  private readonly config: ConsensusConfig;
  private readonly stores: readonly Store[];
  private readonly sets: readonly (readonly Device[])[];
  private readonly handedOut: number[];
  private readonly highestPromise: number[];
  private readonly answers = new AnswerCheck();
  private readonly ballots = new Set<Ballot>();
  private writes = 0;

  /** `config` of any device; stores of all, by index. */
  constructor(config: ConsensusConfig, stores: readonly Store[]) {
    this.config = config;
    this.stores = stores;
    this.truth = new Truth(config.weights);
    this.activation = new ActivationCheck(config, this.truth);
    this.confirmation = new ConfirmationCheck(this.truth);
    this.sets = majoritySets(config.weights);
    this.handedOut = stores.map(() => 0);
    this.highestPromise = stores.map(() => 0);
  }

  /** A process starts on what its disk held. */
  started(device: Device, durable: Durable, promised: number): void {
    this.handedOut[device] = durable.upTo;
    this.answers.started(device);
    require(promised >= this.highestPromise[device]!, 'I1', () =>
      `device ${device} restarts with nextBal ${promised}, it was ${this.highestPromise[device]}`);
  }

  /** A write is durable now; `store` has it applied already. */
  durable(device: Device, write: Write): void {
    const store = this.stores[device]!;
    if (write.votes !== undefined) {
      for (const command of write.votes.commands) this.truth.voted(device, write.votes.ballot, command);
    }
    this.highestPromise[device] = Math.max(this.highestPromise[device]!, promisedBy(store));
    if (write.issued !== undefined && write.issued.upTo > 0) {
      const fact = this.truth.fact(write.issued.upTo);
      require(fact !== undefined, 'G2', () => `device ${device} records ${write.issued?.upTo} as issued`);
      require(fact.command.born === write.issued.born, 'G1', () =>
        `device ${device} records another command`);
    }
    this.everyStore(device);
  }

  sent({ from, to, message }: Parcel): void {
    checkWellFormed(this.config, message);
    if (isForLeader(message)) return;
    const store = this.stores[from]!;
    checkBacking(
      this.config,
      this.truth,
      { device: from, store, handedOut: this.handedOut[from]! },
      to,
      message,
    );
    if (message.kind === 'ballot-info') this.answers.sent(from, store, message);
  }

  /** How much the core of a device holds, its own view of what is issued included. */
  memory(consensus: unknown): void {
    checkMemory(this.config, { ballots: this.ballots.size, issued: this.truth.upTo }, consensus);
  }

  delivered({ from, to, incarnation, message }: Parcel): void {
    if (message.kind !== 'ballot-info') return;
    require(message.ballot % this.config.devices === to, 'I13', () =>
      `ballot-info ${message.ballot} at ${to}`);
    this.activation.delivered(from, incarnation, message);
  }

  /** Commands handed to the application: consecutive, and what the whole system issued (G1, G2, I17). */
  issued(device: Device, commands: readonly Command[]): void {
    for (const command of commands) {
      const number = this.handedOut[device]! + 1;
      if (command.number !== number)
        throw new Violation('I17', `device ${device} is handed ${command.number}, expected ${number}`);
      const fact = this.truth.fact(number);
      if (fact === undefined)
        throw new Violation(
          'G2',
          `device ${device} is handed ${command.born}@${number}, which is not issued`,
        );
      if (fact.command.born !== command.born)
        throw new Violation(
          'G1',
          `device ${device} is handed ${command.born}@${number}, not ${fact.command.born}`,
        );
      sameContent(fact.command, command);
      this.handedOut[device] = number;
    }
  }

  activated(device: Device, incarnation: number, activated: Activated): void {
    this.ballots.add(activated.ballot);
    require(activated.upTo === this.handedOut[device], 'I8', () => `active above ${activated.upTo}`);
    this.activation.activated(device, incarnation, activated);
  }

  /** Everything over all disks, at the end of a run and now and then within. */
  wholeCluster(): void {
    checkHistory(this.truth, this.stores, this.sets);
    checkHeld(this.truth, this.stores);
  }

  private everyStore(device: Device): void {
    const lowest = Math.min(...this.stores.map(({ upTo }) => upTo));
    const open = this.truth.upTo - lowest;
    this.writes++;
    if (open <= OPEN_CHECKED_ALWAYS || this.writes % 64 === 0) {
      checkHistory(this.truth, this.stores, this.sets, device);
      checkHeld(this.truth, this.stores);
    }
    if (this.writes % 256 === 0) this.truth.prune(lowest);
  }
}
