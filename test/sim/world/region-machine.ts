import type { Answer } from '../../../client/session-types.ts';
import type { WorldSnapshot } from '../../../game-logic/snapshot.ts';
import type { Device, Input } from '../../../server/consensus/types.ts';
import type { LeaderLimits } from '../../../server/leader/leader.ts';
import { LEADER_FAILURE_PAUSE_MS } from '../../../server/limits.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import type {
  Answer as HostAnswer,
  HostEffects,
  HostInput,
  ReadAnswer,
} from '../../../server/replica/types.ts';
import type { HostLimits } from '../../../server/replica/world-host.ts';
import { YardWatch } from '../check/yard-check.ts';
import type { Choices } from '../choices.ts';
import type { Ground, Machine, Start } from '../cluster/ground.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { Desk, type Numbered } from './desk.ts';
import type { Down, Up } from './edge-frames.ts';
import type { GatewayHabits } from './edge-profile.ts';
import { type Amounts, amountsOf } from './warehouse-model.ts';
import { WatchedCore } from './watched-core.ts';
import { makeYard, TICK_MS } from './yard.ts';

/** What a read saw; null: it could not be answered. */
export type Seen = { readonly number: number; readonly amounts: Amounts } | null;

/** Where a region's words to players go. */
export interface Players {
  tell(seat: number, down: Down): void;
  /** The region closes a connection. */
  close(seat: number, reason: string): void;
  /** An act that may be put to the host; false: it never came. */
  admits(session: string, act: Numbered): boolean;
  answered(call: number, answer: Answer): void;
  read(id: number, seen: Seen): void;
  random(): number;
}

/** The gateway's part of it, where there are connections. */
export interface Edge {
  readonly choices: Choices;
  readonly habits: GatewayHabits;
  calm(): boolean;
  /** Work of this process, in some time, if it still lives then. */
  later(mean: number, work: () => void): void;
}

export interface RegionOptions {
  readonly players: Players;
  /** null: nobody connects, all come over HTTP. */
  readonly edge: Edge | null;
  /** A saved state of this device to start from; everything above it is in the log. */
  readonly saved: string | null;
  readonly firstRequest: number;
  readonly limits: Partial<HostLimits>;
  readonly leaderLimits: Partial<LeaderLimits>;
  /** The world is the yard, not the plain warehouse. */
  readonly yard: boolean;
  /** What each look at the time costs a leader, ms: its functions are slow. */
  readonly slowness: number;
  /** Let peer messages pass through their bytes. */
  readonly encoded: boolean;
  readonly rest: boolean;
}

type Asked =
  | { readonly seat: number; readonly sequence: number }
  | { readonly call: number; readonly sequence: number };

/**
 * One region server: the production WorldHost, a disk under it and a gateway on top.
 */
export class RegionMachine implements Machine {
  private readonly production: Production;
  private readonly ground: Ground;
  private readonly options: RegionOptions;
  private readonly self: Device;
  private readonly messageBytes: number;
  private readonly definition: Production['warehouse'];
  private readonly watch = new YardWatch(TICK_MS, LEADER_FAILURE_PAUSE_MS);
  /** What the watch found; a function that throws is a fault of the game, so it waits here. */
  private found: unknown = null;
  private readonly core: WatchedCore;
  private readonly host: InstanceType<Production['WorldHost']>;
  private readonly state: InstanceType<Production['WorldState']>;
  /** commands[m - 1]: the bytes of every command applied. */
  private readonly commands: Uint8Array[];
  private readonly desk: Desk | null;
  private readonly asked = new Map<number, Asked>();
  private inputs: HostInput[] = [];
  private names = 0;
  /** Of this turn. */
  private spent = 0;

