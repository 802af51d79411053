/**
 * Who is present in one world at this gateway, and how much each may ask: sockets and recent HTTP requests count as
 * presence, actions are bounded in number outstanding and in rate.
 */
import { ThroughlineError } from '../errors.ts';
import type { WorldService } from '../world-service.ts';
import type { GatewayLimits } from './bounds.ts';

/** One session at this gateway. Good while it has a socket or something outstanding; others are asked for anew. */
export interface Seat {
  readonly session: string;
  sockets: number;
  /** Present over HTTP until then; 0: not. */
  httpUntil: number;
  outstanding: number;
  /** Token bucket: what is left, and as of when. */
  allowance: number;
  asOf: number;
}

type Bounds = Pick<GatewayLimits, 'outstanding' | 'rate' | 'burst' | 'httpPresenceMs' | 'sessions'>;

export class Sessions {
  readonly #world: Pick<WorldService, 'connected' | 'disconnected'>;
  readonly #limits: Bounds;
  readonly #seats = new Map<string, Seat>();
  /** Those that are not simply there by a socket: only they may have to be forgotten. */
  readonly #passing = new Set<Seat>();
  #outstanding = 0;

  constructor(world: Pick<WorldService, 'connected' | 'disconnected'>, limits: Bounds) {
    this.#world = world;
    this.#limits = limits;
  }

  /** Actions that wait for their outcome, of all sessions. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Outstanding actions of one session. */
  outstandingOf(session: string): number {
    return this.#seats.get(session)?.outstanding ?? 0;
  }

  enter(session: string, now: number): Seat {
    const seat = this.#seats.get(session) ?? this.#make(session, now);
    seat.sockets++;
    this.#world.connected(session);
    return seat;
  }

  /** `left`: it said good-bye. */
  leave(session: string, left: boolean): void {
    const seat = this.#seats.get(session);
    if (seat === undefined || seat.sockets === 0)
      throw new Error(`session ${session} leaves but never entered`);
    seat.sockets--;
    if (seat.sockets === 0) this.#passing.add(seat);
    this.#world.disconnected(session, left);
  }

  /** Of a session that may not be present yet. Throws `overloaded` when too many are. */
  seat(session: string, now: number): Seat {
    const known = this.#seats.get(session);
    if (known === undefined && this.#seats.size >= this.#limits.sessions)
      throw new ThroughlineError('overloaded', 'too many sessions are present on this server');
    return known ?? this.#make(session, now);
  }

  /** An action over HTTP. Throws `overloaded` when too many sessions are present. */
  touch(session: string, now: number): void {
    const seat = this.seat(session, now);
    if (seat.httpUntil === 0) this.#world.connected(session);
    this.#passing.add(seat);
    seat.httpUntil = now + this.#limits.httpPresenceMs;
  }

  /** Counts an action against the rate, a good one or not. Throws `rate-limited`. */
  spend(seat: Seat, now: number): void {
    if (!this.#spend(seat, now))
      throw new ThroughlineError('rate-limited', `more than ${this.#limits.rate} actions a second`);
  }

  /** Takes an action in, to be given back by `settle`. Throws `rate-limited`. */
  admit(seat: Seat): void {
    if (seat.outstanding >= this.#limits.outstanding)
      throw new ThroughlineError(
        'rate-limited',
        `${seat.outstanding} actions wait for their outcome already`,
      );
    seat.outstanding++;
    this.#outstanding++;
  }

  settle(seat: Seat): void {
    if (seat.outstanding === 0) throw new Error('an action is settled twice');
    seat.outstanding--;
    this.#outstanding--;
  }

  /** Forgets who is not present any more. */
  sweep(now: number): void {
    for (const seat of this.#passing) {
      if (seat.httpUntil !== 0 && seat.httpUntil <= now) {
        seat.httpUntil = 0;
        this.#world.disconnected(seat.session, false);
      }
      if (seat.httpUntil !== 0) continue;
      if (seat.sockets === 0) {
        if (seat.outstanding > 0) continue;
        this.#seats.delete(seat.session);
      }
      this.#passing.delete(seat);
    }
  }

  /** At the end: nobody is present over HTTP any more. */
  close(): void {
    this.sweep(Number.POSITIVE_INFINITY);
  }

  #make(session: string, now: number): Seat {
    const seat = {
      session,
      sockets: 0,
      httpUntil: 0,
      outstanding: 0,
      allowance: this.#limits.burst,
      asOf: now,
    };
    this.#seats.set(session, seat);
    this.#passing.add(seat);
    return seat;
  }

  #spend(seat: Seat, now: number): boolean {
    const earned = ((now - seat.asOf) * this.#limits.rate) / 1000;
    seat.allowance = Math.min(this.#limits.burst, seat.allowance + earned);
    seat.asOf = now;
    if (seat.allowance < 1) return false;
    seat.allowance--;
    return true;
  }
}
