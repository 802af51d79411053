import { ProtocolViolation } from '../../server/consensus/assert.ts';
import { Consensus } from '../../server/consensus/consensus.ts';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import type {
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Effects,
  Input,
  Message,
  Write,
} from '../../server/consensus/types.ts';
import { Disk } from '../consensus/network.ts';
import type { Names } from './names.ts';
import {
  type Amounts,
  applyBody,
  EMPTY_WAREHOUSE,
  encodeBody,
  runFunction,
  showAmounts,
} from './warehouse.ts';

interface LeaderState {
  readonly ballot: Ballot;
  next: number;
  precedent: Ballot;
  /** LS(p): amounts with all of `chain` applied. */
  amounts: Amounts;
  /** Not issued yet, with the request that made each. */
  readonly open: Map<number, string>;
}

/** What a device tells the story: lines for the reader, messages for the others. */
export interface Teller {
  line(text: string): void;
  post(from: Device, to: Device, message: Message): void;
}

/** One device of a story: production core and gate, the test's disk, and a warehouse on top. */
export class StoryDevice {
  config: ConsensusConfig;
  readonly disk = new Disk();
  /** A slow disk writes only on `flush`. */
  slow = false;
  alive = true;
  stopped = false;
  amounts: Amounts = EMPTY_WAREHOUSE;
  leading: LeaderState | null = null;
  core!: Consensus;
  private gate = new OutputGate();
  private pending: Write[] = [];
  /** Issued commands handed out, by number - 1. */
  private log: Command[] = [];
  private readonly requests = new Map<string, readonly string[]>();
  private readonly names: Names;
  private readonly teller: Teller;

  constructor(config: ConsensusConfig, names: Names, teller: Teller) {
    this.config = config;
    this.names = names;
    this.teller = teller;
    this.start();
  }

  /** A device whose configuration or storage cannot be right does not start. */
  private start(): void {
    this.guarded(() => {
      this.core = new Consensus(this.config, this.disk.durable(this.config.tailCommands));
    });
  }

