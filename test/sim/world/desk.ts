import type { Act, Answer } from '../../../client/session-types.ts';
import type { Choices } from '../choices.ts';
import type { Production } from '../production.ts';
import { type Down, decodeUp, type Up } from './edge-frames.ts';
import type { GatewayHabits } from './edge-profile.ts';

type State = InstanceType<Production['WorldState']>;
type Snapshot = Extract<Down, { kind: 'snapshot' }>['snapshot'];

type Type = Production['warehouse']['schema']['actions']['open'];

/** An act with the sequence that its client gave it. */
export type Numbered = Act & { readonly sequence: number };

/** What a desk stands on. */
export interface DeskGround {
  readonly production: Production;
  readonly state: State;
  /** commands[m - 1]: the bytes of every command applied. */
  readonly commands: readonly Uint8Array[];
  readonly region: string;
  readonly choices: Choices;
  readonly habits: GatewayHabits;
  /** Nothing goes wrong on purpose any more. */
  calm(): boolean;
  later(mean: number, work: () => void): void;
  tell(seat: number, down: Down): void;
  close(seat: number, reason: string): void;
  connected(session: string): void;
  disconnected(session: string, left: boolean): void;
  /** Takes an act to the host. */
  ask(seat: number, session: string, act: Numbered): void;
}

interface Seat {
  readonly id: number;
  readonly session: string;
  /** The next command this client needs. */
  next: number;
  /** It needs a snapshot first. */
  lost: boolean;
  /** What is left to send of one. */
  parts: readonly Snapshot[];
  /** It gets what is published. */
  live: boolean;
  /** It has been ahead of this region since the last look. */
  ahead: boolean;
  pumping: boolean;
  answers: Answer[];
  strikes: number;
}

/** Frames that make no sense before a client is cut off. */
const STRIKES = 8;

/**
 * The gateway of a simulated region. It does for simulated connections what the real one does for sockets, and each thing at a
 * moment of its own: the live feed is flushed, answers are flushed, a client that catches up is served, a slow one is moved to a
 * snapshot, one is sent away.
 */
export class Desk {
  private readonly ground: DeskGround;
  private readonly seats = new Map<number, Seat>();
  /** Last command published. */
  private flushed: number;
  private flushing = false;
  /** Shared by those that need one at about the same time. */
  private snapshot: readonly Snapshot[] | null = null;

  constructor(ground: DeskGround) {
    this.ground = ground;
    this.flushed = ground.commands.length;
  }

  /** A client takes its seat; `from`: the first command it wants, null: a snapshot. */
  sit(id: number, session: string, from: number | null): void {
    const { ground } = this;
    const seat: Seat = {
      ...{ id, session, next: from ?? 0, lost: from === null, parts: [], live: false },
      ...{ ahead: false, pumping: false, answers: [], strikes: 0 },
    };
    this.seats.set(id, seat);
    ground.connected(session);
    const { number } = ground.state;
    const { schema } = ground.production.warehouse;
    const welcome = {
      ...{ protocol: ground.production.PROTOCOL_VERSION, region: ground.region, regions: [ground.region] },
      ...{ world: 'warehouse', schema: schema.hash, session, token: `token of ${session}`, number },
      sequence: ground.state.session(session)?.sequence ?? 0,
    };
    ground.tell(id, { kind: 'welcome', welcome });
    this.pumpSoon(seat);
  }

