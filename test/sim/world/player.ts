import type { Session } from '../../../client/session.ts';
import type { Act, Effect, SessionEvent, Settlement } from '../../../client/session-types.ts';
import type { WholeSnapshot } from '../../../client/snapshot-parts.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { type Deeds, end, type Fate, type Lived } from './ledger-of-deeds.ts';
import type { ClientEvent } from './region-machine.ts';
import { type Amounts, amountsOf, type Deed } from './warehouse-model.ts';

/** What a player's machine stands on. */
export interface PlayerGround {
  now(): number;
  random(): number;
  issued(): number;
  later(delay: number, what: () => void): void;
  dial(player: Player, connection: number, address: number, from: number | null): void;
  hangUp(player: Player, connection: number, consented: boolean): void;
  send(player: Player, connection: number, sequence: number, act: Act): void;
  ping(player: Player, connection: number): void;
  /** A command or a snapshot was taken in. */
  stands(player: Player, number: number): void;
}

/** A client with the production session machine and the production mirror, and nothing of its own but wishes. */
export class Player {
  readonly name: string;
  private readonly production: Production;
  private readonly ground: PlayerGround;
  private readonly deeds: Deeds;
  private readonly session: Session<WholeSnapshot>;
  private readonly copy: InstanceType<Production['LocalCopy']>;
  private readonly byTicket = new Map<number, Lived>();
  private readonly byAct = new Map<Act, Lived>();
  /** By sequence: where it was sent last, and whether the answer was that it may still happen. */
  private readonly sendings = new Map<number, { readonly connection: number; readonly doubtful: boolean }>();
  private tickets = 0;
  private alarm = 0;

  constructor(production: Production, name: string, addresses: number, ground: PlayerGround, deeds: Deeds) {
    this.production = production;
    this.name = name;
    this.ground = ground;
    this.deeds = deeds;
    const limits = production.DEFAULT_LIMITS;
    this.session = new production.Session<WholeSnapshot>({ addresses, limits, resumesToken: false });
    this.copy = new production.LocalCopy(production.warehouse, {
      now: () => ground.now(),
      random: () => ground.random(),
    });
    this.step({ kind: 'start' });
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
    const { production, ground } = this;
    const act = {
      action: deed.action,
      args: production.warehouse.schema.actions[deed.action]!.encode(deed.args),
    };
    const ticket = ++this.tickets;
    const lived = this.deeds.begin(this.name, deed, ground.now(), ground.issued());
    this.byTicket.set(ticket, lived);
    this.byAct.set(act, lived);
    this.step({ kind: 'act', ticket, act });
  }

  /** Something came over a connection; stale connections are the machine's business. */
  heard(connection: number, event: ClientEvent): void {
    if (event.kind === 'answer' && event.answer.outcome === 'unknown')
      this.sendings.set(event.answer.sequence, { connection, doubtful: true });
    this.step({ ...event, connection } as SessionEvent<WholeSnapshot>);
  }

  private step(event: SessionEvent<WholeSnapshot>): void {
    for (const effect of this.session.step(event, { now: this.ground.now(), random: this.ground.random() }))
      this.perform(effect);
    this.arm();
  }

  private perform(effect: Effect<WholeSnapshot>): void {
    const { ground } = this;
    switch (effect.kind) {
      case 'dial':
        ground.dial(this, effect.connection, effect.address, effect.from);
        break;
      case 'hang-up':
        ground.hangUp(this, effect.connection, effect.consented);
        break;
      case 'ping':
        ground.ping(this, effect.connection);
        break;
      case 'send':
        this.sent(effect.act, effect.sequence, effect.connection);
        ground.send(this, effect.connection, effect.sequence, effect.act);
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
    this.step({ kind: 'applied', number, sequence: session === this.name ? sequence : 0, result });
    this.ground.stands(this, number);
  }

  private restore(snapshot: WholeSnapshot): void {
    if (this.attempt(() => this.copy.restore(snapshot)) === null) return;
    this.step({ kind: 'restored', number: snapshot.number });
    this.ground.stands(this, snapshot.number);
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
    const lived = this.byAct.get(act);
    if (lived === undefined) throw new Violation('session', `${this.name} sends an act nobody asked for`);
    if (lived.sequence !== 0 && lived.sequence !== sequence)
      throw new Violation('exactly-once', `${this.name} sends ${lived.sequence} again as ${sequence}`);
    lived.sequence = sequence;
    const { connection: before, doubtful } = this.sendings.get(sequence) ?? {
      connection: 0,
      doubtful: false,
    };
    if (before !== connection || doubtful) lived.copies++;
    this.sendings.set(sequence, { connection, doubtful: false });
  }

  private settled(ticket: number, settlement: Settlement): void {
    const lived = this.byTicket.get(ticket);
    if (lived === undefined) throw new Violation('session', `${this.name} settles ticket ${ticket} twice`);
    this.byTicket.delete(ticket);
    // `act` resolves once its command is applied here.
    if (settlement.kind === 'issued' && settlement.number > this.copy.number)
      throw new Violation(
        'mirror',
        `${this.name} is told ${settlement.number} and stands at ${this.copy.number}`,
      );
    const fate: Fate =
      settlement.kind === 'issued'
        ? { kind: 'issued', number: settlement.number, result: settlement.result }
        : { kind: settlement.kind, code: settlement.code };
    end(lived, fate, this.ground.now(), this.ground.issued());
  }

  private arm(): void {
    const at = this.session.wakeAt();
    const alarm = ++this.alarm;
    if (at === Number.POSITIVE_INFINITY) return;
    this.ground.later(Math.max(1, at - this.ground.now()), () => {
      if (this.alarm === alarm) this.step({ kind: 'tick' });
    });
  }
}
