/**
 * The client's session with a world as a pure state machine: events in, effects out. It decides which address to dial
 * and when, from which command to go on, and what is sent again. It knows no clock, socket, random source or mirror;
 * `world.ts` is the thin shell that does what the effects say.
 *
 * What it keeps true, whatever happens on the way:
 *  - commands are handed on once each, in order, without a gap; where that is impossible a `resync` effect says so
 *  - an act is settled exactly once, and is sent again with the same sequence until then
 *  - at most `limits.outstanding` acts are on the wire and `limits.queued` wait behind them
 */
import { type ClientLimits, RESUME_GAP, SEQUENCES_PER_MS } from './limits.ts';
import { Outstanding, type Settled } from './outstanding.ts';
import { dialPatience, dialPause, stuckPatience } from './patience.ts';
import type {
  Act,
  CompleteSnapshot,
  Effect,
  Moment,
  Phase,
  ResyncReason,
  SessionEvent,
  Welcome,
} from './session-types.ts';

export interface SessionOptions {
  /** How many addresses there are; they are named by index, the preferred one first. */
  readonly addresses: number;
  readonly limits: ClientLimits;
  /** The session is older than this client, which began at this time of day (ms since the epoch); null: it is new. */
  readonly resumedAt: number | null;
}

/** What a busy machine waits for. */
const REPORTS = new Set<SessionEvent<CompleteSnapshot>['kind']>(['applied', 'framed', 'restored', 'fault']);

export class Session<S extends CompleteSnapshot> {
  readonly #options: SessionOptions;
  readonly #acts: Outstanding;
  #effects: Effect<S>[] = [];
  #phase: Phase = 'connecting';

  /** Names the connection of now, dialled or open; events of any other are stale. 0: none. */
  #connection = 0;
  #connections = 0;
  #address = 0;
  #welcome: Welcome | null = null;
  #greeted = false;
  #dialledAt = 0;
  /** Since when the state is current, and its number then. */
  #liveAt: number | null = null;
  #liveFrom = 0;
  #heardAt = 0;
  #pingedAt = 0;
  /** When to dial, while there is no connection. */
  #dialAt: number | null = null;
  /** Failed attempts since a connection was stable. */
  #failures = 0;
  /** Addresses in a row that said no for good. */
  #refusals = 0;

  #number = 0;
  /** Going on from `number` is possible: there is a state and it is sound. */
  #resumable = false;
  /** The state was given up at this number; null before the first state and while there is one. */
  #forsaken: { readonly after: number; readonly reason: ResyncReason } | null = null;
  #busy = false;
  /** Connections left in a row because an act got no answer there, and the dice of the one of now. */
  #stuck = 0;
  #scatter = 0;
  /** When the world last moved here. */
  #movedAt = Number.NEGATIVE_INFINITY;
  /** Servers in a row that stayed behind `number`, and since when this one does. */
  #behind = 0;
  #behindSince: number | null = null;

  constructor(options: SessionOptions) {
    if (options.addresses < 1) throw new Error('a session needs at least one address');
    this.#options = options;
    this.#acts = new Outstanding(options.limits);
  }

  get phase(): Phase {
    return this.#phase;
  }
  /** Index of the address in use or tried now. */
  get address(): number {
    return this.#address;
  }
  /** The last command applied. */
  get number(): number {
    return this.#number;
  }
  /** Acts that are not settled yet. */
  get unsettled(): number {
    return this.#acts.size;
  }

