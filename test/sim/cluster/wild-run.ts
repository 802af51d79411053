import type { Device } from '../../../server/consensus/types.ts';
import type { Parcel } from '../check/checker.ts';
import type { Choices } from '../choices.ts';
import { Violation } from '../violation.ts';
import { Cluster } from './cluster.ts';
import type { Machine, MakeMachine } from './ground.ts';
import type { Profile } from './profile.ts';
import { type Report, reportOf } from './report.ts';
import { columns, describe } from './show.ts';

/** Messages that are still on their way at once; the oldest is lost first. */
const POOL = 400;
/** Rounds of "deliver everything, flush everything, 10 ms pass" within which healed devices must have recovered (G11). */
const HEALING_ROUNDS = 3000;
const ROUNDS_PER_COMMAND = 20;
/** Rounds of delivery that make another leader and issue some commands: ask, promise, propose, vote … */
const COUP_ROUNDS = 8;

/** What may be late for a whole run; '' for nothing. */
const LATE = [
  '',
  '',
  'next-ballot',
  'ballot-info',
  'begin-ballot',
  'voted',
  'success',
  'issued',
  'heartbeat',
  'heartbeat-ack',
  'execute',
  'reply',
] as const;

/** Who wants things of a wild cluster. Times are steps. */
export interface Load<M extends Machine> {
  /** Somebody asks `device` for something new, or again for what nobody has answered yet. */
  ask(cluster: Cluster<M>, device: Device, now: number): void;
  /** Everybody who waits for an answer asks again. */
  askAgain(cluster: Cluster<M>, device: () => Device, now: number): void;
  /** Everybody wants something new. */
  askAnew(now: number): void;
  readonly waiting: number;
  /** Leaders are to prove that they are. */
  confirm(cluster: Cluster<M>): void;
  /** The promises to those who asked, over the whole run. */
  check(cluster: Cluster<M>): void;
}

const ACTS = [
  'deliver',
  'flush',
  'ask',
  'lead',
  'crash',
  'restart',
  'drop',
  'tick',
  'link',
  'confirm',
  'shun',
  'fuse',
  'turn',
] as const;
type Act = (typeof ACTS)[number];

/**
 * A run without a clock: any message ever sent may arrive next, any disk may flush next, any device may try to lead next. Real
 * networks never behave like that, which is why this finds in seconds what simulated time does not find in hours.
 */
export class WildRun<M extends Machine> {
  private readonly cluster: Cluster<M>;
  private readonly load: Load<M>;
  private readonly choices: Choices;
  private readonly profile: Profile;
  private readonly print: ((line: string) => void) | undefined;
  private readonly weights: Readonly<Record<Act, number>>;
  private readonly clocks: number[];
  /** How often somebody asks a leader rather than anyone. */
  private readonly toLeaders: number;
  private readonly deaf: number;
  /** Messages of this kind are late in this run. */
  private readonly late: string;
  private readonly persistent: number;
  private pool: Parcel[] = [];
  private own: Parcel[] = [];
  private steps = 0;
  private faults = 0;
  /** Processes that want a turn. */
  private readonly woken = new Set<Device>();
  private readonly lazy: number;
  private healing = false;
  /** What is sent to this device does not arrive for now: others get on without it, and it does not know. */
  private shunned: Device | null = null;

  constructor(
    profile: Profile,
    choices: Choices,
    make: (now: () => number) => { readonly load: Load<M>; readonly machine: MakeMachine<M> },
    print?: (line: string) => void,
  ) {
    this.choices = choices;
    this.profile = profile;
    this.print = print;
    this.clocks = profile.config.weights.map(() => 1000);
    this.weights = {
      deliver: choices.pick([30, 20, 60]),
      flush: choices.pick([12, 5, 30]),
      ask: choices.pick([4, 2, 10]),
      lead: choices.pick([1, 0.3, 3]),
      crash: choices.pick([0, 0.1, 0.5]),
      restart: 1,
      drop: choices.pick([0, 3, 10]),
      tick: choices.pick([0.3, 0, 2]),
      link: choices.pick([0, 0.1]),
      confirm: 0.3,
      shun: choices.pick([0, 0.3, 1]),
      fuse: choices.pick([0, 0.1]),
      turn: 5,
    };
    this.deaf = choices.pick([0, 0.3, 0.6]);
    this.late = choices.pick(LATE);
    this.toLeaders = choices.pick([0.8, 0.2]);
    this.persistent = choices.pick([0, 0.2, 0.8]);
    this.lazy = choices.pick([0, 0.5]);
    const { load, machine } = make(() => this.steps);
    this.load = load;
    this.cluster = new Cluster(
      profile.config,
      {
        sent: (parcel) => this.sent(parcel),
        written: () => {},
        woken: (device) => this.woken.add(device),
        clock: (device) => ({ now: this.clocks[device]!, wall: this.clocks[device]! }),
        died: (device) => this.crash(device),
        note: (device, text) => this.trace(() => `${device}: ${text}`),
      },
      machine,
    );
  }

