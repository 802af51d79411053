import type {
  Activated,
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Effects,
  Input,
} from '../../../server/consensus/types.ts';
import type { ActionRequest } from '../../../server/leader/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import { isForLeader } from '../messages.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import type { Ground, Machine, Start } from './ground.ts';
import { type Entry, Ledger, type Outcome, type Wish } from './ledger.ts';

/** Wishes that wait for a window or a leader; more are dropped, clients ask again. */
const QUEUE = 64;

interface Leading {
  readonly ballot: Ballot;
  readonly state: Ledger;
  /** Commands above the issued ones, ours and re-proposed. */
  readonly chain: Map<number, Ballot>;
}

/** What the ledger's host tells its client side. */
export interface ClientDoor {
  answered(client: number, outcome: Outcome): void;
  /** A number drawn by the leader's function. */
  draw(): number;
}

/** The consensus core and its gate with the ledger on top: the least that makes a whole replica. */
export class CoreMachine implements Machine {
  private readonly config: ConsensusConfig;
  private readonly core: InstanceType<Production['Consensus']>;
  private readonly gate: InstanceType<Production['OutputGate']>;
  private readonly ground: Ground;
  private readonly door: ClientDoor;
  private readonly ledger = new Ledger();
  /** borns[m]: which command was applied as number m. */
  private readonly borns: Ballot[] = [0];
  private readonly waiting = new Set<number>();
  private queue: Wish[] = [];
  private lead: Leading | null = null;
  /** A hand-over is under way: no more functions. */
  private paused = false;
  private resting = false;
  private leader: { readonly device: Device | null; readonly ballot: Ballot } = { device: null, ballot: 0 };

  constructor(production: Production, start: Start, door: ClientDoor) {
    const { config, durable, log, ground } = start;
    this.config = config;
    this.ground = ground;
    this.door = door;
    for (const command of log) this.remember(command);
    this.core = new production.Consensus(config, durable);
    this.gate = new production.OutputGate();
  }

  get applied(): number {
    return this.ledger.number;
  }

  get digest(): string {
    return String(this.ledger.digest);
  }

  get asleep(): boolean {
    return this.resting && (this.lead === null || this.queue.length === 0);
  }

  get leading(): boolean {
    return this.lead !== null;
  }

  get consensus(): unknown {
    return this.core;
  }

  get nextBal(): Ballot {
    return this.core.status().nextBal;
  }

  get cell(): string {
    const { role, ballot, upTo, voted, leader } = this.core.status();
    const mark = role === 'leading' ? 'L' : role === 'preparing' ? 'P' : `f${leader ?? '-'}`;
    return `${mark} b${ballot} ${upTo}/${voted}`;
  }

  input(input: Input): void {
    this.perform(this.core.step(input));
    this.work();
  }

  message(from: Device, message: PeerMessage): void {
    if (message.kind === 'execute') {
      for (const action of message.actions) this.enqueue(wishOf(action));
      this.work();
    } else if (!isForLeader(message)) {
      this.input({ kind: 'message', from, message });
    }
  }

  turn(): void {}

  persisted(write: number): void {
    this.release(this.gate.persisted(write));
  }

  /** A client at this device wants something (again). */
  wish(wish: Wish): void {
    const outcome = this.ledger.outcome(wish.client);
    if (outcome !== undefined && outcome.sequence >= wish.sequence) {
      this.door.answered(wish.client, outcome);
      return;
    }
    this.waiting.add(wish.client);
    if (this.resting) this.input({ kind: 'wake' });
    if (this.lead !== null) this.enqueue(wish);
    else if (this.leader.device !== null && this.leader.device !== this.config.self) {
      const { ballot } = this.leader;
      this.ground.send(this.leader.device, {
        kind: 'execute',
        ballot,
        actions: [actionOf(this.config.self, wish)],
      });
    }
    this.work();
  }

  /** Asks for a proof of leadership, where there is one to prove. */
  confirm(token: number): void {
    if (this.lead === null) return;
    this.ground.asked(token);
    this.input({ kind: 'confirm', token });
  }