  /** False: the device stopped itself. */
  private guarded(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.teller.line(`${this.name} stops: ${error.message}`);
      this.stopped = true;
      this.crash();
      return false;
    }
  }

  get name(): string {
    return this.names.name(this.config.self);
  }

  input(input: Input): void {
    if (!this.alive) return;
    let effects: Effects = { issued: [], sends: [] };
    const stands = this.guarded(() => {
      effects = this.core.step(input);
    });
    if (!stands) return;
    for (const alarm of effects.alarms ?? []) this.teller.line(`${this.name} alarm ${alarm}`);
    if (effects.deposed !== undefined) {
      this.teller.line(`${this.name} deposed from ${this.names.ballot(effects.deposed.ballot)}`);
      this.leading = null;
    }
    if (effects.issued.length > 0) this.apply(effects.issued);
    if (effects.activated !== undefined) {
      const { ballot, upTo, chain } = effects.activated;
      const next = upTo + 1 + chain.length;
      this.teller.line(
        `${this.name} leads ${this.names.ballot(ballot)}, ${chain.length > 0 ? `H = ${this.names.list(chain)}` : 'H empty'}, next ${next}`,
      );
      this.leading = {
        ballot,
        next,
        precedent: chain.at(-1)?.born ?? this.log[upTo - 1]?.born ?? 0,
        amounts: chain.reduce((amounts, { bytes }) => applyBody(amounts, bytes), this.amounts),
        open: new Map(),
      };
    }
    if (effects.paused !== undefined)
      this.teller.line(`${this.name} ${effects.paused ? 'pauses' : 'resumes'}`);
    if (effects.confirmed !== undefined) this.teller.line(`${this.name} confirmed ${effects.confirmed}`);
    if (effects.write !== undefined) this.write(effects.write);
    this.transmit(this.gate.add(effects.sends));
    for (const { to, from, max } of effects.serve ?? []) {
      this.teller.line(`${this.name} reads its storage from ${from}`);
      const commands = this.disk.log.slice(from - 1, from - 1 + max);
      this.teller.post(this.config.self, to, { kind: 'issued', upTo: this.log.length, commands });
    }
    if (!this.slow) this.flush();
  }

  private write(write: Write): void {
    this.pending.push(write);
    if (!this.slow) return;
    const parts = [
      ...(write.ballots === undefined
        ? []
        : [
            `lastTried ${this.names.ballot(write.ballots.lastTried)} nextBal ${this.names.ballot(write.ballots.nextBal)}`,
          ]),
      ...(write.votes === undefined
        ? []
        : [`votes ${this.names.ballot(write.votes.ballot)} ${this.names.list(write.votes.commands)}`]),
      ...(write.learned === undefined ? [] : [`learned ${this.names.list(write.learned)}`]),
      ...(write.issued === undefined ? [] : [`issued up to ${write.issued.upTo}`]),
    ];
    this.teller.line(`${this.name} has to write ${parts.join(', ')}`);
  }

  flush(count = this.pending.length): void {
    for (const write of this.pending.splice(0, count)) {
      this.disk.apply(write);
      this.transmit(this.gate.persisted(write.write));
    }
  }

  private transmit(sends: readonly { readonly to: Device; readonly message: Message }[]): void {
    for (const { to, message } of sends) this.teller.post(this.config.self, to, message);
  }

  private apply(commands: readonly Command[]): void {
    this.teller.line(`${this.name} issues ${this.names.list(commands)}`);
    for (const command of commands) {
      this.log.push(command);
      this.amounts = applyBody(this.amounts, command.bytes);
      const request = this.leading?.open.get(command.number);
      if (request === undefined) continue;
      this.leading?.open.delete(command.number);
      this.teller.line(`${this.name} answers ${request}`);
    }
  }

  crash(): void {
    this.alive = false;
    this.pending = [];
    this.leading = null;
  }

  restart(change: Partial<ConsensusConfig> = {}): void {
    this.alive = true;
    this.stopped = false;
    // A new seed at each start, as the configuration demands.
    this.config = { ...this.config, seed: this.config.seed + 100, ...change };
    this.gate = new OutputGate();
    this.pending = [];
    this.leading = null;
    this.requests.clear();
    this.log = [...this.disk.log];
    this.amounts = this.log.reduce((amounts, { bytes }) => applyBody(amounts, bytes), EMPTY_WAREHOUSE);
    this.start();
  }

  /** What no host may propose: commands as they are, in a ballot that need not be its own. */
  force(ballot: Ballot, commands: readonly Command[]): void {
    this.input({ kind: 'propose', ballot, commands });
  }

  /** Commands by label, without content: for stories about agreement alone. */
  propose(labels: readonly string[]): void {
    const { leading } = this;
    if (leading === null) {
      this.teller.line(`${this.name} does not lead`);
      return;
    }
    const commands = labels.map((label) => this.make(leading, label, new TextEncoder().encode(label)));
    this.input({ kind: 'propose', ballot: leading.ballot, commands });
  }

  private make(leading: LeaderState, label: string, bytes: Uint8Array): Command {
    const command = { number: leading.next, born: leading.ballot, precedent: leading.precedent, bytes };
    leading.next += 1;
    leading.precedent = leading.ballot;
    this.names.label(command, label);
    return command;
  }

  /** A request for a leader function waits here until it is run. */
  ask(request: string, words: readonly string[]): void {
    this.requests.set(request, words);
  }

  /** Runs queued requests on LS in this order (8.6), each as far as the window allows (R7). */
  run(requests: readonly string[]): void {
    for (const request of requests) {
      const { leading } = this;
      const words = this.requests.get(request);
      if (leading === null) this.teller.line(`${request} waits: ${this.name} does not lead`);
      else if (words === undefined) this.teller.line(`${request} is not known to ${this.name}`);
      else if (leading.next > this.log.length + this.config.window)
        this.teller.line(`${request} waits for the window`);
      else this.execute(leading, request, words);
    }
  }

  private execute(leading: LeaderState, request: string, words: readonly string[]): void {
    const body = runFunction(words, leading.amounts);
    if (body === null) {
      this.teller.line(`${request} is refused on ${showAmounts(leading.amounts)}`);
      return;
    }
    this.requests.delete(request);
    leading.open.set(leading.next, request);
    leading.amounts = { ...leading.amounts, ...body };
    const command = this.make(leading, `d${request}`, encodeBody(body));
    this.input({ kind: 'propose', ballot: leading.ballot, commands: [command] });
  }

  show(warehouse: boolean): string[] {
    if (!this.alive) return [`${this.name} ${this.stopped ? 'stopped' : 'down'}`];
    const { role, ballot, lastTried, nextBal, upTo, resting } = this.core.status();
    const { names } = this;
    const roleText = role === 'follower' ? 'follower' : `${role} ${names.ballot(ballot)}`;
    const numbers = `lastTried ${names.ballot(lastTried)} nextBal ${names.ballot(nextBal)} upTo ${upTo}`;
    const next = this.leading === null ? '' : ` next ${this.leading.next}`;
    const lines = [`${this.name} ${roleText} ${numbers}${next}${resting ? ' at rest' : ''}`];
    if (warehouse) {
      const leader = this.leading === null ? '' : `LS ${showAmounts(this.leading.amounts)} `;
      lines.push(`  ${leader}M ${showAmounts(this.amounts)}`);
    }
    if (this.log.length > 0) lines.push(`  log ${names.list(this.log)}`);
    const votes = names.votes(this.disk.durable(0).votes.filter(({ command }) => command.number > upTo));
    if (votes !== '') lines.push(`  votes ${votes}`);
    return lines;
  }
}
