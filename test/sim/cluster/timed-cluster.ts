import type { Device, Input } from '../../../server/consensus/types.ts';
import type { Parcel } from '../check/checker.ts';
import type { Choices } from '../choices.ts';
import { EventQueue } from '../event-queue.ts';
import { Violation } from '../violation.ts';
import { Cluster } from './cluster.ts';
import type { Machine, MakeMachine } from './ground.ts';
import { Network } from './network.ts';
import type { Profile } from './profile.ts';
import { describe } from './show.ts';

/** A process is given the time this often in a heartbeat; a server does so between 2 and 8 times. */
const TICKS_PER_HEARTBEAT = 5;
/** What is kept for a paused process; a real socket buffer is no larger. */
const BACKLOG = 2000;
/** The wall clocks' time at the beginning of a run. */
const WALL = 1_700_000_000_000;

interface Body {
  flushing: boolean;
  diskFactor: number;
  /** How long each turn of the process takes to come: 0 where it is not slow. */
  pace: number;
  paused: boolean;
  backlog: (() => void)[];
  clockOffset: number;
  clockRate: number;
  clockSet: number;
  /** The wall clock may be wrong, and may be put back. */
  wallOffset: number;
  /** By device: when anything of it last came over its link, and whether the process was told that nothing does. */
  heardAt: number[];
  silent: boolean[];
  /** When its links looked at the time last. */
  lookedAt: number;
}

export interface TimedHooks {
  /** The process is gone. */
  crashed?(device: Device): void;
  /** One line for the columns; the text is only made if somebody reads it. */
  trace(text: () => string): void;
}

/** Devices, links and disks on one simulated clock (milliseconds). Knows no faults of its own: it offers them. */
export class TimedCluster<M extends Machine> {
  readonly cluster: Cluster<M>;
  readonly network: Network;
  now = 0;
  steps = 0;
  private readonly choices: Choices;
  private readonly profile: Profile;
  private readonly hooks: TimedHooks;
  private readonly bodies: readonly Body[];
  private readonly events = new EventQueue<() => void>();
  private readonly tickMs: number;
  /** Devices that stay as they are when the others are healed. */
  private readonly lost = new Set<Device>();

  constructor(profile: Profile, choices: Choices, hooks: TimedHooks, make: MakeMachine<M>) {
    this.choices = choices;
    this.profile = profile;
    this.hooks = hooks;
    const { devices, timing } = profile.config;
    this.tickMs = timing.heartbeat / TICKS_PER_HEARTBEAT;
    this.network = new Network(choices, profile.network, devices);
    this.bodies = Array.from({ length: devices }, () => ({
      flushing: false,
      diskFactor: 1,
      pace: 0,
      paused: false,
      backlog: [],
      clockOffset: 1000,
      clockRate: 1,
      clockSet: 0,
      wallOffset: choices.waiting(100),
      heardAt: new Array<number>(devices).fill(0),
      silent: new Array<boolean>(devices).fill(false),
      lookedAt: 0,
    }));
    this.cluster = new Cluster(
      profile.config,
      {
        sent: (parcel) => this.sent(parcel),
        written: (device) => this.flush(device),
        woken: (device) => this.later(this.bodies[device]!.pace, () => this.turn(device)),
        clock: (device) => this.clocks(device),
        died: (device) => this.crash(device, choices.waiting(profile.calm)),
        note: (device, text) => hooks.trace(() => `${device}: ${text}`),
      },
      make,
    );
  }

  /** The next event happens. */
  step(): void {
    const time = this.events.nextTime;
    const event = this.events.pop();
    if (event === undefined) throw new Violation('stuck', 'nothing is left to happen');
    this.now = Math.max(this.now, time);
    this.steps++;
    event();
  }

  later(delay: number, what: () => void): void {
    this.events.push(this.now + delay, what);
  }

  alive(device: Device): boolean {
    return this.cluster.device(device).machine !== null;
  }

  isPaused(device: Device): boolean {
    return this.bodies[device]!.paused;
  }

  get leaders(): Device[] {
    return this.cluster.devices.filter(({ machine }) => machine?.leading).map(({ index }) => index);
  }

  // Processes

  start(device: Device): void {
    const sim = this.cluster.device(device);
    if (sim.machine !== null || this.lost.has(device)) return;
    const body = this.bodies[device]!;
    Object.assign(body, { paused: false, backlog: [], flushing: false });
    body.heardAt.fill(this.now);
    body.silent.fill(false);
    this.cluster.start(device);
    this.hooks.trace(() => `start ${device}`);
    this.tick(device, sim.incarnation);
    for (const { index } of this.cluster.devices) if (index !== device) this.link(index, device, true);
  }

