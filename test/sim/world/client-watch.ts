import type { Effect, SessionEvent } from '../../../client/session-types.ts';
import type { WholeSnapshot } from '../../../client/snapshot-parts.ts';
import { require, Violation } from '../violation.ts';

type Event = SessionEvent<WholeSnapshot>;

/** An act on its way, as it can be seen from outside. */
interface Sent {
  /** Connection that it was sent over last; 0: none yet. */
  connection: number;
  /** Answered with "try again", and not sent again since. */
  waits: boolean;
  /** Answered as issued: it waits for its command and need not be sent again. */
  answered: boolean;
}

/**
 * What a client must keep true, seen from outside its session: one connection at a time and nothing of an earlier one, nothing
 * sent before the welcome, acts sent in their order over each connection, commands handed on once each without an untold gap.
 */
export class ClientWatch {
  private readonly name: string;
  /** Dialled and neither hung up nor lost; 0: none. */
  private connection = 0;
  private greeted = false;
  /** What was handed on reaches up to here; null before the first state. */
  private covered: number | null = null;
  /** Unsettled acts by ticket, in the order in which they were asked for. */
  private readonly open = new Map<number, Sent>();
  private readonly tickets = new Map<number, number>();

  constructor(name: string) {
    this.name = name;
  }

  asked(ticket: number): void {
    this.open.set(ticket, { connection: 0, waits: false, answered: false });
  }

  /** Before the session's effects of this event are carried out. */
  stepped(event: Event, effects: readonly Effect<WholeSnapshot>[]): void {
    const stale = 'connection' in event && event.connection !== this.connection;
    if (stale) {
      // Time has passed all the same.
      const wrong = effects.find(({ kind }) => kind !== 'dial' && kind !== 'send');
      this.must(
        wrong === undefined,
        () => `${event.kind} of connection ${event.connection} leads to ${wrong?.kind}`,
      );
      return;
    }
    if (event.kind === 'lost') this.connection = 0;
    if (event.kind === 'welcome') this.greeted = true;
    if (event.kind === 'answer')
      this.answered(event.answer.sequence, event.answer.outcome === 'issued', effects);
  }

  dialled(connection: number): void {
    this.must(this.connection === 0, () => `dials ${connection} while ${this.connection} is open`);
    this.connection = connection;
    this.greeted = false;
  }

  hungUp(connection: number): void {
    this.must(connection === this.connection, () => `hangs up ${connection}, open is ${this.connection}`);
    this.connection = 0;
  }

  sent(ticket: number, sequence: number, connection: number): void {
    this.must(connection === this.connection, () => `sends over ${connection}, open is ${this.connection}`);
    this.must(this.greeted, () => `sends over ${connection} before its welcome`);
    this.tickets.set(sequence, ticket);
    for (const [earlier, { connection: over, waits, answered }] of this.open) {
      if (earlier === ticket) break;
      if (!answered && (waits || over !== connection))
        throw new Violation('session-order', `${this.name} sends act ${ticket} before act ${earlier}`);
    }
    const sent = this.open.get(ticket);
    this.must(sent !== undefined, () => `sends act ${ticket}, which is settled`);
    Object.assign(sent!, { connection, waits: false });
  }

  settled(ticket: number): void {
    this.must(this.open.delete(ticket), () => `settles act ${ticket} twice`);
  }

  applied(number: number): void {
    const due = (this.covered ?? 0) + 1;
    if (number !== due) throw new Violation('mirror', `${this.name} hands on ${number} where ${due} is due`);
    this.covered = number;
  }

  /** Commands after `after` up to `number` were not seen, and that was told. */
  resynced(after: number, number: number, rewound: boolean): void {
    if (number <= after && !rewound)
      throw new Violation('mirror', `${this.name} goes back from ${after} to ${number}`);
    if (after !== (this.covered ?? 0))
      throw new Violation('mirror', `${this.name} tells a gap after ${after}, it stood at ${this.covered}`);
    this.covered = number;
  }

  /** After whatever was told about it. */
  restored(number: number): void {
    this.covered ??= number;
    if (number !== this.covered)
      throw new Violation('mirror', `${this.name} goes from ${this.covered} to ${number} without a word`);
  }

  private answered(sequence: number, issued: boolean, effects: readonly Effect<WholeSnapshot>[]): void {
    const ticket = this.tickets.get(sequence);
    const sent = ticket === undefined ? undefined : this.open.get(ticket);
    if (sent === undefined || sent.answered) return;
    if (issued) sent.answered = true;
    else sent.waits = !effects.some((effect) => effect.kind === 'settle' && effect.ticket === ticket);
  }

  private must(holds: boolean, detail: () => string): void {
    require(holds, 'session', () => `${this.name} ${detail()}`);
  }
}
