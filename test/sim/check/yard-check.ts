import type { Envelope } from '../../../schemas/support/command-types.ts';
import { SESSION_IDLE_MS } from '../../../server/limits.ts';
import { Violation } from '../violation.ts';
import type { Lived } from '../world/ledger-of-deeds.ts';
import type { Amounts } from '../world/warehouse-model.ts';
import {
  bellAfter,
  bellFails,
  bellOf,
  GATE_WINDS,
  insideOf,
  isBroken,
  isShut,
  leavingFails,
  RUNG,
  SPRING,
  SPRING_MOST,
} from '../world/yard.ts';

interface Bell {
  readonly session: string;
  readonly due: number;
}

/** When things became known outside, and how long a session without a connection keeps its place; ms. */
export interface Times {
  /** issuedAt[n]: number n was issued. */
  readonly issuedAt: readonly number[];
  readonly graceMs?: number;
  /** Sessions that never have a connection. */
  unconnected(session: string): boolean;
}

/**
 * The yard once more, as a sequential specification: which join, leave, end, tick and timer may stand where in the sequence, and
 * what each makes of the rows that begin with '~'.
 */
export class YardModel {
  readonly rows = new Map<string, number>();
  /** springs[n]: after command n. */
  private readonly springs: number[] = [0];
  private readonly joined = new Set<string>();
  /** World time of each session's last command. */
  private readonly seen = new Map<string, number>();
  /** When the last executed deed of a session was asked for, and only by whom nobody asked again. */
  private readonly asked = new Map<string, number>();
  private readonly bells = new Map<number, Bell>();
  private readonly times: Times | null;
  private time = 0;
  private timersMade = 0;

  constructor(times: Times | null) {
    this.times = times;
  }

  /** The next command; `before` are the goods before it. */
  take(envelope: Envelope, lived: Lived | undefined, before: Amounts): void {
    const { number, time, session, action, timersSet, timersCancelled, timerFired } = envelope;
    if (time < this.time) this.wrong(envelope, `world time goes back from ${this.time} to ${time}`);
    this.time = time;
    const sets = action === 'inbound' && lived !== undefined;
    if (timersSet.length !== (sets ? 1 : 0)) this.wrong(envelope, `${timersSet.length} bells are set`);
    if (timerFired !== 0 && action !== '$timer') this.wrong(envelope, 'a bell rings by the way');
    if (timersCancelled.length > 0 && !sets) this.wrong(envelope, 'a bell is taken back');
    if (lived !== undefined) this.deed(envelope, lived);
    else this.own(envelope, before['A'] ?? 0);
    if (session !== '' && action !== '$end') this.seen.set(session, time);
    this.springs[number] = this.rows.get(SPRING) ?? 0;
  }

  /** The gate keeps people out with this code where command `number` was the last. */
  refuses(number: number, code: string): boolean {
    const spring = this.springs[number] ?? 0;
    return (code === 'gate-shut' && isShut(spring)) || (code === 'internal' && isBroken(spring));
  }

  /** The rows as one text. */
  get key(): string {
    return keyOfRows(this.rows);
  }

  private deed(envelope: Envelope, { session, deed, called }: Lived): void {
    if (!this.joined.has(session)) this.wrong(envelope, 'acts without having joined');
    this.asked.set(session, called);
    if (deed.action === 'inbound') this.setBell(envelope, Number(deed.args['amount']));
  }

  private setBell(envelope: Envelope, amount: number): void {
    const { session, time, timersSet, timersCancelled } = envelope;
    const { id, due, name, args } = timersSet[0]!;
    if (name !== 'ring' || args !== JSON.stringify({ of: session }) || due !== time + bellAfter(amount))
      this.wrong(envelope, `sets ${name} ${args} for ${due}`);
    if (id <= this.timersMade) this.wrong(envelope, `bell ${id} comes after bell ${this.timersMade}`);
    this.timersMade = id;
    const before = this.rows.get(bellOf(session));
    const cancelled = before !== undefined && this.bells.delete(before) ? [before] : [];
    if (String(timersCancelled) !== String(cancelled))
      this.wrong(envelope, `takes back ${timersCancelled}, not ${cancelled}`);
    this.bells.set(id, { session, due });
    this.rows.set(bellOf(session), id);
  }

  private own(envelope: Envelope, goods: number): void {
    const { action } = envelope;
    if (action === '$join') this.join(envelope);
    else if (action === '$leave') this.leave(envelope, goods);
    else if (action === '$end') this.end(envelope);
    else if (action === '$tick') this.tick(envelope);
    else if (action === '$timer') this.ring(envelope, goods);
    else if (action !== '$settle') this.wrong(envelope, 'nobody asked for that');
  }