  constructor(production: Production, { config, durable, log, ground }: Start, options: RegionOptions) {
    const { self, devices, window } = config;
    this.production = production;
    this.ground = ground;
    this.options = options;
    this.self = self;
    this.messageBytes = config.messageBytes;
    this.definition = options.yard
      ? makeYard(production, (stuck) => this.ticked(stuck))
      : production.warehouse;
    this.commands = log.map(({ bytes }) => bytes);
    this.state = this.rebuild();
    this.core = new WatchedCore(new production.Consensus(config, durable), self, ground, log);
    const state = this.state;
    this.host = new production.WorldHost({
      self,
      devices,
      core: this.core,
      gate: new production.OutputGate(),
      window,
      state,
      leaderState: () => new production.LeaderState(state),
      firstRequest: options.firstRequest,
      random: () => options.players.random(),
      log: () => {},
      elapsed: () => {
        this.spent += options.slowness;
        return this.spent;
      },
      mayRest: options.rest,
      limits: options.limits,
      leaderLimits: options.leaderLimits,
    });
    this.desk = options.edge === null ? null : this.makeDesk(options.edge);
  }

  get applied(): number {
    return this.state.number;
  }

  get consensus(): unknown {
    return this.core.watched;
  }

  /** Nothing will happen by itself but what a session's end brings. */
  get quiet(): boolean {
    return this.state.nextTimer() === undefined;
  }

  /** undefined: this world does not know the session. */
  isIn(session: string): boolean | undefined {
    return this.state.session(session)?.joined;
  }

  get digest(): string {
    const { digest, systemDigest } = this.state;
    return [digest.high, digest.low, systemDigest.high, systemDigest.low]
      .map((lane) => lane.toString(16))
      .join();
  }

  get asleep(): boolean {
    return this.inputs.length === 0 && this.host.dueAt > this.ground.clock().now;
  }

  get leading(): boolean {
    return this.core.leading;
  }

  get cell(): string {
    const { role, ballot, applied, voted, leader, pending } = this.host.status();
    const mark = role === 'leading' ? 'L' : role === 'preparing' ? 'P' : `f${leader ?? '-'}`;
    return `${mark} b${ballot} ${applied}/${voted} p${pending}`;
  }

  /** The whole state as text, to be kept on the device. */
  save(): { readonly number: number; readonly text: string } {
    return { number: this.state.number, text: JSON.stringify(this.state.toSnapshot()) };
  }

  get amounts(): Amounts {
    return amountsOf(this.state.toJSON());
  }

  // What comes in, gathered until the turn.

  input(input: Input): void {
    if (input.kind === 'tick') {
      const { roundTrip } = input;
      this.take(roundTrip === undefined ? { kind: 'tick' } : { kind: 'tick', roundTrip });
    } else if (input.kind === 'link' || input.kind === 'silent' || input.kind === 'lead') this.take(input);
    else if (input.kind === 'step-down' || input.kind === 'hand-over') this.take(input);
  }

  message(from: Device, message: PeerMessage): void {
    this.take({ kind: 'peer', from, message });
  }

  persisted(write: number): void {
    this.take({ kind: 'persisted', write });
  }

  private take(input: HostInput): void {
    if (this.inputs.length === 0) this.ground.wake();
    this.inputs.push(input);
  }

  turn(): void {
    const { inputs } = this;
    this.inputs = [];
    this.spent = 0;
    const effects = this.host.step(this.ground.clock(), inputs);
    const found = this.core.found ?? this.found;
    if (found !== null) throw found;
    if (effects.stopped !== undefined)
      throw new Violation(
        'fail-stop',
        `region ${this.self} at ${effects.stopped.number}: ${effects.stopped.reason}`,
      );
    this.carryOut(effects);
    if (effects.more && this.inputs.length === 0) this.ground.wake();
  }

  private ticked(stuck: boolean): void {
    try {
      this.watch.tick(this.ground.clock().now, this.core.ballot, stuck);
    } catch (error) {
      this.found = error;
    }
  }

  private carryOut(effects: HostEffects): void {
    for (const alarm of effects.alarms) this.ground.alarm(alarm);
    for (const { to, message } of effects.sends) this.ground.send(to, this.asSent(to, message));
    for (const write of effects.writes) this.ground.write(write);
    if (effects.applied !== undefined) this.publish(effects.applied);
    for (const answer of effects.answers) this.answer(answer);
    for (const answer of effects.reads) this.readable(answer);
    for (const { to, from, max } of effects.serve) {
      const commands = this.ground.read(from, from + max - 1, this.messageBytes / 2);
      if (commands.length > 0) this.ground.send(to, { kind: 'issued', upTo: this.state.number, commands });
    }
  }

