import type { ConsensusConfig, Device, Input } from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import { promisedBy } from '../check/backing.ts';
import { Checker, type Parcel } from '../check/checker.ts';
import { Runaway } from '../choices.ts';
import { Violation } from '../violation.ts';
import { Disk } from './disk.ts';
import type { Ground, Machine, MakeMachine } from './ground.ts';

/** What whoever drives the cluster is told. */
export interface Driver {
  /** A message left `parcel.from`; when, whether and how often it arrives is the driver's business. */
  sent(parcel: Parcel): void;
  /** A write waits for its flush. */
  written(device: Device): void;
  /** The process wants a turn. */
  woken(device: Device): void;
  clock(device: Device): ReturnType<Ground['clock']>;
  /** The process died at a fuse, between two of its effects. */
  died(device: Device): void;
  note(device: Device, text: string): void;
}

export interface SimDevice<M extends Machine> {
  readonly index: Device;
  readonly disk: Disk;
  machine: M | null;
  incarnation: number;
  /** Effects until the process dies between two of them; negative: no fuse. */
  fuse: number;
}

/** The memory of a process is measured after this many inputs. */
const MEASURED_EVERY = 128;

/** Thrown inside a process to end it in the middle of a step. */
class Death extends Error {}

/** The devices and the checkers around them; passive, a driver decides what happens next. */
export class Cluster<M extends Machine> {
  readonly devices: readonly SimDevice<M>[];
  readonly checker: Checker;
  private readonly config: Omit<ConsensusConfig, 'self'>;
  private readonly driver: Driver;
  private readonly make: MakeMachine<M>;
  private inputs = 0;
  rests = 0;

  constructor(config: Omit<ConsensusConfig, 'self'>, driver: Driver, make: MakeMachine<M>) {
    this.config = config;
    this.driver = driver;
    this.make = make;
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

  device(index: Device): SimDevice<M> {
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
    const { incarnation } = device;
    this.within(index, () => {
      device.machine = this.make({
        config,
        incarnation,
        durable,
        log: store.log,
        ground: this.ground(device),
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

  /** Something that is not a message and not an input of consensus. */
  run(index: Device, work: (machine: M) => void): void {
    const { machine } = this.device(index);
    if (machine !== null) this.within(index, () => work(machine));
  }

  /** The oldest `count` writes become durable, one by one; then the process is told. */
  flush(index: Device, count: number): void {
    const device = this.device(index);
    let last = 0;
    for (let i = 0; i < count; i++) last = this.flushOne(device) ?? last;
    const { machine } = device;
    if (last > 0 && machine !== null) this.within(index, () => machine.persisted(last));
  }

  private flushOne({ index, disk }: SimDevice<M>): number | undefined {
    const write = disk.flushOne();
    if (write === undefined) return undefined;
    this.checker.durable(index, write);
    return write.write;
  }

  private ground(device: SimDevice<M>): Ground {
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
      effect: burn,
      own: (message) => {
        const parcel = { from: index, to: index, incarnation, message };
        this.checker.sent(parcel);
        this.checker.delivered(parcel);
      },
      clock: () => this.driver.clock(index),
      wake: () => this.driver.woken(index),
      issued: (commands) => this.checker.issued(index, commands),
      activated: (activated) => this.checker.activated(index, incarnation, activated),
      deposed: (ballot) => {
        this.checker.confirmation.dropped(index);
        this.driver.note(index, `deposed from ballot ${ballot}`);
      },
      rested: () => {
        this.rests++;
        this.driver.note(index, 'rests');
      },
      asked: (token) => this.checker.confirmation.ask(index, token),
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
      if (error instanceof Violation || error instanceof Runaway) throw error;
      if (!(error instanceof Death))
        throw new Violation('fail-stop', `device ${index}: ${error instanceof Error ? error.stack : error}`);
      this.driver.died(index);
    }
    if (++this.inputs % MEASURED_EVERY !== 0) return;
    const { machine } = this.device(index);
    if (machine?.consensus !== undefined) this.checker.memory(machine.consensus);
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
