/** Runs a session machine against pretend servers, step by step, and notes everything it hands on. */
import { type ClientLimits, DEFAULT_LIMITS } from '../../client/limits.ts';
import { Session } from '../../client/session.ts';
import type { CompleteSnapshot, Effect, SessionEvent, Settlement } from '../../client/session-types.ts';
import { numberIn, PretendServers } from './pretend-servers.ts';

export class SessionDriver {
  readonly servers: PretendServers;
  readonly session: Session<CompleteSnapshot>;
  now = 1_000;
  random = 0.5;
  /** Numbers as handed to the mirror; a resync starts a new run. */
  readonly runs: number[][] = [[]];
  readonly resyncs: Extract<Effect<CompleteSnapshot>, { kind: 'resync' }>[] = [];
  readonly settled = new Map<number, Settlement>();
  readonly sentAs = new Map<number, string>();
  readonly dials: { address: number; from: number | null; at: number }[] = [];
  readonly reasons: string[] = [];
  ended: string | null = null;
  doubleSettled = 0;
  reusedSequences = 0;
  acts = 0;
  /** Report the next command as unfit. */
  spoil = false;

  constructor(regions = 3, limits: Partial<ClientLimits> = {}, resumedAt: number | null = null) {
    this.servers = new PretendServers(regions);
    this.session = new Session({
      addresses: regions,
      limits: { ...DEFAULT_LIMITS, ...limits },
      resumedAt,
    });
  }

  start(): void {
    this.feed({ kind: 'start' });
  }

  act(timeoutMs?: number): number {
    const ticket = ++this.acts;
    const act = { action: `act-${ticket}`, args: new Uint8Array() };
    this.feed(
      timeoutMs === undefined ? { kind: 'act', ticket, act } : { kind: 'act', ticket, act, timeoutMs },
    );
    return ticket;
  }

  feed(event: SessionEvent<CompleteSnapshot>): void {
    const effects = this.session.step(event, { now: this.now, random: this.random });
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect<CompleteSnapshot>): void {
    this.servers.take(effect);
    switch (effect.kind) {
      case 'dial':
        this.dials.push({ address: effect.address, from: effect.from, at: this.now });
        break;
      case 'apply':
        this.#apply(numberIn(effect.bytes));
        break;
      case 'restore':
        if (this.runs.at(-1)!.length > 0) this.runs.push([]);
        this.feed({ kind: 'restored', number: effect.snapshot.number });
        break;
      case 'resync':
        this.resyncs.push(effect);
        break;
      case 'settle':
        if (this.settled.has(effect.ticket)) this.doubleSettled++;
        this.settled.set(effect.ticket, effect.settlement);
        break;
      case 'send': {
        const before = this.sentAs.get(effect.sequence);
        if (before !== undefined && before !== effect.act.action) this.reusedSequences++;
        this.sentAs.set(effect.sequence, effect.act.action);
        break;
      }
      case 'phase':
        this.reasons.push(effect.reason);
        break;
      case 'ended':
        this.ended = effect.code;
    }
  }

  #apply(number: number): void {
    // As the mirror would: only the next one fits.
    if (number !== this.session.number + 1) throw new Error(`command ${number} after ${this.session.number}`);
    if (this.spoil) {
      this.spoil = false;
      this.feed({ kind: 'fault', detail: `digest-mismatch at ${number}` });
      return;
    }
    this.runs.at(-1)!.push(number);
    const entry = this.servers.log[number - 1]!;
    this.feed({ kind: 'applied', number, sequence: entry.sequence, result: entry.result });
  }

  deliver(): boolean {
    const message = this.servers.deliver();
    if (message) this.feed(message);
    return message !== undefined;
  }

  cut(): void {
    const event = this.servers.cut();
    if (event) this.feed(event);
  }

  /** Moves the clock on and lets every timer ring on the way. */
  wait(ms: number): void {
    const until = this.now + ms;
    for (let at = this.session.wakeAt(); at <= until; at = this.session.wakeAt()) {
      this.now = Math.max(this.now + 1, at);
      this.feed({ kind: 'tick' });
    }
    this.now = Math.max(this.now, until);
  }

  /** Time passes while the connection is well. */
  rest(ms: number): void {
    for (let i = 0; i < ms; i += 100) {
      this.wait(100);
      while (this.deliver());
    }
  }

  /** A healthy network for long enough to finish everything. */
  heal(): void {
    this.servers.sulk = null;
    for (let round = 0; round < 400; round++) {
      for (let region = 0; region < this.servers.regions; region++)
        while (this.servers.applied[region]! < this.servers.log.length) this.servers.apply(region);
      while (this.servers.connection && this.servers.connection.up.length > 0) this.servers.read(false);
      while (this.deliver());
      if (this.session.unsettled === 0 && this.session.number === this.servers.log.length) return;
      this.wait(50);
    }
    throw new Error(
      `not healed: ${this.session.unsettled} acts unsettled, at ${this.session.number} of ${this.servers.log.length}`,
    );
  }
}