  private join(envelope: Envelope): void {
    const { session } = envelope;
    if (this.joined.has(session)) this.wrong(envelope, 'is in already');
    const spring = this.rows.get(SPRING) ?? 0;
    if (isShut(spring) || isBroken(spring)) this.wrong(envelope, `the gate does not open at ${spring}`);
    this.joined.add(session);
    this.count(insideOf(session), 1);
    if (spring < SPRING_MOST) this.count(SPRING, GATE_WINDS);
  }

  private leave(envelope: Envelope, goods: number): void {
    const { session, number } = envelope;
    if (!this.joined.delete(session)) this.wrong(envelope, 'is not in');
    if (!leavingFails(goods)) this.rows.delete(insideOf(session));
    const { times } = this;
    if (times?.graceMs === undefined || !times.unconnected(session)) return;
    const since = (times.issuedAt[number] ?? Infinity) - (this.asked.get(session) ?? -Infinity);
    // Clocks are read in whole milliseconds.
    if (since < times.graceMs - 2)
      this.wrong(envelope, `is sent away ${since} ms after it acted, not ${times.graceMs}`);
  }

  private end(envelope: Envelope): void {
    const { session, time } = envelope;
    const seen = this.seen.get(session);
    if (seen === undefined || this.joined.has(session)) this.wrong(envelope, 'is not out');
    if (time - seen! <= SESSION_IDLE_MS) this.wrong(envelope, `was seen ${time - seen!} ms ago`);
    this.seen.delete(session);
  }

  private tick(envelope: Envelope): void {
    if ((this.rows.get(SPRING) ?? 0) === 0) this.wrong(envelope, 'the spring is down');
    this.count(SPRING, -1);
  }

  private ring(envelope: Envelope, goods: number): void {
    const { timerFired, time } = envelope;
    const bell = this.bells.get(timerFired);
    if (bell === undefined) throw this.fault(envelope, `bell ${timerFired} is not set, or rang before`);
    if (time < bell.due) this.wrong(envelope, `rings at ${time}, due at ${bell.due}`);
    for (const [id, { due }] of this.bells)
      if (due < bell.due) this.wrong(envelope, `rings before bell ${id}, which was due at ${due}`);
    this.bells.delete(timerFired);
    if (bellFails(goods)) return;
    this.rows.delete(bellOf(bell.session));
    this.count(RUNG, 1);
  }

  private count(id: string, by: number): void {
    this.rows.set(id, (this.rows.get(id) ?? 0) + by);
  }

  private wrong(envelope: Envelope, what: string): void {
    throw this.fault(envelope, what);
  }

  private fault({ number, action, session, timerFired }: Envelope, what: string): Violation {
    return new Violation('yard', `number ${number}, ${action} ${session}${timerFired || ''}: ${what}`);
  }
}

export function keyOfRows(rows: Iterable<readonly [string, number]>): string {
  return [...rows]
    .filter(([id]) => id.startsWith('~'))
    .map(([id, amount]) => `${id}=${amount}`)
    .sort()
    .join();
}

/** What the leader of one process does, by the clock that it goes by itself. */
export class YardWatch {
  private ballot = 0;
  private ticks: number[] = [];
  private tickFailed: number | null = null;
  private readonly everyMs: number;
  private readonly pauseMs: number;

  constructor(everyMs: number, pauseMs: number) {
    this.everyMs = everyMs;
    this.pauseMs = pauseMs;
  }

  /** A tick runs: never twice within a beat, and not soon after one that failed. `stuck`: this one will. */
  tick(now: number, ballot: number, stuck: boolean): void {
    if (ballot !== this.ballot) {
      this.ballot = ballot;
      this.ticks = [];
      this.tickFailed = null;
    }
    const beforeLast = this.ticks.at(-2);
    if (this.ticks.at(-1) === now || (beforeLast !== undefined && now - beforeLast < this.everyMs))
      throw new Violation('yard', `ticks at ${[...this.ticks.slice(-2), now]}, every ${this.everyMs} ms`);
    if (this.tickFailed !== null && now - this.tickFailed < this.pauseMs)
      throw new Violation('yard', `a tick at ${now} after one that failed at ${this.tickFailed}`);
    this.ticks = [...this.ticks.slice(-1), now];
    this.tickFailed = stuck ? now : null;
  }
}
