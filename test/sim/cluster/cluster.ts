import type { ConsensusConfig, Device, Input } from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import { promisedBy } from '../check/backing.ts';
import { Checker, type Parcel } from '../check/checker.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { CoreMachine } from './core-machine.ts';
import { Disk } from './disk.ts';
import type { Ground } from './ground.ts';
import type { Outcome, Wish } from './ledger.ts';

/** What whoever drives the cluster is told. */
export interface Driver {
  /** A message left `parcel.from`; when, whether and how often it arrives is the driver's business. */
  sent(parcel: Parcel): void;
  /** A write waits for its flush. */
  written(device: Device): void;
  answered(device: Device, client: number, outcome: Outcome): void;
  /** The process died at a fuse, between two of its effects. */
  died(device: Device): void;
  /** What the leader's nondeterministic function draws. */
  draw(): number;
  note(device: Device, text: string): void;
}

export interface SimDevice {
  readonly index: Device;
  readonly disk: Disk;
  machine: CoreMachine | null;
  incarnation: number;
  /** Effects until the process dies between two of them; negative: no fuse. */
  fuse: number;
}

/** Thrown inside a process to end it in the middle of a step. */
class Death extends Error {}

/** The devices and the checkers around them; passive, a driver decides what happens next. */
export class Cluster {
  readonly devices: readonly SimDevice[];
  readonly checker: Checker;
  private readonly production: Production;
  private readonly config: Omit<ConsensusConfig, 'self'>;
  private readonly driver: Driver;

  constructor(production: Production, config: Omit<ConsensusConfig, 'self'>, driver: Driver) {
    this.production = production;
    this.config = config;
    this.driver = driver;
    this.devices = Array.from({ length: config.devices }, (_, index) => ({
      index,
      disk: new Disk(),
      machine: null,
      incarnation: 0,
      fuse: -1,
    }));
    this.checker = new Checker(
      { ...config, self: 0 },
      this.devices.map(({ disk }) => disk.store),
    );
  }

  device(index: Device): SimDevice {
    return this.devices[index]!;
  }

  start(index: Device): void {
    const device = this.device(index);
    const { store } = device.disk;
    const durable = store.durable(this.config.tailCommands);
    device.incarnation++;
    device.fuse = -1;
    this.checker.started(index, durable, promisedBy(store));
    const config = {
      ...this.config,
      self: index,
      seed: (this.config.seed + index * 7919 + device.incarnation * 104729) >>> 0,
    };
    this.within(index, () => {
      device.machine = new CoreMachine(this.production, config, durable, store.log, this.ground(device), {
        answered: (client, outcome) => this.driver.answered(index, client, outcome),
        draw: () => this.driver.draw(),
      });
    });
  }

  /** Ends the process; the oldest `kept` of its waiting writes still become durable. */
  crash(index: Device, kept: number): void {
    const device = this.device(index);
    for (let i = 0; i < kept; i++) this.flushOne(device);
    device.disk.crash();
    device.machine = null;
    this.checker.confirmation.dropped(index);
  }

  input(index: Device, input: Input): void {
    this.within(index, () => this.device(index).machine?.input(input));
  }

  /** Hands a message over, if the receiver lives. */
  deliver(parcel: Parcel): void {
    const { machine } = this.device(parcel.to);
    if (machine === null) return;
    this.checker.delivered(parcel);
    this.within(parcel.to, () => machine.message(parcel.from, parcel.message));
  }

  wish(index: Device, wish: Wish): void {
    this.within(index, () => this.device(index).machine?.wish(wish));
  }

  confirm(index: Device, token: number): void {
    const { machine } = this.device(index);
    if (machine === null || !machine.leading) return;
    this.checker.confirmation.ask(index, token);
    this.within(index, () => void machine.confirm(token));
  }

  /** The oldest `count` writes become durable, one by one; then the process is told. */
  flush(index: Device, count: number): void {
    const device = this.device(index);
    let last = 0;
    for (let i = 0; i < count; i++) last = this.flushOne(device) ?? last;
    const { machine } = device;
    if (last > 0 && machine !== null) this.within(index, () => machine.persisted(last));
  }

  private flushOne({ index, disk }: SimDevice): number | undefined {
    const write = disk.flushOne();
    if (write === undefined) return undefined;
    this.checker.durable(index, write);
    return write.write;
  }

  private ground(device: SimDevice): Ground {
    const { index, disk, incarnation } = device;
    const burn = () => {
      if (device.fuse === 0) throw new Death();
      if (device.fuse > 0) device.fuse--;
    };
    return {
      write: (write) => {
        burn();
        disk.append(write);
        this.driver.written(index);
      },
      send: (to, message) => {
        burn();
        freeze(message);
        const parcel = { from: index, to, incarnation, message };
        this.checker.sent(parcel);
        this.driver.sent(parcel);
      },
      issued: (commands) => {
        burn();
        this.checker.issued(index, commands);
      },
      activated: (activated) => this.checker.activated(index, incarnation, activated),
      deposed: (ballot) => {
        this.checker.confirmation.dropped(index);
        this.driver.note(index, `deposed from ballot ${ballot}`);
      },
      confirmed: (token, known) => this.checker.confirmation.confirmed(index, token, known),
      alarm: (text) => {
        throw new Violation('alarm', `device ${index}: ${text}`);
      },
      read: (from, to, bytes) => disk.store.read(from, to, bytes),
    };
  }

  /** Runs code of the process; an error there is a broken assertion of the production code. */
  private within(index: Device, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof Violation) throw error;
      if (!(error instanceof Death))
        throw new Violation('fail-stop', `device ${index}: ${error instanceof Error ? error.stack : error}`);
      this.driver.died(index);
    }
  }
}

/** A message that left must never change again: the receiver gets the very same object. */
function freeze(message: PeerMessage): void {
  const pending: object[] = [message];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Object.isFrozen(value) || ArrayBuffer.isView(value)) continue;
    Object.freeze(value);
    for (const inner of Object.values(value))
      if (typeof inner === 'object' && inner !== null) pending.push(inner);
  }
}