  run(steps: number): Report {
    for (const { index } of this.cluster.devices) this.start(index);
    while (this.steps < steps) this.step();
    this.heal();
    this.cluster.checker.wholeCluster();
    this.load.check(this.cluster);
    return this.report();
  }

  report(): Report {
    const time = Math.max(...this.clocks) - 1000;
    return reportOf(this.cluster.checker.truth, { time, steps: this.steps, faults: this.faults, rests: 0 });
  }

  private step(): void {
    this.steps++;
    const act = this.nextAct();
    const device = this.choices.below(this.profile.config.devices);
    this.act(act, device);
    this.settle();
  }

  private nextAct(): Act {
    // Without a leader nothing happens that could go wrong.
    if (!this.cluster.devices.some(({ machine }) => machine?.leading) && this.choices.chance(0.1))
      return 'lead';
    const total = ACTS.reduce((sum, act) => sum + this.weights[act], 0);
    let left = (this.choices.below(65_536) / 65_536) * total;
    for (const act of ACTS) {
      left -= this.weights[act];
      if (left < 0) return act;
    }
    return 'deliver';
  }

  private act(act: Act, device: Device): void {
    const { cluster, choices } = this;
    const { disk } = cluster.device(device);
    const { machine } = cluster.device(device);
    switch (act) {
      case 'deliver':
        this.deliver();
        break;
      case 'flush':
        this.flush(device, choices.between(1, Math.max(1, disk.queue.length)));
        break;
      case 'ask':
        this.ask(device);
        break;
      case 'lead':
        this.lead(device);
        break;
      case 'crash':
        this.crash(device);
        break;
      case 'restart':
        if (machine === null) this.start(device);
        break;
      case 'drop':
        if (this.pool.length > 0) this.take(choices.below(this.pool.length));
        break;
      case 'tick':
        this.clocks[device]! += choices.pick([10, 100, 1000]);
        cluster.input(device, { kind: 'tick', now: this.clocks[device]! });
        break;
      case 'link':
        this.link(device, choices.chance(0.5));
        break;
      case 'confirm':
        this.load.confirm(cluster);
        break;
      case 'shun':
        this.shun();
        break;
      case 'fuse':
        cluster.device(device).fuse = choices.below(8);
        break;
      case 'turn':
        this.turn(device);
        break;
    }
  }

  /** Leaders are shunned more than others: the quorums that exclude the last leader are the dangerous ones. */
  private shun(): void {
    const { devices } = this.cluster;
    const leader = devices.find(({ machine }) => machine?.leading)?.index;
    const ends = this.shunned !== null && this.choices.chance(0.3);
    this.shunned = ends ? null : (leader ?? this.choices.below(devices.length));
    if (ends || devices.length < 3) return;
    const others = devices.filter(({ index }) => index !== this.shunned);
    this.lead(this.choices.pick(others).index);
    if (this.choices.chance(0.7)) for (let round = 0; round < COUP_ROUNDS; round++) this.rush();
  }

  /** All that is on its way arrives, all disks flush; but nothing reaches the shunned one. */
  private rush(): void {
    const { devices } = this.cluster;
    const fresh = devices.find(({ machine, index }) => machine?.leading && index !== this.shunned);
    if (fresh !== undefined) this.load.ask(this.cluster, fresh.index, this.steps);
    const arriving = this.pool.filter(({ to }) => to !== this.shunned);
    this.pool = this.pool.filter(({ to }) => to === this.shunned);
    for (const parcel of arriving) this.arrive(parcel);
    for (const { index, disk } of devices) if (index !== this.shunned) this.flush(index, disk.queue.length);
    this.settle();
  }

  private lead(device: Device): void {
    this.faults++;
    this.cluster.input(device, { kind: 'lead' });
    this.trace(() => `lead ${device}`);
  }

  private link(device: Device, up: boolean): void {
    const { length } = this.cluster.devices;
    if (length > 1) this.cluster.input(device, { kind: 'link', device: (device + 1) % length, up });
  }

  private start(device: Device): void {
    this.cluster.start(device);
    this.cluster.input(device, { kind: 'tick', now: this.clocks[device]! });
    for (const { index } of this.cluster.devices) {
      if (index === device) continue;
      this.cluster.input(device, { kind: 'link', device: index, up: true });
      this.cluster.input(index, { kind: 'link', device, up: true });
    }
    this.trace(() => `start ${device}`);
  }

  private crash(device: Device): void {
    const { machine, disk } = this.cluster.device(device);
    if (machine === null) return;
    this.faults++;
    this.own = this.own.filter(({ to }) => to !== device);
    this.woken.delete(device);
    this.cluster.crash(device, this.choices.below(disk.queue.length + 1));
    this.trace(() => `crash ${device}`);
  }

  private flush(device: Device, count: number): void {
    if (this.cluster.device(device).disk.queue.length === 0) return;
    this.cluster.flush(device, count);
    this.trace(() => `durable ${device}`);
  }

