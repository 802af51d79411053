import type { Device } from '../../../server/consensus/types.ts';
import { SESSION_IDLE_MS, SESSION_SWEEP_MS } from '../../../server/limits.ts';
import { checkWorld } from '../check/world-check.ts';
import { YardModel } from '../check/yard-check.ts';
import type { Choices } from '../choices.ts';
import type { Start } from '../cluster/ground.ts';
import { strike, type Victim } from '../cluster/nemesis.ts';
import { type Report, reportOf } from '../cluster/report.ts';
import { columns } from '../cluster/show.ts';
import { TimedCluster } from '../cluster/timed-cluster.ts';
import { chooseLost, victimOf } from '../cluster/timed-run.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { Caller } from './caller.ts';
import type { Numbered } from './desk.ts';
import type { Up } from './edge-frames.ts';
import { chooseEdge, type EdgeProfile } from './edge-profile.ts';
import { Deeds, end, type Lived } from './ledger-of-deeds.ts';
import { Player } from './player.ts';
import { type Edge, RegionMachine, type Seen } from './region-machine.ts';
import { Vandal } from './vandal.ts';
import { chooseDeed, type Deed, keyOf } from './warehouse-model.ts';
import { type Dialler, Wires } from './wires.ts';
import type { WorldProfile } from './world-profile.ts';

/** Heartbeats within which a healed world must have answered everybody, and the clients' own patience on top, in ms (G11). */
const HEALING_BEATS = 600;
const HEALING_MS = 60_000;
/** How often a run of the yard goes on until sessions end, and how long that may take. */
const LONG_AFTER = 0.3;
const LONG_AFTER_MS = 120_000;
/** Turns that a slow process takes while another would stand still. */
const TURNS_IN_A_CRAWL = 8;

/** Whole region servers, players and callers on one simulated clock, under faults and then healed. */
export class WorldRun {
  private readonly timed: TimedCluster<RegionMachine>;
  private readonly production: Production;
  private readonly profile: WorldProfile;
  private readonly edge: EdgeProfile;
  private readonly choices: Choices;
  private readonly print: ((line: string) => void) | undefined;
  private readonly deeds = new Deeds();
  private readonly wires: Wires;
  private readonly players: Player[] = [];
  private readonly callers: Caller[] = [];
  private readonly vandals: Vandal[] = [];
  private readonly vandalised = new Map<string, Numbered>();
  private readonly calls = new Map<number, { caller: Caller; lived: Lived; attempt: number }>();
  private readonly reading = new Map<number, number>();
  private readonly saved: (string | null)[];
  /** issuedAt[n]: number n was issued first. */
  private readonly issuedAt: number[] = [0];
  private readonly victim: Victim;
  private core: readonly Device[];
  private names = 0;
  private faults = 0;
  private healed = false;

  constructor(
    production: Production,
    profile: WorldProfile,
    choices: Choices,
    print?: (line: string) => void,
  ) {
    const { config } = profile.cluster;
    this.production = production;
    this.profile = profile;
    this.choices = choices;
    this.print = print;
    this.edge = chooseEdge(choices);
    print?.(`edge ${JSON.stringify(this.edge)}`);
    this.core = config.weights.map((_, device) => device);
    this.saved = this.core.map(() => null);
    this.timed = new TimedCluster(
      profile.cluster,
      choices,
      { trace: (text) => this.trace(text), crashed: (device) => this.wires.regionGone(device) },
      (start) =>
        new RegionMachine(production, start, {
          players: {
            tell: (seat, down) => this.wires.toClient(seat, down),
            close: (seat, reason) => this.wires.close(seat, reason),
            admits: (session, act) => this.admits(session, act),
            answered: (call, answer) => this.answered(call, answer),
            read: (id, seen) => this.seen(id, seen),
            random: () => choices.below(65_536) / 65_536,
          },
          edge: this.edgeOf(start),
          saved: this.saved[start.config.self]!,
          firstRequest: choices.below(2 ** 31),
          limits: profile.host,
          leaderLimits: profile.leader,
          yard: profile.yard,
          slowness: profile.slowness,
          encoded: profile.encoded,
          rest: profile.cluster.rest,
        }),
    );
    const { latency } = profile.cluster.network;
    this.wires = new Wires(this.timed, choices, latency, this.edge, (text) => this.trace(text));
    this.victim = {
      ...victimOf(this.timed, config.devices, () => this.healed),
      pause: (device, time) => this.hold(device, time),
    };
  }