  private perform(effects: Effects): void {
    for (const alarm of effects.alarms ?? []) this.ground.alarm(alarm);
    if (effects.deposed !== undefined) {
      this.lead = null;
      this.paused = false;
      this.queue = [];
      this.ground.deposed(effects.deposed.ballot);
    }
    if (effects.issued.length > 0) this.apply(effects.issued);
    if (effects.leader !== undefined) this.leader = effects.leader;
    if (effects.activated !== undefined) this.activate(effects.activated);
    if (effects.resting !== undefined) {
      this.resting = effects.resting;
      if (this.resting && this.lead !== null) this.ground.rested();
    }
    if (effects.paused !== undefined) this.paused = effects.paused;
    if (effects.write !== undefined) this.ground.write(effects.write);
    this.release(this.gate.add(effects.sends));
    if (effects.confirmed !== undefined) this.confirmed(effects.confirmed);
    for (const { to, from, max } of effects.serve ?? []) this.serve(to, from, from + max - 1);
  }

  /** Older commands than memory holds, from the disk: as much as one message carries, the asker asks again. */
  private serve(to: Device, from: number, last: number): void {
    const commands = this.ground.read(from, last, this.config.messageBytes / 2);
    if (commands.length > 0) this.ground.send(to, { kind: 'issued', upTo: this.ledger.number, commands });
  }

  private release(sends: readonly { readonly to: Device; readonly message: PeerMessage }[]): void {
    for (const { to, message } of sends) this.ground.send(to, message);
  }

  private apply(commands: readonly Command[]): void {
    this.ground.effect();
    this.ground.issued(commands);
    for (const command of commands) {
      const { client } = this.remember(command);
      this.confirmsChain(command);
      if (this.waiting.delete(client)) this.door.answered(client, this.ledger.outcome(client)!);
    }
  }

  /** I18: what a leader learns is what it has for that number, or it was deposed in the same step. */
  private confirmsChain({ number, born }: Command): void {
    if (this.lead === null) return;
    const own = this.lead.chain.get(number);
    if (own !== born)
      throw new Violation('I18', `leading ${this.lead.ballot} with ${own} for ${number}, issued is ${born}`);
    this.lead.chain.delete(number);
  }

  private remember(command: Command): Entry {
    this.borns.push(command.born);
    return this.ledger.apply(command);
  }

  private activate(activated: Activated): void {
    this.ground.activated(activated);
    const state = this.ledger.clone();
    const chain = new Map<number, Ballot>();
    for (const command of activated.chain) {
      state.apply(command);
      chain.set(command.number, command.born);
    }
    this.lead = { ballot: activated.ballot, state, chain };
  }

  private enqueue(wish: Wish): void {
    if (this.queue.length < QUEUE) this.queue.push(wish);
  }

  /** Runs what the window allows (R7), each wish at most once in this dependency sequence. */
  private work(): void {
    const commands: Command[] = [];
    while (this.lead !== null && !this.paused && this.queue.length > 0) {
      const { ballot, state, chain } = this.lead;
      if (state.number + 1 > this.ledger.number + this.config.window) break;
      const wish = this.queue.shift()!;
      if ((state.outcome(wish.client)?.sequence ?? 0) >= wish.sequence) continue;
      const command = state.run(wish, this.door.draw(), ballot);
      state.apply(command);
      chain.set(command.number, command.born);
      commands.push(command);
    }
    if (commands.length > 0 && this.lead !== null)
      this.input({ kind: 'propose', ballot: this.lead.ballot, commands });
  }

  private confirmed(token: number): void {
    const { lead, borns } = this;
    this.ground.confirmed(token, (number) => borns[number] ?? lead?.chain.get(number));
  }
}

function actionOf(region: Device, { client, sequence, account }: Wish): ActionRequest {
  return {
    region,
    request: client,
    session: String(client),
    sequence,
    action: String(account),
    args: NOTHING,
  };
}

const NOTHING = new Uint8Array(0);

function wishOf({ session, sequence, action }: ActionRequest): Wish {
  return { client: Number(session), sequence, account: Number(action) };
}