  leave(id: number, left: boolean): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    this.seats.delete(id);
    this.ground.disconnected(seat.session, left);
  }

  /** A sign of life is answered by one. */
  ping(id: number): void {
    if (this.seats.has(id)) this.ground.tell(id, { kind: 'heard' });
  }

  /** Bytes of a client: verified before anything is done about them. */
  receive(id: number, up: Up): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    const { production } = this.ground;
    try {
      for (const act of decodeUp(production, up)) this.act(seat, act);
    } catch (error) {
      if (!(error instanceof production.SchemaError)) throw error;
      this.answer(id, failed(0, 'bad-request', error.message));
      if (++seat.strikes > STRIKES) this.end(seat, 'bad-request: nonsense');
    }
  }

  /** The host's answer to an act of this client. */
  answer(id: number, answer: Answer): void {
    const seat = this.seats.get(id);
    if (seat === undefined) return;
    const { ground } = this;
    if (seat.answers.push(answer) === 1) ground.later(ground.habits.answers, () => this.flushAnswers(seat));
  }

  /** The replica applied more. */
  applied(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.ground.later(this.ground.habits.flush, () => {
      this.flushing = false;
      this.flush();
    });
  }

  private act(seat: Seat, act: Numbered): void {
    const { production } = this.ground;
    const actions: Readonly<Record<string, Type>> = production.warehouse.schema.actions;
    const { sequence, action, args } = act;
    const type = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (sequence < 1)
      this.answer(seat.id, failed(sequence, 'bad-request', 'a sequence is a whole number from 1'));
    else if (type === undefined) this.answer(seat.id, failed(sequence, 'no-such-action', action));
    else if (this.fits(type, args)) this.ground.ask(seat.id, seat.session, act);
    else this.answer(seat.id, failed(sequence, 'bad-arguments', action));
  }

  private fits(type: Type, args: Uint8Array): boolean {
    try {
      type.decode(args);
      return true;
    } catch (error) {
      if (!(error instanceof this.ground.production.SchemaError)) throw error;
      return false;
    }
  }

  private flushAnswers(seat: Seat): void {
    if (!this.seats.has(seat.id) || seat.answers.length === 0) return;
    const { ground } = this;
    const some = ground.choices.between(1, seat.answers.length);
    ground.tell(seat.id, { kind: 'answers', answers: seat.answers.splice(0, some) });
    if (seat.answers.length > 0) ground.later(ground.habits.answers, () => this.flushAnswers(seat));
  }

  private flush(): void {
    const { ground } = this;
    const first = this.flushed + 1;
    this.flushed = ground.commands.length;
    for (const seat of [...this.seats.values()]) {
      if (!seat.live) this.pumpSoon(seat);
      else if (first <= this.flushed) this.publish(seat, first);
    }
  }

  private publish(seat: Seat, first: number): void {
    const { choices, habits } = this.ground;
    this.send(seat, first, this.flushed);
    seat.next = this.flushed + 1;
    if (this.ground.calm()) return;
    if (choices.chance(habits.slow)) {
      seat.live = false;
      seat.lost = choices.chance(0.5);
      this.pumpSoon(seat);
    }
    if (choices.chance(habits.ends)) {
      if (choices.chance(0.5)) this.end(seat, 'overloaded: the client does not read');
      else this.ground.tell(seat.id, { kind: 'move-on', reason: 'draining' });
    }
  }

  private pumpSoon(seat: Seat): void {
    if (seat.pumping) return;
    seat.pumping = true;
    this.ground.later(this.ground.habits.pump, () => {
      seat.pumping = false;
      if (this.seats.get(seat.id) === seat && !seat.live) this.pump(seat);
    });
  }

  /** What can be done for a client that is not on the live stream, once. */
  private pump(seat: Seat): void {
    const { habits, choices, commands } = this.ground;
    if (seat.parts.length > 0) this.sendParts(seat);
    else if (seat.lost || seat.next < this.firstHeld) this.sendSnapshot(seat);
    else if (seat.next === this.flushed + 1) {
      seat.live = true;
      seat.ahead = false;
      return;
    } else if (seat.next <= this.flushed) {
      const last = Math.min(this.flushed, seat.next + choices.between(0, 30));
      this.send(seat, seat.next, last);
      seat.next = last + 1;
    } else {
      this.stayAhead(seat);
      return;
    }
    if (commands.length > habits.held) this.snapshot = null;
    this.pumpSoon(seat);
  }

  private sendSnapshot(seat: Seat): void {
    this.flush();
    const held = this.snapshot !== null && this.snapshot[0]!.number + 1 >= this.firstHeld;
    if (!held || this.ground.choices.chance(0.5)) this.snapshot = this.take();
    seat.parts = this.snapshot!;
    seat.next = this.snapshot![0]!.number + 1;
    seat.lost = false;
    this.sendParts(seat);
  }

  /** As much as its outbox takes at once. */
  private sendParts(seat: Seat): void {
    const some = this.ground.choices.between(1, seat.parts.length);
    for (const snapshot of seat.parts.slice(0, some))
      this.ground.tell(seat.id, { kind: 'snapshot', snapshot });
    seat.parts = seat.parts.slice(some);
  }

  /** Commands that this client asked for are not here yet: they come, or it is sent away. */
  private stayAhead(seat: Seat): void {
    if (seat.ahead) return;
    seat.ahead = true;
    this.ground.later(this.ground.habits.aheadMs, () => {
      if (this.seats.get(seat.id) === seat && seat.next > this.flushed + 1)
        this.end(seat, `overloaded: this replica is before ${seat.next}`);
      seat.ahead = false;
    });
  }

  private end(seat: Seat, reason: string): void {
    this.leave(seat.id, false);
    this.ground.close(seat.id, reason);
  }

  /** In one frame, or in several. */
  private send(seat: Seat, first: number, last: number): void {
    const { choices, commands } = this.ground;
    for (let from = first; from <= last; ) {
      const to = choices.chance(0.7) ? last : choices.between(from, last);
      this.ground.tell(seat.id, { kind: 'commands', first: from, commands: commands.slice(from - 1, to) });
      from = to + 1;
    }
  }

  private get firstHeld(): number {
    return Math.max(1, this.ground.commands.length + 1 - this.ground.habits.held);
  }

  private take(): readonly Snapshot[] {
    const { state, production, habits } = this.ground;
    const { number, born, time, digest, systemDigest } = state;
    const rows = encodeParts(production, state, habits.partRows);
    const head = { number, born, time, tables: { ...digest }, system: { ...systemDigest } };
    return rows.map((bytes, part) => ({ ...head, part, parts: rows.length, rows: bytes }));
  }
}

function encodeParts({ encodeRows }: Production, state: State, partRows: number): Uint8Array[] {
  const { schema } = state.definition;
  const changes = encodeRows(state).flatMap((part) => [...schema.decodeDelta(part)]);
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < changes.length; at += partRows)
    parts.push(schema.encodeDelta(changes.slice(at, at + partRows)));
  return parts;
}

function failed(sequence: number, code: string, detail: string): Answer {
  return { sequence, outcome: 'failed', number: 0, duplicate: false, result: '', code, detail };
}