  run(steps: number): Report {
    const { timed, profile } = this;
    for (const device of this.core) timed.start(device);
    for (let index = 0; index < profile.players; index++)
      this.players.push(this.makePlayer(`player-${index}`, index, null));
    for (let index = 0; index < profile.callers; index++) this.addCaller(`caller-${index}`);
    for (let index = 0; index < this.edge.vandals; index++) this.addVandal(`vandal-${index}`);
    for (let index = 0; index < profile.players + profile.callers + this.edge.vandals; index++)
      this.think(index);
    if (profile.cluster.faults.length > 0) this.nextFault();
    while (timed.steps < steps) this.step();
    this.heal();
    this.recover();
    const { checker } = timed.cluster;
    checker.wholeCluster();
    checkWorld(this.production, checker.truth, this.deeds, this.yardModel());
    return this.report();
  }

  report(): Report {
    const { now: time, steps, cluster } = this.timed;
    return reportOf(cluster.checker.truth, { time, steps, faults: this.faults, rests: cluster.rests });
  }

  private step(): void {
    this.timed.step();
    while (this.issuedAt.length <= this.issued) this.issuedAt.push(this.timed.now);
  }

  private yardModel(): YardModel | null {
    const { cluster, leader, yard } = this.profile;
    if (!yard) return null;
    const { issuedAt } = this;
    const unconnected = (session: string) => session.startsWith('caller-');
    // With clocks that jump a grace period may be over sooner.
    if (cluster.faults.includes('clock')) return new YardModel({ issuedAt, unconnected });
    return new YardModel({ issuedAt, unconnected, graceMs: leader.graceMs ?? 0 });
  }

  private get issued(): number {
    return this.timed.cluster.checker.truth.upTo;
  }

  // Players and callers

  private makePlayer(name: string, home: number, resumedAt: number | null): Player {
    const { timed, choices, wires, production, edge, deeds } = this;
    // The first dial happens while the player is made: its connections need a name before it has one.
    const dialler: Dialler = { name, heard: (connection, down) => player.heard(connection, down) };
    const player = new Player(name, {
      ...{ production, deeds, resumedAt, bytes: edge.bytes, addresses: this.saved.length },
      now: () => timed.now,
      random: () => choices.below(65_536) / 65_536,
      issued: () => this.issued,
      later: (delay, what) => timed.later(delay, what),
      dial: (connection, address, from) =>
        wires.dial(dialler, connection, (address + home) % this.saved.length, from),
      hangUp: (connection, consented) => wires.hangUp(dialler, connection, consented),
      send: (connection, up) => wires.sendUp(dialler, connection, up),
      ping: (connection) => wires.toRegion(dialler, connection, (machine, seat) => machine.ping(seat)),
      command: (number) => timed.cluster.checker.truth.fact(number)?.command.bytes,
    });
    return player;
  }

  private addVandal(name: string): void {
    const { wires, choices, production, saved } = this;
    const ground = {
      dial: (vandal: Vandal, connection: number) =>
        wires.dial(vandal, connection, choices.below(saved.length), choices.pick([null, 1, 1e9])),
      hangUp: (vandal: Vandal, connection: number) => wires.hangUp(vandal, connection, choices.chance(0.5)),
      send: (vandal: Vandal, connection: number, up: Up) => wires.sendUp(vandal, connection, up),
    };
    this.vandals.push(new Vandal(production, name, ground, choices));
  }

  /** What of a vandal's makes sense is a deed like any other; one of two meanings of a sequence is held back. */
  private admits(session: string, act: Numbered): boolean {
    if (!session.startsWith('vandal-')) return true;
    const { sequence, action, args } = act;
    const key = `${session} ${sequence}`;
    const before = this.vandalised.get(key);
    if (before !== undefined) return before.action === action && String(before.args) === String(args);
    this.vandalised.set(key, act);
    const meaning = this.production.warehouse.schema.actions[action as Deed['action']].decode(args);
    const lived = this.deeds.begin(session, { action, args: meaning } as Deed, this.timed.now, this.issued);
    lived.sequence = sequence;
    end(lived, { kind: 'unknown', code: 'nobody cares' }, this.timed.now, this.issued);
    return true;
  }

  private edgeOf({ config, incarnation }: Start): Edge {
    const { timed, choices, edge } = this;
    const { self } = config;
    return {
      ...{ choices, habits: edge.gateway, calm: () => this.healed },
      later: (mean, work) =>
        timed.later(choices.waiting(mean), () =>
          timed.whenAwake(self, () => {
            if (timed.cluster.device(self).incarnation === incarnation) timed.cluster.run(self, work);
          }),
        ),
    };
  }