  /** Leaders are asked more often than others, those that do not know that they are deposed most of all. */
  private ask(device: Device): void {
    const leaders = this.cluster.devices.filter(({ machine }) => machine?.leading);
    const stale = leaders.find(({ index }) => index === this.shunned);
    const some =
      leaders.length > 0 && this.choices.chance(this.toLeaders) ? this.choices.pick(leaders).index : device;
    const at = stale !== undefined && this.choices.chance(0.5) ? stale.index : some;
    this.load.ask(this.cluster, at, this.steps);
    this.trace(() => `somebody asks ${at}`);
  }

  private turn(device: Device): void {
    if (!this.woken.delete(device)) return;
    this.cluster.run(device, (machine) => machine.turn());
  }

  // Messages

  private sent(parcel: Parcel): void {
    if (parcel.from === parcel.to) this.own.push(parcel);
    else if (this.healing) this.pool.push(parcel);
    else {
      if (parcel.message.kind === 'begin-ballot' && this.choices.chance(this.deaf)) return;
      this.pool.push(parcel);
      if (this.pool.length > POOL) this.pool.shift();
    }
  }

  /** What a device tells itself arrives at once: it is part of its step, only after the write. Turns may wait for company. */
  private settle(): void {
    for (;;) {
      for (let parcel = this.own.shift(); parcel !== undefined; parcel = this.own.shift())
        this.arrive(parcel);
      const device = [...this.woken].find(() => this.healing || !this.choices.chance(this.lazy));
      if (device === undefined) return;
      this.turn(device);
    }
  }

  private deliver(): void {
    if (this.pool.length === 0) return;
    const index = this.chooseParcel();
    const { to, message } = this.pool[index]!;
    if (to === this.shunned || (message.kind === this.late && !this.choices.chance(0.1))) return;
    const parcel = this.choices.chance(this.persistent) ? this.pool[index]! : this.take(index);
    this.arrive(parcel);
  }

  /** Any; the newest; or the one that speaks of the highest number: later numbers first is what the flaws need. */
  private chooseParcel(): number {
    const { length } = this.pool;
    const how = this.choices.below(4);
    if (how === 1) return length - 1;
    if (how === 2) return 0;
    if (how !== 3) return this.choices.below(length);
    let best = 0;
    for (let index = 0; index < length; index++)
      if (numberOf(this.pool[index]!) >= numberOf(this.pool[best]!)) best = index;
    return best;
  }

  private take(index: number): Parcel {
    return this.pool.splice(index, 1)[0]!;
  }

  private arrive(parcel: Parcel): void {
    this.cluster.deliver(parcel);
    this.trace(() => describe(parcel));
  }

  // Healing

  /** From here on everything arrives in order, every disk is quick and every clock runs. */
  private heal(): void {
    const { cluster, load } = this;
    const { truth } = cluster.checker;
    this.healing = true;
    this.trace(() => 'healing');
    this.pool = [];
    const clock = Math.max(...this.clocks);
    this.clocks.fill(clock);
    for (const device of cluster.devices) {
      device.fuse = -1;
      if (device.machine === null) this.start(device.index);
      for (const { index } of cluster.devices)
        if (index !== device.index) cluster.input(device.index, { kind: 'link', device: index, up: true });
    }
    const lag = truth.upTo - Math.min(...cluster.devices.map(({ disk }) => disk.store.upTo));
    let left = HEALING_ROUNDS + ROUNDS_PER_COMMAND * lag;
    const until = (what: string, done: () => boolean) => {
      while (!done()) {
        this.round();
        if (--left < 0)
          throw new Violation(
            'G11',
            `${what} does not come about; issued ${truth.upTo}, applied ${cluster.devices.map(({ machine }) => machine?.applied)}`,
          );
      }
    };
    until('an answer to everybody', () => load.waiting === 0);
    load.askAnew(this.steps);
    until('a new command', () => load.waiting === 0);
    until('equal replicas', () =>
      cluster.devices.every(
        ({ machine, disk }) => machine?.applied === truth.upTo && disk.store.upTo === truth.upTo,
      ),
    );
  }

  private round(): void {
    const { cluster } = this;
    this.steps++;
    const arriving = this.pool;
    this.pool = [];
    for (const parcel of arriving) this.arrive(parcel);
    for (const { index, disk } of cluster.devices) {
      this.flush(index, disk.queue.length);
      this.clocks[index]! += 10;
      cluster.input(index, { kind: 'tick', now: this.clocks[index]! });
    }
    this.settle();
    if (this.steps % 8 !== 0) return;
    this.load.askAgain(cluster, () => this.choices.below(cluster.devices.length), this.steps);
    this.settle();
  }

  private trace(text: () => string): void {
    if (this.print === undefined) return;
    const cells = this.cluster.devices.map(({ machine }) => machine?.cell ?? '-');
    this.print(columns(String(this.steps), text(), cells));
  }
}

function numberOf({ message }: Parcel): number {
  switch (message.kind) {
    case 'begin-ballot':
      return message.commands[0]!.number;
    case 'voted':
    case 'success':
      return message.ranges[0]!.first;
    default:
      return 0;
  }
}