  crash(device: Device, downFor: number): void {
    const { disk } = this.cluster.device(device);
    if (!this.alive(device)) return;
    this.cluster.crash(device, this.choices.below(disk.queue.length + 1));
    this.hooks.crashed?.(device);
    this.hooks.trace(() => `crash ${device}`);
    // A dead process closes its connections; a dead machine tells nobody.
    if (this.choices.chance(0.7)) {
      for (const { index } of this.cluster.devices)
        if (index !== device) this.later(this.choices.waiting(2), () => this.gone(index, device));
    }
    this.later(downFor, () => this.start(device));
  }

  pause(device: Device, time: number): void {
    if (!this.alive(device)) return;
    this.bodies[device]!.paused = true;
    this.later(time, () => this.resume(device));
  }

  resume(device: Device): void {
    const body = this.bodies[device]!;
    if (!body.paused || this.lost.has(device)) return;
    this.hooks.trace(() => `resume ${device}`);
    body.paused = false;
    body.flushing = false;
    const { backlog } = body;
    body.backlog = [];
    this.flush(device);
    for (const what of backlog) what();
  }

  setClock(device: Device, jump: number, rate: number): void {
    const body = this.bodies[device]!;
    body.clockOffset = this.clockOf(body) + jump;
    body.clockSet = this.now;
    body.clockRate = rate;
    body.wallOffset = this.choices.waiting(5000) - this.choices.waiting(5000);
  }

  /** So much time passes by the wall clocks, and nothing happens meanwhile. */
  passTime(ms: number): void {
    for (const body of this.bodies) body.wallOffset += ms;
  }

  setDisk(device: Device, factor: number): void {
    this.bodies[device]!.diskFactor = factor;
  }

  /** A slow process: it gets to what came in this many ms late. */
  setPace(device: Device, pace: number): void {
    this.bodies[device]!.pace = pace;
  }

  input(device: Device, input: Input): void {
    this.whenAwake(device, () => this.cluster.input(device, input));
  }

  private tick(device: Device, incarnation: number): void {
    const sim = this.cluster.device(device);
    if (sim.incarnation !== incarnation || sim.machine === null) return;
    const body = this.bodies[device]!;
    // The mere passing of time is no event: a run is as long as what happens in it.
    this.steps--;
    if (this.profile.rest) this.listen(device, body);
    // A process tells its worlds the time in a turn of its own, so some turn may come between.
    if (!body.paused && !(this.profile.rest && this.cluster.device(device).machine?.asleep))
      this.cluster.input(device, this.time(device, body));
    this.later(this.tickMs, () => this.tick(device, incarnation));
  }

  private time(device: Device, body: Body): Input {
    const { roundTrip, rest } = this.profile;
    const now = Math.floor(this.clockOf(body));
    const idle = rest && this.cluster.device(device).disk.queue.length === 0;
    return {
      kind: 'tick',
      now,
      ...(roundTrip === null ? {} : { roundTrip }),
      ...(idle ? { rest: true } : {}),
    };
  }

  /** Its pings reach all that they can reach; and it notices whose do not reach it. Time that it stood still does not count. */
  private listen(device: Device, body: Body): void {
    const { config, network, roundTrip } = this.profile;
    if (body.paused) return;
    const stoodStill = this.now - body.lookedAt > 2 * this.tickMs;
    body.lookedAt = this.now;
    const patience = config.timing.election + (roundTrip ?? 2 * network.latency);
    for (const { index } of this.cluster.devices) {
      if (index === device) continue;
      if (!this.network.isCut(device, index)) this.bodies[index]!.heardAt[device] = this.now;
      if (stoodStill) body.heardAt[index] = this.now;
      const silent = this.now - body.heardAt[index]! > patience;
      if (silent === body.silent[index]) continue;
      body.silent[index] = silent;
      this.hooks.trace(() => `${device} ${silent ? 'hears nothing of' : 'hears again of'} ${index}`);
      this.cluster.input(device, { kind: 'silent', device: index, silent });
    }
  }

  private turn(device: Device): void {
    this.steps--;
    this.whenAwake(device, () => this.cluster.run(device, (machine) => machine.turn()));
  }