  private addCaller(name: string): void {
    const { timed, choices, profile } = this;
    const ground = {
      now: () => timed.now,
      issued: () => this.issued,
      later: (delay: number, what: () => void) => timed.later(delay, what),
      post: (caller: Caller, lived: Lived, attempt: number) => this.post(caller, lived, attempt),
    };
    this.callers.push(new Caller(name, ground, this.deeds, choices, profile.cluster.patience));
  }

  private think(index: number): void {
    this.timed.later(this.choices.waiting(this.profile.cluster.think), () => {
      if (this.healed) return;
      this.act(index);
      this.think(index);
    });
  }

  private act(index: number): void {
    const { choices, profile, players, callers } = this;
    if (index < players.length) this.play(index);
    else if (index < players.length + callers.length) {
      const caller = callers[index - players.length]!;
      if (choices.chance(0.2)) this.read();
      else if (!caller.busy) caller.act(chooseDeed(choices, profile.appetite));
    } else this.vandals[index - players.length - callers.length]!.act();
    if (choices.chance(profile.saves)) this.save(choices.below(this.saved.length));
  }

  private play(index: number): void {
    const { choices, profile, players, edge, wires, timed } = this;
    const player = players[index]!;
    if (player.unsettled < profile.pipelined) player.act(chooseDeed(choices, profile.appetite));
    if (choices.chance(edge.breaks)) wires.hurt(player.name);
    if (!choices.chance(edge.reloads)) return;
    this.trace(() => `${player.name} is loaded anew`);
    wires.vanish(player.name);
    player.vanish();
    players[index] = this.makePlayer(player.name, index, timed.now);
  }

  private post(caller: Caller, lived: Lived, attempt: number): void {
    const call = ++this.names;
    const { action, args } = lived.deed;
    const bytes = this.production.warehouse.schema.actions[action]!.encode(args);
    const request = { session: caller.name, sequence: lived.sequence, action, args: bytes };
    this.calls.set(call, { caller, lived, attempt });
    this.toSome(`${caller.name}#${lived.sequence} posts`, (machine) => machine.call(call, request));
  }

  private answered(call: number, answer: Parameters<Caller['answered']>[2]): void {
    const { caller, lived, attempt } = this.calls.get(call)!;
    this.calls.delete(call);
    this.timed.later(this.choices.waiting(this.profile.cluster.network.latency), () => {
      this.trace(
        () => `${caller.name}#${lived.sequence} is told ${answer.outcome} ${answer.code || answer.number}`,
      );
      caller.answered(lived, attempt, answer);
    });
  }

  private read(): void {
    const id = ++this.names;
    this.reading.set(id, this.deeds.reads.length);
    const { now } = this.timed;
    const returned = Number.POSITIVE_INFINITY;
    this.deeds.reads.push({ called: now, issuedBefore: this.issued, returned, seen: null });
    this.toSome('a read', (machine) => machine.read(id));
  }

  private seen(id: number, seen: Seen): void {
    const read = this.deeds.reads[this.reading.get(id)!]!;
    if (seen === null) return;
    read.seen = { number: seen.number, amounts: keyOf(seen.amounts) };
    read.returned = this.timed.now;
  }

  private toSome(what: string, work: (machine: RegionMachine) => void): void {
    const region = this.choices.pick(this.core);
    this.timed.later(this.choices.waiting(this.profile.cluster.network.latency), () => {
      if (this.timed.isPaused(region)) return;
      this.trace(() => `${what} at ${region}`);
      this.timed.cluster.run(region, work);
    });
  }

  /** Keeps a replica's state on its device, to start from after the next crash; never one that its log does not reach. */
  private save(device: Device): void {
    this.timed.cluster.run(device, (machine) => {
      const { number, text } = machine.save();
      if (number <= this.timed.cluster.device(device).disk.store.upTo) this.saved[device] = text;
    });
  }

  // Faults and healing

  private nextFault(): void {
    const { cluster } = this.profile;
    this.timed.later(this.choices.waiting(cluster.calm), () => {
      if (this.healed) return;
      this.faults++;
      const what = strike(this.choices, this.choices.pick(cluster.faults), this.victim, cluster.calm);
      this.trace(() => `fault: ${what}`);
      this.nextFault();
    });
  }

