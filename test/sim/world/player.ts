import type { Session } from '../../../client/session.ts';
import type { Act, Effect, SessionEvent, Settlement } from '../../../client/session-types.ts';
import type { WholeSnapshot } from '../../../client/snapshot-parts.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { ClientWatch } from './client-watch.ts';
import type { Down, Up } from './edge-frames.ts';
import { type Deeds, end, type Fate, type Lived } from './ledger-of-deeds.ts';
import { ByteLine, EventLine, type Line } from './lines.ts';
import { type Amounts, amountsOf, type Deed } from './warehouse-model.ts';

/** What a player's machine stands on. */
export interface PlayerGround {
  readonly production: Production;
  readonly addresses: number;
  /** Messages pass through their bytes and the SDK's link. */
  readonly bytes: boolean;
  /** The session is older than this client, which begins now, by the time of day; null: a new one. */
  readonly resumedAt: number | null;
  readonly deeds: Deeds;
  now(): number;
  random(): number;
  issued(): number;
  later(delay: number, what: () => void): void;
  dial(connection: number, address: number, from: number | null): void;
  hangUp(connection: number, consented: boolean): void;
  send(connection: number, up: Up): void;
  ping(connection: number): void;
  /** The bytes of an issued command. */
  command(number: number): Uint8Array | undefined;
}

type Event = SessionEvent<WholeSnapshot>;

/** A client with the production session machine and the production mirror, and nothing of its own but wishes. */
export class Player {
  readonly name: string;
  private readonly ground: PlayerGround;
  private readonly session: Session<WholeSnapshot>;
  private readonly copy: InstanceType<Production['LocalCopy']>;
  private readonly line: Line;
  private readonly watch: ClientWatch;
  private readonly byTicket = new Map<number, Lived>();
  private readonly ticketOf = new Map<Act, number>();
  /** By sequence: where it was sent last, and whether the answer was that it may still happen. */
  private readonly sendings = new Map<number, { readonly connection: number; readonly doubtful: boolean }>();
  private readonly events: Event[] = [];
  private draining = false;
  private tickets = 0;
  private alarm = 0;
  private gone = false;

  constructor(name: string, ground: PlayerGround) {
    const { production, addresses, resumedAt } = ground;
    this.name = name;
    this.ground = ground;
    this.watch = new ClientWatch(name);
    const limits = production.DEFAULT_LIMITS;
    this.session = new production.Session<WholeSnapshot>({ addresses, limits, resumedAt });
    this.copy = new production.LocalCopy(production.warehouse, {
      now: () => ground.now(),
      random: () => ground.random(),
    });
    const LineType = ground.bytes ? ByteLine : EventLine;
    this.line = new LineType(production, { ...ground, feed: (events) => this.feed(events) });
    this.feed([{ kind: 'start' }]);
  }

  get number(): number {
    return this.session.number;
  }

  get live(): boolean {
    return this.session.phase === 'live';
  }

  get unsettled(): number {
    return this.session.unsettled;
  }

  /** The mirror's tables. */
  get amounts(): Amounts {
    return amountsOf({ warehouse: [...this.copy.doors['warehouse']!.rows()] });
  }

  /** Asks for a deed. */
  act(deed: Deed): void {
    const { production, deeds, now, issued } = this.ground;
    const args = production.warehouse.schema.actions[deed.action]!.encode(deed.args);
    const act = { action: deed.action, args };
    const ticket = ++this.tickets;
    this.byTicket.set(ticket, deeds.begin(this.name, deed, now(), issued()));
    this.ticketOf.set(act, ticket);
    this.watch.asked(ticket);
    this.feed([{ kind: 'act', ticket, act }]);
  }

  /** Something came over a connection, which this client may have left long ago. */
  heard(connection: number, down: Down): void {
    if (this.gone) return;
    if (down.kind === 'answers')
      for (const { outcome, sequence } of down.answers)
        if (outcome === 'unknown') this.sendings.set(sequence, { connection, doubtful: true });
    this.line.heard(connection, down);
  }

  /** The program ends without a word; what it waited for, nobody will ever know. */
  vanish(): void {
    this.gone = true;
    const { now, issued } = this.ground;
    for (const lived of this.byTicket.values())
      end(lived, { kind: 'unknown', code: 'gone' }, now(), issued());
  }

