import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { AMOUNT, Clients } from './clients.ts';
import { CoreMachine } from './core-machine.ts';
import type { Machine } from './ground.ts';
import type { Outcome } from './ledger.ts';
import { strike, type Victim } from './nemesis.ts';
import type { Profile } from './profile.ts';
import { type Report, reportOf } from './report.ts';
import { columns } from './show.ts';
import { TimedCluster } from './timed-cluster.ts';

/** Heartbeats within which healed devices must have recovered, and more for each command that one of them lacks (G11). */
const HEALING_BEATS = 400;
const BEATS_PER_COMMAND = 6;

/** A run on simulated time: faults strike a cluster under load, then it is healed and must recover. */
export class TimedRun {
  private readonly timed: TimedCluster<CoreMachine>;
  private readonly choices: Choices;
  private readonly profile: Profile;
  private readonly clients: Clients;
  private readonly print: ((line: string) => void) | undefined;
  private readonly victim: Victim;
  private faults = 0;
  private tokens = 0;
  private healed = false;
  private core: readonly Device[];

  constructor(production: Production, profile: Profile, choices: Choices, print?: (line: string) => void) {
    this.choices = choices;
    this.profile = profile;
    this.print = print;
    this.core = profile.config.weights.map((_, device) => device);
    this.clients = new Clients(profile.clients);
    this.timed = new TimedCluster(
      profile,
      choices,
      { trace: (text) => this.trace(text) },
      (start) =>
        new CoreMachine(production, start, {
          answered: (client, outcome) => this.answered(client, outcome),
          draw: () => choices.between(1, AMOUNT),
        }),
    );
    this.victim = victimOf(this.timed, profile.config.devices, () => this.healed);
  }

  /** `steps` events under fire, then the healing. Throws the first Violation. */
  run(steps: number): Report {
    for (const device of this.core) this.timed.start(device);
    for (let client = 0; client < this.profile.clients; client++) this.think(client);
    if (this.profile.faults.length > 0) this.nextFault();
    while (this.timed.steps < steps) this.timed.step();
    this.heal();
    this.recover();
    const { checker } = this.timed.cluster;
    checker.wholeCluster();
    this.clients.check(checker.truth);
    return this.report();
  }

  report(): Report {
    const { now: time, steps, cluster } = this.timed;
    return reportOf(cluster.checker.truth, { time, steps, faults: this.faults, rests: cluster.rests });
  }

  // Clients

  private think(client: number): void {
    if (this.healed) return;
    this.timed.later(this.choices.waiting(this.profile.think), () => {
      if (!this.healed && this.clients.waitingFor(client) === null) this.begin(client);
    });
  }

  private begin(client: number): void {
    this.clients.begin(client, this.choices.below(3), this.timed.now);
    this.ask(client);
  }

  /** Asks through some device, and again through some other while no answer comes. */
  private ask(client: number): void {
    const wish = this.clients.waitingFor(client);
    if (wish === null) return;
    const device = this.choices.pick(this.core);
    const { timed, profile, choices } = this;
    timed.later(choices.waiting(profile.network.latency), () => {
      if (this.clients.waitingFor(client) !== wish || timed.isPaused(device)) return;
      this.trace(() => `client ${client}#${wish.sequence} asks ${device}`);
      timed.cluster.run(device, (machine) => machine.wish(wish));
    });
    timed.later(profile.patience * (0.5 + choices.waiting(0.5)), () => {
      if (this.clients.waitingFor(client) === wish) this.ask(client);
    });
  }

  private answered(client: number, outcome: Outcome): void {
    if (!this.clients.answered(client, outcome, this.timed.now)) return;
    this.trace(() => `client ${client} is answered: ${JSON.stringify(outcome)}`);
    this.think(client);
  }

  // Faults

  private nextFault(): void {
    this.timed.later(this.choices.waiting(this.profile.calm), () => {
      if (this.healed) return;
      this.faults++;
      const fault = this.choices.pick(this.profile.faults);
      const what = strike(this.choices, fault, this.victim, this.profile.calm);
      this.trace(() => `fault: ${what}`);
      const { leaders } = this.timed;
      const token = ++this.tokens;
      if (leaders.length > 0)
        this.timed.cluster.run(this.choices.pick(leaders), (machine) => machine.confirm(token));
      this.nextFault();
    });
  }

  // Healing

  private heal(): void {
    this.healed = true;
    const lost = this.profile.coreOnly ? chooseLost(this.timed, this.choices, this.core) : [];
    this.core = this.core.filter((device) => !lost.includes(device));
    this.trace(() => `healing ${this.core}`);
    this.timed.heal(lost);
  }