  private clocks(device: Device): { now: number; wall: number } {
    const body = this.bodies[device]!;
    return { now: Math.floor(this.clockOf(body)), wall: Math.floor(WALL + this.now + body.wallOffset) };
  }

  private clockOf(body: Body): number {
    return body.clockOffset + (this.now - body.clockSet) * body.clockRate;
  }

  /** At once, or when the process goes on. */
  whenAwake(device: Device, what: () => void): void {
    const body = this.bodies[device]!;
    if (!body.paused) what();
    else if (body.backlog.length < BACKLOG) body.backlog.push(what);
  }

  // Links

  /** Shuts one direction for a time; `told`: the receiver notices. */
  cut(from: Device, to: Device, told: boolean): void {
    this.network.cut(from, to, 1);
    if (told) this.told(to, from, false);
  }

  mend(from: Device, to: Device): void {
    this.network.cut(from, to, -1);
    this.link(from, to, true);
  }

  /** Both ends learn that they can talk again, if they can. */
  link(a: Device, b: Device, up: boolean): void {
    if (!this.alive(a) || !this.alive(b) || this.network.isCut(a, b) || this.network.isCut(b, a)) return;
    this.told(a, b, up);
    this.told(b, a, up);
  }

  private gone(device: Device, about: Device): void {
    // The end of the old link comes before the beginning of the new one; who rests goes by that.
    if (!this.profile.rest || !this.alive(about)) this.told(device, about, false);
  }

  private told(device: Device, about: Device, up: boolean): void {
    this.input(device, { kind: 'link', device: about, up });
    // A new link is heard when it is made; one that is gone is silent no more.
    const body = this.bodies[device]!;
    body.heardAt[about] = this.now;
    body.silent[about] = false;
  }

  private sent(parcel: Parcel): void {
    const times = this.network.fate(parcel.from, parcel.to, this.now);
    if (times.length === 0) this.hooks.trace(() => `lost ${describe(parcel)}`);
    for (const time of times) this.events.push(time, () => this.arrive(parcel));
  }

  private arrive(parcel: Parcel): void {
    const { from, to, incarnation } = parcel;
    // A message to itself is a part of the process and dies with it.
    if (from === to && incarnation !== this.cluster.device(to).incarnation) return;
    this.whenAwake(to, () => {
      this.cluster.deliver(parcel);
      this.hooks.trace(() => describe(parcel));
    });
  }

  // Disks

  /** One flush in flight; what is written meanwhile waits for the next one. */
  private flush(device: Device): void {
    const { disk, incarnation } = this.cluster.device(device);
    const body = this.bodies[device]!;
    if (body.flushing || disk.queue.length === 0) return;
    body.flushing = true;
    const count = disk.queue.length;
    this.later(this.choices.waiting(this.profile.flush) * body.diskFactor, () => {
      const sim = this.cluster.device(device);
      if (sim.incarnation !== incarnation || sim.machine === null || body.paused) return;
      body.flushing = false;
      this.cluster.flush(device, Math.min(count, disk.queue.length));
      this.hooks.trace(() => `durable ${device}`);
      if (sim.machine !== null) this.flush(device);
    });
  }

  // Healing

  /** Everything works from now on, except for the `lost`, which stay dead, frozen or (deaf) cut off. */
  heal(lost: readonly Device[]): void {
    for (const device of lost) this.lose(device);
    this.network.heal(this.lost);
    for (const { index } of this.cluster.devices) {
      if (this.lost.has(index)) continue;
      this.setClock(index, 0, 1);
      this.setDisk(index, 1);
      this.setPace(index, 0);
      this.cluster.device(index).fuse = -1;
      this.resume(index);
      this.start(index);
      // A flush that a slow disk had put off for long is done at today's speed.
      this.bodies[index]!.flushing = false;
      this.flush(index);
    }
    for (const { index } of this.cluster.devices)
      for (let peer = 0; peer < index; peer++) this.link(index, peer, true);
  }

  private lose(device: Device): void {
    const how = this.choices.pick(['dead', 'frozen', 'cut off', 'deaf'] as const);
    if (how === 'dead') this.crash(device, 0);
    if (how === 'frozen') this.bodies[device]!.paused = true;
    for (const { index } of this.cluster.devices) {
      if (index === device) continue;
      if (how === 'cut off' || how === 'deaf') this.network.cut(index, device, 1);
      if (how === 'cut off') this.network.cut(device, index, 1);
    }
    this.lost.add(device);
    this.hooks.trace(() => `${device} is ${how} for good`);
  }
}