  private asSent(to: Device, message: PeerMessage): PeerMessage {
    const { encodePeer, decodePeer } = this.production;
    return this.options.encoded
      ? decodePeer(encodePeer('warehouse', message), this.self, to).message
      : message;
  }

  // Players

  private makeDesk(edge: Edge): Desk {
    const { players } = this.options;
    return new Desk({
      ...{ production: this.production, state: this.state, commands: this.commands, ...edge },
      region: `region-${this.self}`,
      tell: (seat, down) => players.tell(seat, down),
      close: (seat, reason) => players.close(seat, reason),
      connected: (session) => this.take({ kind: 'connected', session }),
      disconnected: (session, left) => this.take({ kind: 'disconnected', session, left }),
      ask: (seat, session, act) => {
        const { sequence, action, args } = act;
        if (players.admits(session, act)) this.ask({ seat, sequence }, { session, sequence, action, args });
      },
    });
  }

  sit(id: number, session: string, from: number | null): void {
    this.desk?.sit(id, session, from);
  }

  leave(id: number, left: boolean): void {
    this.desk?.leave(id, left);
  }

  ping(id: number): void {
    this.desk?.ping(id);
  }

  receive(id: number, up: Up): void {
    this.desk?.receive(id, up);
  }

  /** An action over HTTP. */
  call(call: number, request: { session: string; sequence: number; action: string; args: Uint8Array }): void {
    this.ask({ call, sequence: request.sequence }, request);
  }

  /** A linearizable read over HTTP. */
  read(id: number): void {
    this.take({ kind: 'read', id });
  }

  private ask(
    asked: Asked,
    request: { session: string; sequence: number; action: string; args: Uint8Array },
  ): void {
    const id = ++this.names;
    this.asked.set(id, asked);
    this.take({ kind: 'act', id, request });
  }

  private answer({ id, error, answer }: HostAnswer): void {
    const asked = this.asked.get(id);
    if (asked === undefined)
      throw new Violation('exactly-once', `region ${this.self} answers request ${id} twice`);
    this.asked.delete(id);
    const { sequence } = asked;
    this.ground.effect();
    const told = error === null ? positive(sequence, answer!) : negative(sequence, error);
    if ('call' in asked) this.options.players.answered(asked.call, told);
    else this.desk?.answer(asked.seat, told);
  }

  private readable({ id, error }: ReadAnswer): void {
    this.ground.effect();
    this.options.players.read(
      id,
      error === null ? { number: this.state.number, amounts: this.amounts } : null,
    );
  }

  private publish({ first, batch }: NonNullable<HostEffects['applied']>): void {
    this.ground.effect();
    if (first !== this.commands.length + 1)
      throw new Violation('I17', `region ${this.self} publishes ${first} after ${this.commands.length}`);
    this.commands.push(...this.production.splitBatch(batch, true));
    this.desk?.applied();
  }

  /** M at the end of the log: from S0, or from a saved state. */
  private rebuild(): InstanceType<Production['WorldState']> {
    const { WorldState } = this.production;
    const { definition } = this;
    const { saved } = this.options;
    const state =
      saved === null
        ? new WorldState(definition)
        : WorldState.restore(definition, JSON.parse(saved) as WorldSnapshot);
    for (const bytes of this.commands.slice(state.number)) state.apply(bytes);
    return state;
  }
}

function positive(sequence: number, answer: NonNullable<HostAnswer['answer']>): Answer {
  const { number, result, duplicate } = answer;
  return { sequence, outcome: 'issued', number, duplicate, result, code: '', detail: '' };
}

/** As the gateway says it: the game's own code where the game refused. */
function negative(sequence: number, error: NonNullable<HostAnswer['error']>): Answer {
  const refused = error.code === 'refused';
  const outcome = error.kind === 'unknown' ? 'unknown' : refused ? 'refused' : 'failed';
  const code = refused ? (error.gameCode ?? error.code) : error.code;
  return { sequence, outcome, number: 0, duplicate: false, result: '', code, detail: error.message };
}
