import type { Act, Answer, SessionEvent } from '../../../client/session-types.ts';
import type { WholeSnapshot } from '../../../client/snapshot-parts.ts';
import type { WorldSnapshot } from '../../../game-logic/snapshot.ts';
import type { Device, Input } from '../../../server/consensus/types.ts';
import type { LeaderLimits } from '../../../server/leader/leader.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import type {
  Answer as HostAnswer,
  HostEffects,
  HostInput,
  ReadAnswer,
} from '../../../server/replica/types.ts';
import type { HostLimits } from '../../../server/replica/world-host.ts';
import type { Ground, Machine, Start } from '../cluster/ground.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { type Amounts, amountsOf } from './warehouse-model.ts';
import { WatchedCore } from './watched-core.ts';

/** An event of a client's session, without the name its own side has for the connection. */
export type ClientEvent =
  SessionEvent<WholeSnapshot> extends infer Event
    ? Event extends { readonly connection: number }
      ? Omit<Event, 'connection'>
      : never
    : never;

/** A client's connection, as the region sees it. */
export interface Seat {
  readonly id: number;
  readonly session: string;
  /** The next command to be sent. */
  next: number;
}

/** What a read saw; null: it could not be answered. */
export type Seen = { readonly number: number; readonly amounts: Amounts } | null;

/** Where a region's words to players go. */
export interface Players {
  tell(seat: number, event: ClientEvent): void;
  answered(call: number, answer: Answer): void;
  read(id: number, seen: Seen): void;
  random(): number;
}

export interface RegionOptions {
  readonly players: Players;
  /** A saved state of this device to start from; everything above it is in the log. */
  readonly saved: string | null;
  readonly firstRequest: number;
  readonly limits: Partial<HostLimits>;
  readonly leaderLimits: Partial<LeaderLimits>;
  /** Let peer messages pass through their bytes. */
  readonly encoded: boolean;
}

type Asked =
  | { readonly seat: number; readonly sequence: number }
  | { readonly call: number; readonly sequence: number };

/**
 * One region server: the production WorldHost, a disk under it and a gateway on top that does for simulated players what the
 * real one does for sockets: welcome, commands from a number on or a snapshot, acts, answers.
 */
export class RegionMachine implements Machine {
  private readonly production: Production;
  private readonly ground: Ground;
  private readonly options: RegionOptions;
  private readonly self: Device;
  private readonly messageBytes: number;
  private readonly core: WatchedCore;
  private readonly host: InstanceType<Production['WorldHost']>;
  private readonly state: InstanceType<Production['WorldState']>;
  /** commands[m - 1]: the bytes of every command applied. */
  private readonly commands: Uint8Array[];
  private readonly seats = new Map<number, Seat>();
  private readonly asked = new Map<number, Asked>();
  private inputs: HostInput[] = [];
  private names = 0;

  constructor(production: Production, { config, durable, log, ground }: Start, options: RegionOptions) {
    const { self, devices, window } = config;
    this.production = production;
    this.ground = ground;
    this.options = options;
    this.self = self;
    this.messageBytes = config.messageBytes;
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
      limits: options.limits,
      leaderLimits: options.leaderLimits,
    });
  }

  get applied(): number {
    return this.state.number;
  }

  get digest(): string {
    const { digest, systemDigest } = this.state;
    return [digest.high, digest.low, systemDigest.high, systemDigest.low]
      .map((lane) => lane.toString(16))
      .join();
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
    if (input.kind === 'tick') this.take({ kind: 'tick' });
    else if (input.kind === 'link' || input.kind === 'lead') this.take(input);
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
    const effects = this.host.step(this.ground.clock(), inputs);
    if (this.core.found !== null) throw this.core.found;
    if (effects.stopped !== undefined)
      throw new Violation(
        'fail-stop',
        `region ${this.self} at ${effects.stopped.number}: ${effects.stopped.reason}`,
      );
    this.carryOut(effects);
    if (effects.more && this.inputs.length === 0) this.ground.wake();
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

  /** A client takes its seat; `from`: the first command it wants, null: a snapshot. */
  sit(id: number, session: string, from: number | null): void {
    const { number } = this.state;
    const seat = { id, session, next: from ?? number + 1 };
    this.seats.set(id, seat);
    this.take({ kind: 'connected', session });
    const welcome = {
      protocol: this.production.PROTOCOL_VERSION,
      region: `region-${this.self}`,
      regions: [],
      world: 'warehouse',
      schema: '',
      session,
      token: '',
      number,
      sequence: this.state.session(session)?.sequence ?? 0,
    };
    this.tell(id, { kind: 'welcome', welcome });
    if (from === null) this.tell(id, { kind: 'snapshot', snapshot: this.snapshot() });
    this.feed(seat);
  }

  leave(id: number, left: boolean): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    this.seats.delete(id);
    this.take({ kind: 'disconnected', session: seat.session, left });
  }

  /** A sign of life is answered by one. */
  ping(id: number): void {
    if (this.seats.has(id)) this.tell(id, { kind: 'heard' });
  }

  act(id: number, sequence: number, { action, args }: Act): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    this.ask({ seat: id, sequence }, { session: seat.session, sequence, action, args });
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
    else if (this.seats.has(asked.seat)) this.tell(asked.seat, { kind: 'answer', answer: told });
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
    for (const seat of this.seats.values()) this.feed(seat);
  }

  private feed(seat: Seat): void {
    for (; seat.next <= this.commands.length; seat.next++)
      this.tell(seat.id, { kind: 'command', number: seat.next, bytes: this.commands[seat.next - 1]! });
  }

  private tell(seat: number, event: ClientEvent): void {
    this.options.players.tell(seat, event);
  }

  private snapshot(): WholeSnapshot {
    const { number, born, time, digest, systemDigest } = this.state;
    const parts = this.production.encodeRows(this.state);
    const head = {
      number,
      born,
      time,
      tables: { ...digest },
      system: { ...systemDigest },
      part: 0,
      parts: parts.length,
    };
    return { number, head: { ...head, rows: parts[0]! }, parts };
  }

  /** M at the end of the log: from S0, or from a saved state. */
  private rebuild(): InstanceType<Production['WorldState']> {
    const { WorldState, warehouse } = this.production;
    const { saved } = this.options;
    const state =
      saved === null
        ? new WorldState(warehouse)
        : WorldState.restore(warehouse, JSON.parse(saved) as WorldSnapshot);
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
