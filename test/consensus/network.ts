import { Consensus } from '../../server/consensus/consensus.ts';
import { CATCH_UP_ANSWER_BYTES } from '../../server/consensus/limits.ts';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import { cut } from '../../server/consensus/paxos-step.ts';
import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import type {
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Durable,
  Effects,
  Input,
  Message,
  Vote,
  Write,
} from '../../server/consensus/types.ts';

export const EMPTY: Durable = { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] };

export function configOf(
  devices: number,
  self: Device,
  change: Partial<ConsensusConfig> = {},
): ConsensusConfig {
  return {
    devices,
    self,
    weights: new Array<number>(devices).fill(1),
    window: 64,
    voting: 'all',
    tailCommands: 1_000,
    messageBytes: 64 * 1024,
    seed: 7 + self,
    timing: DEFAULT_TIMING,
    ranks: Array.from({ length: devices }, (_, device) => device),
    ...change,
  };
}

export function command(
  number: number,
  born: Ballot,
  precedent: Ballot,
  text = `${born}@${number}`,
): Command {
  return { number, born, precedent, bytes: new TextEncoder().encode(text) };
}

/** Stable storage as the protocol's section 4 describes it, in memory; written apart from the production store. */
export class Disk {
  lastTried: Ballot = 0;
  nextBal: Ballot = 0;
  readonly log: Command[] = [];
  readonly votes = new Map<number, Map<Ballot, Vote>>();
  private readonly learned = new Map<string, Command>();

  get upTo(): number {
    return this.log.length;
  }

  get born(): Ballot {
    return this.log.at(-1)?.born ?? 0;
  }

  apply(write: Write): void {
    if (write.ballots !== undefined) ({ lastTried: this.lastTried, nextBal: this.nextBal } = write.ballots);
    for (const command of write.votes?.commands ?? []) {
      const held = this.votes.get(command.number) ?? new Map<Ballot, Vote>();
      held.set(command.born, { ballot: write.votes!.ballot, command });
      this.votes.set(command.number, held);
    }
    for (const command of write.learned ?? []) this.learned.set(`${command.born}@${command.number}`, command);
    if (write.issued !== undefined) this.issue(write.issued.upTo, write.issued.born);
  }

  private issue(upTo: number, born: Ballot): void {
    const added: Command[] = [];
    let wanted = born;
    for (let number = upTo; number > this.upTo; number--) {
      const found = this.votes.get(number)?.get(wanted)?.command ?? this.learned.get(`${wanted}@${number}`);
      if (found === undefined)
        throw new Error(`mark ${born}@${upTo}: ${wanted}@${number} is not on the disk`);
      added.push(found);
      wanted = found.precedent;
    }
    if (wanted !== this.born)
      throw new Error(`mark ${born}@${upTo} does not reach ${this.born}@${this.upTo}`);
    this.log.push(...added.reverse());
    for (const number of this.votes.keys()) if (number <= upTo) this.votes.delete(number);
  }

  durable(tailCommands: number): Durable {
    return {
      lastTried: this.lastTried,
      nextBal: this.nextBal,
      upTo: this.upTo,
      born: this.born,
      votes: [...this.votes.values()].flatMap((held) => [...held.values()]),
      tail: tailCommands === 0 ? [] : this.log.slice(-tailCommands),
    };
  }
}

export interface Packet {
  readonly from: Device;
  readonly to: Device;
  readonly message: Message;
}

/** One device: core, gate, disk, and a host that proposes numbered commands while it leads. */
export class Node {
  readonly config: ConsensusConfig;
  readonly disk = new Disk();
  core: Consensus;
  gate = new OutputGate();
  pendingWrites: Write[] = [];
  /** Everything handed out since the disk was empty, by number - 1. */
  readonly log: Command[] = [];
  leading: { ballot: Ballot; chain: Command[]; next: number; precedent: Ballot } | null = null;
  paused = false;
  leader: { device: Device | null; ballot: Ballot } = { device: null, ballot: 0 };
  readonly confirmed: number[] = [];
  readonly alarms: string[] = [];
  alive = true;
  private readonly out: (packet: Packet) => void;

  constructor(config: ConsensusConfig, out: (packet: Packet) => void) {
    this.config = config;
    this.out = out;
    this.core = new Consensus(config, EMPTY);
  }

