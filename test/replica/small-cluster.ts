import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { Consensus } from '../../server/consensus/consensus.ts';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import type { ConsensusConfig } from '../../server/consensus/types.ts';
import type { ThroughlineError } from '../../server/errors.ts';
import type { PeerMessage } from '../../server/links/types.ts';
import type { HostEffects, HostInput } from '../../server/replica/types.ts';
import { type HostLimits, WorldHost } from '../../server/replica/world-host.ts';
import type { ActAnswer } from '../../server/world-service.ts';

interface Outcome {
  readonly error: ThroughlineError | null;
  readonly answer: ActAnswer | undefined;
}

export interface SmallClusterOptions {
  readonly definition?: WorldDefinition;
  readonly devices?: number;
  readonly window?: number;
  readonly limits?: Partial<HostLimits>;
}

/**
 * Hosts with the real consensus core, connected by queues in memory. Disks are immediate and time moves only by `pass`.
 * Nothing is lost unless a test says so: faults at random are the simulator's business.
 */
export class SmallCluster {
  readonly hosts: WorldHost[];
  readonly states: WorldState[];
  readonly effects: HostEffects[] = [];
  readonly outcomes = new Map<number, Outcome>();
  readonly reads = new Map<number, ThroughlineError | null>();
  readonly dead = new Set<number>();
  readonly definition: WorldDefinition;
  now = 0;
  /** Return true to drop a message. */
  drop: (from: number, to: number, message: PeerMessage) => boolean = () => false;
  private readonly inbox: HostInput[][];
  private readonly cuts = new Set<string>();
  private nextId = 1;

  constructor(options: SmallClusterOptions = {}) {
    const devices = options.devices ?? 3;
    this.definition = options.definition ?? warehouse;
    this.inbox = Array.from({ length: devices }, () => []);
    this.states = this.inbox.map(() => new WorldState(this.definition));
    this.hosts = this.states.map((state, self) => this.host(self, state, options));
    for (let device = 0; device < devices; device++)
      for (let other = 0; other < devices; other++)
        if (device !== other) this.give(device, { kind: 'link', device: other, up: true });
  }

  private host(self: number, state: WorldState, options: SmallClusterOptions): WorldHost {
    const devices = this.inbox.length;
    const window = options.window ?? 64;
    const config: ConsensusConfig = {
      devices,
      self,
      weights: this.inbox.map(() => 1),
      window,
      voting: 'all',
      tailCommands: 1_000,
      messageBytes: 1 << 20,
      seed: self + 1,
      timing: DEFAULT_TIMING,
      ranks: this.inbox.map((_, device) => device),
    };
    return new WorldHost({
      self,
      devices,
      core: new Consensus(config, { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] }),
      gate: new OutputGate(),
      window,
      state,
      leaderState: (base) => new LeaderState(base as WorldState),
      firstRequest: 1_000 * (self + 1),
      random: () => 0.5,
      log: () => {},
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  /** Puts an input before a host; it is taken with the next `settle` or `pass`. */
  give(device: number, input: HostInput): void {
    this.inbox[device]?.push(input);
  }

  /** Takes turns until nothing is under way. */
  settle(): this {
    for (let turns = 0; turns < 10_000; turns++) {
      const device = this.inbox.findIndex((inputs, index) => inputs.length > 0 && !this.dead.has(index));
      if (device === -1) return this;
      this.turn(device);
    }
    throw new Error('the cluster does not come to rest');
  }

  /** Lets time pass in ticks of 5 ms. */
  pass(ms: number): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 5;
      this.inbox.forEach((_, device) => {
        this.give(device, { kind: 'tick' });
      });
      this.settle();
    }
    return this;
  }

  private turn(device: number): void {
    const inputs = (this.inbox[device] ?? []).splice(0);
    const effects = (this.hosts[device] as WorldHost).step({ now: this.now, wall: 1e12 + this.now }, inputs);
    this.effects.push(effects);
    for (const write of effects.writes) this.give(device, { kind: 'persisted', write: write.write });
    for (const { to, message } of effects.sends) this.carry(device, to, message);
    for (const { id, error, answer } of effects.answers) {
      if (this.outcomes.has(id)) throw new Error(`request ${id} was answered twice`);
      this.outcomes.set(id, { error, answer });
    }
    for (const { id, error } of effects.reads) this.reads.set(id, error);
    if (effects.more) this.give(device, { kind: 'persisted', write: 0 });
  }

  private carry(from: number, to: number, message: PeerMessage): void {
    if (this.dead.has(to) || this.cuts.has(`${from}-${to}`) || this.drop(from, to, message)) return;
    this.give(to, { kind: 'peer', from, message });
  }

  act(device: number, session: string, sequence: number, action: string, args: object): number {
    const id = this.nextId++;
    const type = this.definition.schema.actions[action];
    const request = { session, sequence, action, args: type?.encode(args) ?? new Uint8Array(8) };
    this.give(device, { kind: 'act', id, request });
    return id;
  }

  read(device: number): number {
    const id = this.nextId++;
    this.give(device, { kind: 'read', id });
    return id;
  }

  /** What an action came to: its answer, or the code and kind of its error. */
  outcome(id: number): object | undefined {
    const outcome = this.outcomes.get(id);
    if (outcome === undefined) return undefined;
    const { error, answer } = outcome;
    return error === null ? answer : { code: error.code, kind: error.kind, gameCode: error.gameCode };
  }

  get leader(): number | undefined {
    const leading = this.hosts.filter(
      (host, device) => !this.dead.has(device) && host.status().role === 'leading',
    );
    const ballots = leading.map((host) => host.status().ballot);
    const best = leading[ballots.indexOf(Math.max(...ballots))];
    return best === undefined ? undefined : this.hosts.indexOf(best);
  }

  /** Until one leads and all others that live follow it. */
  elect(): number {
    for (let tries = 0; tries < 400; tries++) {
      this.pass(5);
      const { leader } = this;
      const living = this.hosts.filter((_, device) => !this.dead.has(device));
      if (leader !== undefined && living.every((host) => host.status().leader === leader)) return leader;
    }
    throw new Error('no leader');
  }

  kill(device: number): void {
    this.dead.add(device);
    this.inbox[device] = [];
    this.inbox.forEach((_, other) => {
      this.give(other, { kind: 'link', device, up: false });
    });
  }

  /** Silently: no one is told. */
  cut(device: number): void {
    for (let other = 0; other < this.hosts.length; other++) {
      this.cuts.add(`${device}-${other}`);
      this.cuts.add(`${other}-${device}`);
    }
  }

  heal(): void {
    this.cuts.clear();
  }

  amounts(device: number): object {
    return Object.fromEntries(
      this.states[device]?.toJSON()['warehouse']?.map((row) => [row['id'], row['amount']]) ?? [],
    );
  }
}