  /** One event; its effects are to be carried out in order. */
  step(event: SessionEvent<S>, moment: Moment): Effect<S>[] {
    if (this.#phase === 'closed') {
      if (event.kind === 'act') return [refuseClosed(event.ticket)];
      return [];
    }
    if (this.#busy && !REPORTS.has(event.kind))
      throw new Error(`session: ${event.kind} came before the report on command ${this.#number + 1}`);
    this.#effects = [];
    if (!('connection' in event) || event.connection === this.#connection) this.#handle(event, moment);
    if (this.#phase !== ('closed' as Phase) && !this.#busy) this.#pursue(moment);
    return this.#effects;
  }

  /** When the next `tick` is due, in the time of `Moment`; Infinity if nothing is waited for. */
  wakeAt(): number {
    if (this.#phase === 'closed') return Infinity;
    const { limits } = this.#options;
    const acts = this.#acts.wakeAt(this.#greeted);
    if (this.#connection === 0) return Math.min(acts, this.#dialAt ?? Infinity);
    if (!this.#greeted) return Math.min(acts, this.#dialUntil());
    const silent = this.#heardAt + limits.silentMs;
    return Math.min(acts, this.#pingAt(), silent, this.#stuckAt(), this.#behindUntil());
  }

  #handle(event: SessionEvent<S>, moment: Moment): void {
    if ('connection' in event) this.#heardAt = moment.now;
    switch (event.kind) {
      case 'start':
        this.#dialAt = moment.now;
        this.#effects.push({ kind: 'phase', phase: 'connecting', reason: 'start' });
        break;
      case 'tick':
        this.#tick(moment);
        break;
      case 'act':
        this.#act(event.ticket, event.act, moment.now + (event.timeoutMs ?? this.#options.limits.actMs));
        break;
      case 'welcome':
        this.#welcomed(event.welcome, moment);
        break;
      case 'heard':
        break;
      case 'command':
        if (this.#isDue(event.number, event.number, moment))
          this.#effects.push({ kind: 'apply', bytes: event.bytes });
        break;
      case 'frame':
        if (this.#isDue(event.frame.first, event.frame.last, moment))
          this.#effects.push({ kind: 'apply-frame', frame: event.frame });
        break;
      case 'snapshot':
        this.#snapshot(event.snapshot);
        break;
      case 'answer':
        this.#settle(this.#acts.answer(event.answer, this.#number, moment));
        break;
      case 'move-on':
        this.#leave(event.reason, moment);
        break;
      case 'lost':
        this.#lostConnection(event.reason, moment, event.refusal, event.retryAfterMs, true);
        break;
      case 'applied':
        if (event.number !== this.#number + 1)
          throw new Error(`session: command ${event.number} reported after ${this.#number}`);
        this.#applied(event.number, event.sequence, event.result, moment);
        break;
      case 'framed':
        // Which acts were in it, only their answers tell.
        this.#applied(event.number, 0, 'null', moment);
        break;
      case 'restored':
        this.#restored(event.number, moment);
        break;
      case 'fault':
        this.#fault(event.detail, moment);
        break;
      case 'close':
        this.#end('closed', 'the client closed the session');
        break;
    }
  }

  /** What follows from the state rather than from one event: dial, send, notice silence. */
  #pursue(moment: Moment): void {
    if (this.#connection === 0) {
      if (this.#dialAt !== null && this.#dialAt <= moment.now) this.#dial(moment.now);
      return;
    }
    if (!this.#greeted) return;
    for (const { sequence, act } of this.#acts.send(moment.now))
      this.#effects.push({ kind: 'send', connection: this.#connection, sequence, act });
  }

  #tick(moment: Moment): void {
    const late = moment.now - this.wakeAt();
    for (const settled of this.#acts.expire(moment.now)) this.#settle(settled);
    if (this.#connection === 0) return;
    const complaint = this.#complaint(moment.now, late > this.#options.limits.pingMs);
    if (complaint) this.#leave(complaint, moment);
    else if (this.#greeted && moment.now >= this.#pingAt()) {
      this.#pingedAt = moment.now;
      this.#effects.push({ kind: 'ping', connection: this.#connection });
    }
  }

  /** Why the connection of now is no good, or null. `overslept`: it was us who did nothing (a hidden tab, a stopped process). */
  #complaint(now: number, overslept: boolean): string | null {
    const { limits } = this.#options;
    if (!this.#greeted) {
      if (overslept) this.#dialledAt = now;
      return now >= this.#dialUntil() ? 'no welcome in time' : null;
    }
    // What the server said meanwhile may still lie unread; but one ping is all the grace there is.
    if (overslept && this.#pingedAt <= this.#heardAt) {
      this.#heardAt = now - limits.pingMs;
      return null;
    }
    if (now >= this.#heardAt + limits.silentMs) return 'no sign of life';
    if (now >= this.#stuckAt()) {
      this.#stuck++;
      return 'no answer to an act';
    }
    if (now < this.#behindUntil()) return null;
    this.#stayedBehind();
    return 'this server is behind what was seen before';
  }

  #act(ticket: number, act: Act, deadline: number): void {
    const refusal = this.#acts.add(ticket, act, deadline);
    if (refusal) this.#settle({ ticket, settlement: refusal });
  }

  #dial(now: number): void {
    this.#dialAt = null;
    this.#connection = ++this.#connections;
    this.#dialledAt = now;
    this.#heardAt = now;
    const from = this.#resumable ? this.#number + 1 : null;
    this.#effects.push({ kind: 'dial', connection: this.#connection, address: this.#address, from });
  }

  #welcomed(welcome: Welcome, moment: Moment): void {
    if (this.#greeted) {
      this.#leave('a second welcome', moment);
      return;
    }
    const first = this.#welcome === null;
    if (!first && welcome.session !== this.#welcome?.session) {
      // Acts sent under another name would be executed twice.
      this.#effects.push({ kind: 'hang-up', connection: this.#connection, consented: false });
      this.#lostConnection('the server took this client for another session', moment, 'unauthorized');
      return;
    }
    this.#welcome = welcome;
    this.#greeted = true;
    this.#refusals = 0;
    this.#scatter = moment.random;
    this.#acts.skipTo(first ? this.#before(welcome.sequence) : welcome.sequence);
    this.#behindSince = this.#resumable && welcome.number < this.#number ? moment.now : null;
    this.#setPhase('catching-up', `welcome by ${welcome.region}`);
    this.#checkLive(moment);
  }

  /** Sequences up to here may have been used before this client began, `executed` and whatever is still on its way. */
  #before(executed: number): number {
    const { resumedAt } = this.#options;
    return resumedAt === null
      ? executed
      : Math.max(executed + RESUME_GAP, Math.floor(resumedAt) * SEQUENCES_PER_MS);
  }

  /** These commands are the next; the machine is busy from now on. Old ones are passed over, a gap ends the connection. */
  #isDue(first: number, last: number, moment: Moment): boolean {
    // Before the first state there is S0, number 0: a server may as well send everything from 1.
    const startsHere = this.#resumable || (this.#forsaken === null && this.#number === 0);
    if (last <= this.#number && startsHere) return false;
    if (first !== this.#number + 1 || !startsHere) {
      this.#leave(`a gap: command ${first} came where ${this.#number + 1} was due`, moment);
      return false;
    }
    this.#busy = true;
    return true;
  }

  #snapshot(snapshot: S): void {
    // Older than what is here: the server lags behind and will send what follows, which is dropped until it is news.
    if (this.#resumable && snapshot.number <= this.#number) return;
    this.#busy = true;
    this.#effects.push({ kind: 'restore', snapshot });
  }

  #applied(number: number, sequence: number, result: string, moment: Moment): void {
    if (!this.#busy || number <= this.#number)
      throw new Error(`session: command ${number} reported after ${this.#number}`);
    this.#busy = false;
    this.#number = number;
    this.#resumable = true;
    this.#movedAt = moment.now;
    this.#progressed();
    for (const settled of this.#acts.applied(number, sequence, result)) this.#settle(settled);
    this.#checkLive(moment);
  }

  #restored(number: number, moment: Moment): void {
    if (!this.#busy) throw new Error(`session: snapshot ${number} reported, none was asked for`);
    this.#busy = false;
    const lost =
      this.#forsaken ?? (this.#resumable ? { after: this.#number, reason: 'compacted' as const } : null);
    this.#number = number;
    this.#resumable = true;
    this.#forsaken = null;
    this.#progressed();
    if (lost) this.#effects.push({ kind: 'resync', after: lost.after, number, reason: lost.reason });
    for (const settled of this.#acts.applied(number, 0, 'null')) this.#settle(settled);
    this.#checkLive(moment);
  }

  #fault(detail: string, moment: Moment): void {
    this.#busy = false;
    this.#giveUpState('diverged');
    if (this.#connection !== 0) this.#leave(detail, moment);
  }

  #giveUpState(reason: ResyncReason): void {
    this.#forsaken ??= { after: this.#number, reason };
    this.#resumable = false;
  }

  #progressed(): void {
    this.#behind = 0;
    this.#behindSince = null;
  }

  /** Every server being behind us means that the world lost commands: start over from what there is, and say so. */
  #stayedBehind(): void {
    if (++this.#behind < this.#options.addresses) return;
    this.#behind = 0;
    this.#giveUpState('rewound');
  }

  #checkLive(moment: Moment): void {
    if (!this.#greeted || this.#phase === 'live') return;
    // A world at 0 is its own snapshot: nothing need come.
    const current = this.#resumable ? this.#number >= this.#welcome!.number : this.#welcome!.number === 0;
    if (!current || this.#forsaken) return;
    this.#resumable = true;
    this.#liveAt = moment.now;
    this.#liveFrom = this.#number;
    this.#setPhase('live', `current at ${this.#number}`);
  }

  #pingAt(): number {
    return Math.max(this.#heardAt, this.#pingedAt) + this.#options.limits.pingMs;
  }

  #behindUntil(): number {
    return this.#behindSince === null ? Infinity : this.#behindSince + this.#options.limits.behindMs;
  }

  #dialUntil(): number {
    return this.#dialledAt + dialPatience(this.#options.limits, this.#failures);
  }

  /** A region where the world moves on is with its peers, and slow: it gets as much time again, then it may be deaf one way. */
  #stuckAt(): number {
    const since = this.#options.addresses > 1 ? this.#acts.waitingSince() : null;
    if (since === null) return Infinity;
    const patience = stuckPatience(this.#options.limits, this.#stuck, this.#scatter);
    return Math.min(Math.max(since, this.#movedAt), since + patience) + patience;
  }

  /** Hangs up and goes to the next address. */
  #leave(reason: string, moment: Moment): void {
    this.#effects.push({ kind: 'hang-up', connection: this.#connection, consented: false });
    this.#lostConnection(reason, moment);
  }

  /** Fewer commands than a busy world has, on average since this connection was current. */
  #isQuiet(now: number): boolean {
    if (this.#liveAt === null) return false;
    const allowed = (this.#options.limits.quietPerSecond * (now - this.#liveAt)) / 1_000;
    return this.#number - this.#liveFrom < allowed;
  }

  /** `broke`: it was not this client that gave it up. */
  #lostConnection(
    reason: string,
    moment: Moment,
    refusal?: string,
    retryAfterMs?: number,
    broke = false,
  ): void {
    const { limits, addresses } = this.#options;
    const stable = this.#liveAt !== null && moment.now - this.#liveAt >= limits.stableMs;
    // A first loss is nobody's failure yet: another region is there.
    const quiet = broke && stable && this.#isQuiet(moment.now);
    const pause = dialPause(limits, stable ? 0 : this.#failures, moment.random, retryAfterMs, quiet);
    this.#failures = stable ? 0 : this.#failures + 1;
    this.#connection = 0;
    this.#greeted = false;
    this.#liveAt = null;
    this.#behindSince = null;
    this.#acts.disconnected();
    if (refusal !== undefined && ++this.#refusals >= addresses) {
      this.#end(refusal, reason);
      return;
    }
    this.#address = (this.#address + 1) % addresses;
    this.#dialAt = moment.now + pause;
    this.#setPhase('connecting', reason);
  }

  #end(code: string, detail: string): void {
    if (this.#connection !== 0)
      this.#effects.push({ kind: 'hang-up', connection: this.#connection, consented: code === 'closed' });
    this.#connection = 0;
    for (const settled of this.#acts.abandon(code, detail)) this.#settle(settled);
    this.#effects.push({ kind: 'ended', code, detail });
    this.#setPhase('closed', detail);
  }

  #settle(settled: Settled | null): void {
    if (!settled) return;
    if (settled.settlement.kind === 'issued') this.#stuck = 0;
    this.#effects.push({ kind: 'settle', ...settled });
  }

  #setPhase(phase: Phase, reason: string): void {
    this.#phase = phase;
    this.#effects.push({ kind: 'phase', phase, reason });
  }
}

function refuseClosed<S extends CompleteSnapshot>(ticket: number): Effect<S> {
  const settlement = { kind: 'unavailable', code: 'closed', detail: 'the session is closed' } as const;
  return { kind: 'settle', ticket, settlement };
}