  /** Some processes do not stand still, they crawl: as slow as the pause would be long, by the way its length was drawn. */
  private hold(device: Device, time: number): void {
    if (Math.floor(time) % 2 === 0) {
      this.timed.pause(device, time);
      return;
    }
    this.timed.setPace(device, time / TURNS_IN_A_CRAWL);
    this.timed.later(time, () => this.healed || this.timed.setPace(device, 0));
  }

  private heal(): void {
    this.healed = true;
    const lost = this.profile.cluster.coreOnly ? chooseLost(this.timed, this.choices, this.core) : [];
    this.core = this.core.filter((device) => !lost.includes(device));
    this.trace(() => `healing ${this.core}`);
    this.timed.heal(lost);
  }

  private recover(): void {
    const { timed, profile, players, callers, core } = this;
    const { heartbeat } = profile.cluster.config.timing;
    const beat = heartbeat + profile.cluster.flush + (profile.cluster.roundTrip ?? 0);
    let deadline = timed.now + HEALING_BEATS * beat + HEALING_MS;
    const until = (what: string, done: () => boolean) => {
      while (!done()) {
        this.step();
        if (timed.now > deadline)
          throw new Violation('G11', `${what} does not come about in a healed world; ${this.standing()}`);
      }
    };
    const settled = () =>
      players.every(({ unsettled }) => unsettled === 0) && callers.every(({ busy }) => !busy);
    until('an answer to everybody', settled);
    const before = this.deeds.deeds.length;
    until('a new deed for everybody', () => {
      if (settled()) this.actAnew(before);
      return settled();
    });
    const machines = () => core.map((device) => timed.cluster.device(device).machine);
    const equal = () =>
      machines().every((machine) => machine?.applied === this.issued && machine.quiet) &&
      players.every(({ live, number }) => live && number === this.issued);
    until('equal replicas and mirrors', equal);
    if (profile.yard && this.choices.chance(LONG_AFTER)) {
      // Nobody who has no connection stays, and at last nobody knows them any more.
      const nowhere = (are: boolean | undefined) => () =>
        machines().every((machine) => callers.every(({ name }) => machine?.isIn(name) !== are));
      deadline += LONG_AFTER_MS;
      until('the leave of everybody without a connection', nowhere(true));
      // A copy of an act that comes late wakes a session once more, and its time begins anew.
      let asleepAt = timed.now;
      until('the end of old sessions', () => {
        if (timed.now >= asleepAt) {
          timed.passTime(2 * SESSION_IDLE_MS);
          asleepAt = timed.now + 2 * SESSION_SWEEP_MS;
        }
        return nowhere(false)();
      });
      until('equal replicas and mirrors, long after', equal);
    }
    this.compare();
  }

  /** Whoever has not had a deed issued since `before` asks for one; a no for want of room is no reason to give up. */
  private actAnew(before: number): void {
    const done = new Set(
      this.deeds.deeds
        .slice(before)
        .flatMap(({ session, fate }) => (fate?.kind === 'issued' ? [session] : [])),
    );
    for (const actor of [...this.players, ...this.callers])
      if (!done.has(actor.name)) actor.act({ action: 'inbound', args: { to: 'A', amount: 1 } });
  }

  private compare(): void {
    const machines = this.core.map((device) => this.timed.cluster.device(device).machine!);
    const digests = new Set(machines.map(({ digest }) => digest));
    if (digests.size > 1) throw new Violation('G10', `digests differ: ${[...digests].join(' / ')}`);
    const amounts = machines.map((machine) => keyOf(machine.amounts));
    for (const player of this.players)
      if (!amounts.every((text) => text === keyOf(player.amounts)))
        throw new Violation(
          'mirror',
          `${player.name} shows ${keyOf(player.amounts)}, replicas ${amounts[0]}`,
        );
  }

  private standing(): string {
    const regions = this.core.map((device) => this.timed.cluster.device(device).machine?.cell ?? '-');
    const players = this.players.map(
      ({ name, live, number, unsettled }) => `${name} ${live} ${number} ${unsettled}`,
    );
    return `issued ${this.issued}; ${regions.join(' | ')}; ${players.join(', ')}`;
  }

  private trace(text: () => string): void {
    if (this.print === undefined) return;
    const cells = this.timed.cluster.devices.map(({ machine, index }) => {
      if (machine === null) return '-';
      return `${this.timed.isPaused(index) ? '(paused) ' : ''}${machine.cell}`;
    });
    this.print(columns(this.timed.now.toFixed(1), text(), cells));
  }
}