  input(input: Input): Effects {
    const effects = this.core.step(input);
    if (effects.deposed !== undefined) {
      this.leading = null;
      this.paused = false;
    }
    this.log.push(...effects.issued);
    if (effects.activated !== undefined) {
      const { ballot, upTo, chain } = effects.activated;
      this.leading = {
        ballot,
        chain: [...chain],
        next: upTo + 1 + chain.length,
        precedent: chain.at(-1)?.born ?? this.log[upTo - 1]?.born ?? 0,
      };
    }
    if (effects.leader !== undefined) this.leader = effects.leader;
    if (effects.paused !== undefined) this.paused = effects.paused;
    if (effects.confirmed !== undefined) this.confirmed.push(effects.confirmed);
    if (effects.alarms !== undefined) this.alarms.push(...effects.alarms);
    if (effects.write !== undefined) this.pendingWrites.push(effects.write);
    this.transmit(this.gate.add(effects.sends));
    for (const { to, from, max } of effects.serve ?? []) this.serve(to, from, max);
    return effects;
  }

  /** Reads older commands from storage, in several messages, and leaves out what is too much. */
  private serve(to: Device, from: number, max: number): void {
    let bytes = 0;
    for (const commands of cut(this.disk.log.slice(from - 1, from - 1 + max), this.config.messageBytes)) {
      if (bytes >= CATCH_UP_ANSWER_BYTES) return;
      for (const command of commands) bytes += command.bytes.length;
      this.out({ from: this.config.self, to, message: { kind: 'issued', upTo: this.log.length, commands } });
    }
  }

  /** Makes the oldest writes durable, all by default. */
  flush(count = this.pendingWrites.length): void {
    for (const write of this.pendingWrites.splice(0, count)) {
      this.disk.apply(write);
      this.transmit(this.gate.persisted(write.write));
    }
  }

  /** Proposes `count` commands if it leads and the window allows. */
  propose(count: number, size = 0): number {
    const { leading } = this;
    if (leading === null || this.paused) return 0;
    const room = this.core.status().upTo + this.config.window - (leading.next - 1);
    const commands: Command[] = [];
    for (let made = 0; made < Math.min(count, room); made++) {
      const bytes = new Uint8Array(size);
      commands.push({ number: leading.next, born: leading.ballot, precedent: leading.precedent, bytes });
      leading.next += 1;
      leading.precedent = leading.ballot;
    }
    if (commands.length > 0) this.input({ kind: 'propose', ballot: leading.ballot, commands });
    return commands.length;
  }

  crash(): void {
    this.alive = false;
    this.pendingWrites = [];
  }

  restart(seed: number): void {
    this.alive = true;
    this.gate = new OutputGate();
    this.core = new Consensus({ ...this.config, seed }, this.disk.durable(this.config.tailCommands));
    this.log.splice(0, this.log.length, ...this.disk.log);
    this.leading = null;
    this.paused = false;
    this.leader = { device: null, ballot: 0 };
  }

  private transmit(sends: readonly { readonly to: Device; readonly message: Message }[]): void {
    for (const { to, message } of sends) this.out({ from: this.config.self, to, message });
  }
}

/** Devices with a queue of packets between them; nothing moves unless a test says so. */
export class Network {
  readonly nodes: Node[];
  packets: Packet[] = [];
  now = 0;

  /** `change`: of all devices, or by device. */
  constructor(
    devices: number,
    change: Partial<ConsensusConfig> | ((self: Device) => Partial<ConsensusConfig>) = {},
  ) {
    const of = typeof change === 'function' ? change : () => change;
    this.nodes = Array.from(
      { length: devices },
      (_, self) => new Node(configOf(devices, self, of(self)), (packet) => this.packets.push(packet)),
    );
  }

  node(device: Device): Node {
    return this.nodes[device]!;
  }

  tick(ms: number): void {
    this.now += ms;
    for (const node of this.nodes) if (node.alive) node.input({ kind: 'tick', now: this.now });
  }

  deliver(packet: Packet): void {
    const node = this.node(packet.to);
    if (node.alive) node.input({ kind: 'message', from: packet.from, message: packet.message });
  }

  /** Flushes and delivers until nothing is on its way; `lost` says which packets are. */
  settle(lost: (packet: Packet) => boolean = () => false): void {
    for (let turn = 0; turn < 10_000; turn++) {
      for (const node of this.nodes) if (node.alive) node.flush();
      if (this.packets.length === 0) return;
      const packets = this.packets;
      this.packets = [];
      for (const packet of packets) if (!lost(packet)) this.deliver(packet);
    }
    throw new Error('messages without end');
  }

  leaders(): Device[] {
    return this.nodes
      .filter(({ alive, leading }) => alive && leading !== null)
      .map(({ config }) => config.self);
  }

  /** Ticks and settles until the condition holds; fails after `limit` ms of the hosts' clocks. */
  until(
    condition: () => boolean,
    limit: number,
    lost: (packet: Packet) => boolean = () => false,
    step = 5,
  ): number {
    const start = this.now;
    while (!condition()) {
      if (this.now - start > limit) throw new Error(`not within ${limit} ms`);
      this.tick(step);
      this.settle(lost);
    }
    return this.now - start;
  }
}