  private recover(): void {
    const { timed, profile, clients } = this;
    const { truth } = timed.cluster.checker;
    const lag = truth.upTo - Math.min(...this.core.map((device) => this.applied(device)));
    const beats = HEALING_BEATS + BEATS_PER_COMMAND * lag;
    const beat = profile.config.timing.heartbeat + profile.flush + (profile.roundTrip ?? 0);
    const deadline = timed.now + beats * beat;
    const until = (what: string, done: () => boolean) => {
      while (!done()) {
        timed.step();
        if (timed.now > deadline)
          throw new Violation(
            'G11',
            `${what} does not come about in a healed cluster; issued ${truth.upTo}, applied ${this.core.map((device) => this.applied(device))}`,
          );
      }
    };
    until('an answer to every client', () => clients.allAnswered);
    this.begin(0);
    until('a new command', () => clients.allAnswered);
    until('equal replicas', () =>
      this.core.every(
        (device) =>
          this.applied(device) === truth.upTo && timed.cluster.device(device).disk.store.upTo === truth.upTo,
      ),
    );
    const digests = new Set(this.core.map((device) => timed.cluster.device(device).machine?.digest));
    if (digests.size !== 1) throw new Violation('G10', `digests differ: ${[...digests]}`);
    if (profile.rest && this.core.length === profile.config.devices) this.loseLeaderAtRest(beats * beat);
  }

  /** Nobody wants anything, so all come to rest; then the leader is lost, and another one leads although nobody asks for it. */
  private loseLeaderAtRest(ms: number): void {
    const { timed, choices } = this;
    const until = (what: string, done: () => boolean) => {
      const deadline = timed.now + ms;
      while (!done()) {
        timed.step();
        if (timed.now > deadline) throw new Violation('G11', `${what}: not in a world at rest`);
      }
    };
    until('rest', () => this.core.every((device) => timed.cluster.device(device).machine?.asleep === true));
    const [leader] = timed.leaders;
    const others = this.core.filter((device) => device !== leader);
    if (leader === undefined) throw new Violation('G11', 'all rest, and nobody leads');
    if (!timed.cluster.checker.truth.isMajority(others)) return;
    const closed = choices.chance(0.5);
    if (closed) timed.crash(leader, 100 * ms);
    else timed.pause(leader, 100 * ms);
    this.trace(() => `${leader} is lost at rest`);
    until('another leader', () => timed.leaders.some((device) => device !== leader));
    if (closed) return;
    // What the others did since then the one that stood still must not claim to know.
    this.core = others;
    this.begin(0);
    until('a new command', () => this.clients.allAnswered);
    timed.cluster.run(leader, (machine) => machine.confirm(++this.tokens));
  }

  private applied(device: Device): number {
    const { machine, disk } = this.timed.cluster.device(device);
    return machine?.applied ?? disk.store.upTo;
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

/** Devices that a majority can do without: some of as many as possible. */
export function chooseLost<M extends Machine>(
  timed: TimedCluster<M>,
  choices: Choices,
  devices: readonly Device[],
): Device[] {
  const lost: Device[] = [];
  let left = devices;
  for (const device of devices) {
    if (choices.chance(0.3)) continue;
    const without = left.filter((other) => other !== device);
    if (!timed.cluster.checker.truth.isMajority(without)) continue;
    left = without;
    lost.push(device);
  }
  return lost;
}

/** The faults of the nemesis on a timed cluster; what they end by themselves, healing has ended before. */
export function victimOf<M extends Machine>(
  timed: TimedCluster<M>,
  devices: number,
  healed: () => boolean,
): Victim {
  const later = (time: number, what: () => void) => timed.later(time, () => healed() || what());
  return {
    devices,
    crash: (device, downFor) => timed.crash(device, downFor),
    fuse: (device, effects) => {
      timed.cluster.device(device).fuse = effects;
    },
    cut: (from, to, time, told) => {
      timed.cut(from, to, told);
      later(time, () => timed.mend(from, to));
    },
    pause: (device, time) => timed.pause(device, time),
    slowDisk: (device, factor, time) => {
      timed.setDisk(device, factor);
      later(time, () => timed.setDisk(device, 1));
    },
    clock: (device, jump, rate) => timed.setClock(device, jump, rate),
    mute: (device, time) => {
      timed.network.mute(device, 1);
      later(time, () => timed.network.mute(device, -1));
    },
    handOver: (to) => {
      for (const leader of timed.leaders) if (leader !== to) timed.input(leader, { kind: 'hand-over', to });
    },
    lead: (device) => timed.input(device, { kind: 'lead' }),
    stepDown: (device) => timed.input(device, { kind: 'step-down' }),
    storm: (loss, time) => {
      timed.network.storm = loss;
      later(time, () => {
        timed.network.storm = 0;
      });
    },
  };
}