  /** As the shell of the SDK does it: events that come meanwhile wait for the one under way. */
  private feed(events: readonly Event[]): void {
    this.events.push(...events);
    if (this.draining) return;
    this.draining = true;
    for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) this.step(event);
    this.draining = false;
    this.line.flush();
    this.arm();
  }

  private step(event: Event): void {
    if (this.gone) return;
    const effects = this.session.step(event, { now: this.ground.now(), random: this.ground.random() });
    this.watch.stepped(event, effects);
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: Effect<WholeSnapshot>): void {
    switch (effect.kind) {
      case 'dial':
        this.watch.dialled(effect.connection);
        this.line.dial(effect.connection, effect.address, effect.from);
        break;
      case 'hang-up':
        this.watch.hungUp(effect.connection);
        this.line.hangUp(effect.connection, effect.consented);
        break;
      case 'ping':
        this.line.ping(effect.connection);
        break;
      case 'send':
        this.sent(effect.act, effect.sequence, effect.connection);
        this.line.send(effect.connection, { sequence: effect.sequence, ...effect.act });
        break;
      case 'apply':
        this.apply(effect.bytes);
        break;
      case 'restore':
        this.restore(effect.snapshot);
        break;
      case 'settle':
        this.settled(effect.ticket, effect.settlement);
        break;
      case 'resync':
        // Rewound: every server within reach stayed behind for long, as in a partition; the client says so and starts over.
        if (effect.reason === 'diverged')
          throw new Violation('mirror', `${this.name} at ${effect.after}: ${effect.reason}`);
        this.watch.resynced(effect.after, effect.number, effect.reason === 'rewound');
        break;
      case 'ended':
        throw new Violation('session', `${this.name} was ended: ${effect.code} ${effect.detail}`);
      case 'phase':
        break;
    }
  }

  /** As the shell of the SDK does it: what does not fit is reported, the machine decides. */
  private apply(bytes: Uint8Array): void {
    const applied = this.attempt(() => this.copy.apply(bytes));
    if (applied === null) return;
    const { number, session, sequence, result } = applied.envelope;
    this.watch.applied(number);
    if (!equal(bytes, this.ground.command(number)))
      throw new Violation('mirror', `${this.name} takes something as ${number} that was never issued`);
    this.step({ kind: 'applied', number, sequence: session === this.name ? sequence : 0, result });
  }

  private restore(snapshot: WholeSnapshot): void {
    if (this.attempt(() => this.copy.restore(snapshot)) === null) return;
    const { number } = snapshot;
    if (number > this.ground.issued())
      throw new Violation('mirror', `${this.name} stands at ${number}, issued is ${this.ground.issued()}`);
    this.step({ kind: 'restored', number });
    this.watch.restored(number);
  }

  private attempt<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.step({ kind: 'fault', detail: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  private sent(act: Act, sequence: number, connection: number): void {
    const ticket = this.ticketOf.get(act);
    const lived = ticket === undefined ? undefined : this.byTicket.get(ticket);
    if (ticket === undefined || lived === undefined)
      throw new Violation('session', `${this.name} sends an act that nobody waits for`);
    if (lived.sequence !== 0 && lived.sequence !== sequence)
      throw new Violation('exactly-once', `${this.name} sends ${lived.sequence} again as ${sequence}`);
    lived.sequence = sequence;
    this.watch.sent(ticket, sequence, connection);
    const { connection: before, doubtful } = this.sendings.get(sequence) ?? {
      connection: 0,
      doubtful: false,
    };
    if (before !== connection || doubtful) lived.copies++;
    this.sendings.set(sequence, { connection, doubtful: false });
  }

  private settled(ticket: number, settlement: Settlement): void {
    const { now, issued } = this.ground;
    this.watch.settled(ticket);
    const lived = this.byTicket.get(ticket)!;
    this.byTicket.delete(ticket);
    // `act` resolves once its command is applied here; only its deadline is stronger.
    const inTime = now() < lived.called + this.ground.production.DEFAULT_LIMITS.actMs;
    if (settlement.kind === 'issued' && settlement.number > this.copy.number && inTime)
      throw new Violation(
        'mirror',
        `${this.name} is told ${settlement.number} and stands at ${this.copy.number}`,
      );
    const fate: Fate =
      settlement.kind === 'issued'
        ? { kind: 'issued', number: settlement.number, result: settlement.result }
        : { kind: settlement.kind, code: settlement.code };
    end(lived, fate, now(), issued());
  }

  private arm(): void {
    const at = this.session.wakeAt();
    const alarm = ++this.alarm;
    if (this.gone || at === Number.POSITIVE_INFINITY) return;
    this.ground.later(Math.max(1, at - this.ground.now()), () => {
      if (this.alarm === alarm) this.feed([{ kind: 'tick' }]);
    });
  }
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, index) => byte === b[index]);
}
