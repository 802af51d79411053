import type {
  Environment,
  Executed,
  LeaderStateLike,
  WorldDefinition,
  WorldStateLike,
} from '../../game-logic/types.ts';
import type { Command } from '../consensus/types.ts';
import {
  LEADER_CLOSED_ANSWERS,
  LEADER_FAILURE_PAUSE_MS,
  LEADER_QUEUE_PER_REGION,
  LEADER_TURN_BYTES,
  LEADER_TURN_FUNCTIONS,
  LEADER_TURN_MS,
  LEADER_TURN_PRESENCE,
  LEADER_TURN_TIMERS,
  PRESENCE_GRACE_MS,
  PRESENCE_STALE_MS,
  REST_TIMER_LOOK_MS,
  SESSION_IDLE_MS,
  SESSION_SWEEP_MS,
  SESSION_SWEEP_ON_MS,
} from '../limits.ts';
import { Answers } from './answers.ts';
import { Batch } from './batch.ts';
import { Presence } from './presence.ts';
import { ActionQueue } from './queue.ts';
import { TickSchedule } from './schedule.ts';
import { settlingCommand } from './settling.ts';
import type { ActionRequest, Reply, Tip } from './types.ts';

export interface LeaderOptions {
  readonly definition: WorldDefinition;
  /** How many region servers there are. */
  readonly regions: number;
  /** LS := M(upTo). */
  readonly leaderState: (state: WorldStateLike) => LeaderStateLike;
  readonly limits?: Partial<LeaderLimits>;
}

export interface LeaderLimits {
  readonly queuePerRegion: number;
  readonly turnFunctions: number;
  readonly turnBytes: number;
  readonly turnMs: number;
  readonly closedAnswers: number;
  readonly graceMs: number;
  readonly staleMs: number;
  readonly sessionIdleMs: number;
}

/** What a turn of the leader is given: the time, chance, and how many commands the window still takes. */
export interface LeaderTurn extends Environment {
  /** The host's monotonic clock, ms. `Environment.now` is its wall clock. */
  readonly clock: number;
  readonly room: number;
  /** Milliseconds since this turn began; 0 where time stands still. */
  elapsed(): number;
}

export interface LeaderTurnResult {
  /** To be proposed, consecutive; their bytes lie side by side. */
  readonly commands: readonly Command[];
  /** Ask consensus for proof of the leadership with this token. */
  readonly confirm: number | undefined;
  /** Work was left for the next turn that needs nothing but a turn. */
  readonly more: boolean;
}

/** A no that holds on every leader state. */
const ABSOLUTE: ReadonlySet<string> = new Set(['bad-arguments', 'no-such-action']);
const IDLE: LeaderTurnResult = { commands: [], confirm: undefined, more: false };

/** What exists only while leading, and dies with it (R12). */
interface Leadership {
  readonly ballot: number;
  readonly state: LeaderStateLike;
  readonly answers: Answers;
  tip: Tip;
  issued: number;
  confirmed: number;
  /** Number of the first command made in this leadership. */
  first: number | undefined;
}

/**
 * Takes actions, runs functions on LS(p) and decides which answers may leave (R7, section 8). Pure: what it is told comes in
 * by its methods, what it wants said waits in `takeReplies`.
 */
export class Leader {
  private readonly options: LeaderOptions;
  private readonly limits: LeaderLimits;
  private readonly queue: ActionQueue;
  private readonly presence: Presence;
  private readonly ticks: TickSchedule;
  private readonly needsJoin: boolean;
  private current: Leadership | null = null;
  /** The ballot whose actions are taken: that of the leadership, or of one that is being prepared; 0: none. */
  private accepting = 0;
  private replies: Reply[] = [];
  private token = 0;
  /** Something waits for a confirm token that was not asked for yet. */
  private unconfirmed = false;
  private timersFrom = 0;
  private sweepAt = 0;
  private idle: string[] = [];

  constructor(options: LeaderOptions) {
    const { definition, regions } = options;
    this.options = options;
    this.limits = {
      queuePerRegion: LEADER_QUEUE_PER_REGION,
      turnFunctions: LEADER_TURN_FUNCTIONS,
      turnBytes: LEADER_TURN_BYTES,
      turnMs: LEADER_TURN_MS,
      closedAnswers: LEADER_CLOSED_ANSWERS,
      graceMs: PRESENCE_GRACE_MS,
      staleMs: PRESENCE_STALE_MS,
      sessionIdleMs: SESSION_IDLE_MS,
      ...options.limits,
    };
    this.queue = new ActionQueue(regions, this.limits.queuePerRegion);
    this.presence = new Presence(regions, this.limits);
    this.ticks = new TickSchedule(definition.tickEveryMs);
    this.needsJoin = definition.hasJoin || definition.hasLeave;
  }

  /** The ballot of the leadership; 0 if there is none. */
  get ballot(): number {
    return this.current?.ballot ?? 0;
  }

  get accepts(): number {
    return this.accepting;
  }

  get queued(): number {
    return this.queue.size;
  }

  /** Number of the last command in LS; meaningful only while leading. */
  get version(): number {
    return this.current?.state.version ?? 0;
  }

  get state(): LeaderStateLike | undefined {
    return this.current?.state;
  }

  /** A ballot is being prepared: its actions may wait here. */
  prepare(ballot: number): void {
    if (this.accepting !== 0) throw new Error(`prepare ${ballot} while accepting for ${this.accepting}`);
    this.accepting = ballot;
  }

  /** R5: LS is M with the chain applied. `state` must stand at the number before the chain. */
  activate(ballot: number, state: WorldStateLike, chain: readonly Command[], clock: number): void {
    if (this.current !== null || (this.accepting !== 0 && this.accepting !== ballot))
      throw new Error(`ballot ${ballot} active while ${this.accepting} is`);
    const first = chain[0];
    if (first !== undefined && first.number !== state.number + 1)
      throw new Error(`chain starts at ${first.number}, the replica stands at ${state.number}`);
    const leaderState = this.options.leaderState(state);
    let tip: Tip = { number: state.number, born: state.born };
    for (const command of chain) {
      leaderState.adopt(command.bytes);
      tip = { number: command.number, born: command.born };
    }
    this.accepting = ballot;
    this.current = {
      ballot,
      state: leaderState,
      answers: new Answers(this.limits.closedAnswers),
      tip,
      issued: state.number,
      confirmed: 0,
      first: undefined,
    };
    this.ticks.start(clock);
    this.timersFrom = clock;
    // As soon as it is known who is there: leaders may change more often than sweeps are due.
    this.sweepAt = clock + this.limits.staleMs;
    this.presence.start(leaderState, clock);
  }

  /**
   * The leadership, or the preparation of one, is over (R12): requests that were not run may be told so, the others are
   * told nothing. Returns replies in the name of `accepts`, which is 0 from now on.
   */
  deposed(): Reply[] {
    this.current = null;
    this.accepting = 0;
    this.replies = [];
    this.unconfirmed = false;
    this.idle = [];
    return this.queue.clear().map(({ region, request }) => ({ region, request, outcome: 'not-leader' }));
  }

  /** An action from a region, meant for the ballot in `accepts`. */
  submit(request: ActionRequest, clock: number): void {
    if (this.queue.has(request)) return;
    const known = this.current?.answers.known(request);
    if (known === 'wait') return;
    if (known !== undefined) {
      this.replies.push(known);
      return;
    }
    if (this.needsJoin) this.presence.acted(request.session, clock);
    if (this.queue.add(request)) return;
    const answer = this.current?.state.session(request.session)?.answer(request.sequence);
    if (typeof answer === 'object') this.answer(request, { kind: 'duplicate', answer });
    else {
      const { region, request: name } = request;
      const detail = 'the leader has too much to do';
      this.close({ region, request: name, outcome: 'failed', code: 'overloaded', detail });
    }
  }

  /** A linearizable read: every number that anyone may have been told of is in LS. */
  read(region: number, request: number): void {
    if (this.current === null) return;
    const { answers, state } = this.current;
    if (answers.full) return;
    answers.hold({ region, request, outcome: 'read', number: state.version }, state.version, this.token + 1);
    this.unconfirmed = true;
  }

  report(region: number, sessions: readonly string[], left: readonly string[], clock: number): void {
    this.presence.report(region, sessions, left, clock);
  }

  /** M has applied commands up to `number`. */
  issued(number: number): void {
    const { current } = this;
    if (current === null) return;
    for (let at = current.issued + 1; at <= number; at++) current.answers.issued(at, this.replies);
    current.issued = number;
    current.state.issued(number);
    this.release();
  }

  /** A majority confirmed this leadership after token `token` was handed out. */
  confirmed(token: number): void {
    if (this.current === null) return;
    this.current.confirmed = Math.max(this.current.confirmed, token);
    this.release();
  }

  /**
   * When a turn has something to do if nothing comes before, by the host's monotonic clock: -Infinity for now, Infinity for never.
   * `wall` is the wall clock at `clock`.
   */
  dueAt(clock: number, wall: number): number {
    const { current } = this;
    if (current === null) return this.accepting === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    const busy =
      this.queue.size > 0 || this.idle.length > 0 || this.unconfirmed || current.answers.waiting > 0;
    if (busy || this.replies.length > 0) return Number.NEGATIVE_INFINITY;
    const timerAt = clock + this.untilTimer(current.state, wall);
    // A world that nobody ever entered has no sessions that could end.
    const sweepAt = current.state.sessions().next().done ? Number.POSITIVE_INFINITY : this.sweepAt;
    return Math.min(Math.max(timerAt, this.timersFrom), sweepAt, this.ticks.dueAt, this.presence.dueAt());
  }

  /** Milliseconds; the same rule as in `runTimers`, but for clocks that are set. */
  private untilTimer(state: LeaderStateLike, wall: number): number {
    const timer = state.nextTimer();
    if (timer === undefined) return Number.POSITIVE_INFINITY;
    return timer.due <= state.time ? 0 : Math.min(timer.due - wall, REST_TIMER_LOOK_MS);
  }

  /** Replies that may leave now, in the name of `accepts`. */
  takeReplies(): Reply[] {
    const { replies } = this;
    if (replies.length > 0) this.replies = [];
    return replies;
  }

  /** One turn: runs what is due and what is queued, within the window and the bounds of a turn (R7, R8). */
  run(turn: LeaderTurn): LeaderTurnResult {
    const { current } = this;
    if (current === null) return IDLE;
    const batch = new Batch(current.ballot, current.tip.born);
    this.presence.expire(turn.clock);
    this.sweep(current, turn);
    this.runPresence(current, turn, batch);
    this.runTimers(current, turn, batch);
    this.runTick(current, turn, batch);
    const more = this.runActions(current, turn, batch);
    this.settle(current, turn, batch);
    const confirm = this.unconfirmed ? ++this.token : undefined;
    this.unconfirmed = false;
    return batch.size === 0 && confirm === undefined && !more
      ? IDLE
      : { commands: batch.commands(), confirm, more };
  }

  private execute(
    { state, ballot }: Leadership,
    turn: LeaderTurn,
    batch: Batch,
    call: Parameters<LeaderStateLike['execute']>[0],
  ): Executed {
    const executed = state.execute(call, ballot, turn);
    if (executed.kind === 'command') this.made(executed.number, executed.bytes, batch);
    return executed;
  }

  private made(number: number, bytes: Uint8Array, batch: Batch): void {
    const current = this.current as Leadership;
    if (number !== current.tip.number + 1)
      throw new Error(`the leader state made number ${number} after ${current.tip.number}`);
    current.tip = { number, born: current.ballot };
    current.first ??= number;
    batch.add(number, bytes);
  }

  private runPresence(current: Leadership, turn: LeaderTurn, batch: Batch): void {
    for (let done = 0; done < LEADER_TURN_PRESENCE && batch.size < turn.room; done++) {
      const call = this.presenceCall(current.state, turn.clock);
      if (call === undefined) return;
      this.execute(current, turn, batch, call);
    }
  }

  private presenceCall(
    state: LeaderStateLike,
    clock: number,
  ): { kind: 'join' | 'leave' | 'end'; session: string } | undefined {
    const joined = (session: string) => state.session(session)?.joined === true;
    for (;;) {
      const session = this.presence.nextArrived();
      if (session === undefined) break;
      if (this.needsJoin && !joined(session)) return { kind: 'join', session };
    }
    for (;;) {
      const session = this.presence.nextLeaving(clock);
      if (session === undefined) break;
      if (joined(session) && !this.presence.connected(session)) return { kind: 'leave', session };
    }
    for (;;) {
      const session = this.idle.pop();
      if (session === undefined) return undefined;
      if (state.session(session)?.joined === false && !this.presence.connected(session))
        return { kind: 'end', session };
    }
  }

  /** Looks for sessions that left and whose tokens are long dead, a bounded number at a time. */
  private sweep({ state }: Leadership, turn: LeaderTurn): void {
    if (turn.clock < this.sweepAt || this.idle.length > 0) return;
    this.sweepAt = turn.clock + SESSION_SWEEP_MS;
    for (const session of state.sessions()) {
      if (this.idle.length >= LEADER_TURN_PRESENCE) {
        this.sweepAt = turn.clock + SESSION_SWEEP_ON_MS;
        return;
      }
      const idle = !session.joined && turn.now - session.time > this.limits.sessionIdleMs;
      if (idle && !this.presence.connected(session.id)) this.idle.push(session.id);
    }
  }

  private runTimers(current: Leadership, turn: LeaderTurn, batch: Batch): void {
    if (turn.clock < this.timersFrom) return;
    for (let done = 0; done < LEADER_TURN_TIMERS && batch.size < turn.room; done++) {
      const next = current.state.nextTimer();
      if (next === undefined || next.due > Math.max(turn.now, current.state.time)) return;
      if (turn.elapsed() > this.limits.turnMs) return;
      if (this.execute(current, turn, batch, { kind: 'timer' }).kind === 'command') continue;
      // It is still there and would come up again at once.
      this.timersFrom = turn.clock + LEADER_FAILURE_PAUSE_MS;
      return;
    }
  }

  private runTick(current: Leadership, turn: LeaderTurn, batch: Batch): void {
    if (!this.ticks.due(turn.clock) || batch.size >= turn.room) return;
    const { kind } = this.execute(current, turn, batch, { kind: 'tick' });
    this.ticks.ran(turn.clock);
    if (kind === 'failed') this.ticks.pause(turn.clock, LEADER_FAILURE_PAUSE_MS);
  }

  /** True if actions were left although the window has room. At least one is run in each turn, however slow the rest. */
  private runActions(current: Leadership, turn: LeaderTurn, batch: Batch): boolean {
    const { turnFunctions, turnBytes, turnMs } = this.limits;
    for (let done = 0; ; done++) {
      const request = this.queue.peek();
      if (request === undefined) return false;
      if (batch.size >= turn.room || current.answers.full) return false;
      if (done >= turnFunctions || batch.bytes >= turnBytes) return true;
      if (done > 0 && turn.elapsed() > turnMs) return true;
      const joining = this.joinFirst(current, turn, batch, request);
      if (joining === undefined && batch.size >= turn.room) return false;
      this.queue.shift();
      this.answer(request, joining ?? this.act(current, turn, batch, request));
    }
  }

  /** Joins the session of an action where that is due; what to answer if it may not join. */
  private joinFirst(
    current: Leadership,
    turn: LeaderTurn,
    batch: Batch,
    { session, sequence }: ActionRequest,
  ): Executed | undefined {
    if (!this.needsJoin) return undefined;
    const view = current.state.session(session);
    if (view !== undefined && (view.joined || view.answer(sequence) !== undefined)) return undefined;
    const executed = this.execute(current, turn, batch, { kind: 'join', session });
    if (executed.kind === 'refused' || executed.kind === 'failed') return executed;
    // It may have said good-bye while its action waited: present from now on, it can be missed again.
    this.presence.acted(session, turn.clock);
    return undefined;
  }

  private act(current: Leadership, turn: LeaderTurn, batch: Batch, request: ActionRequest): Executed {
    const { session, sequence, action, args, region } = request;
    const origin = { region, request: request.request };
    return this.execute(current, turn, batch, { kind: 'action', session, sequence, action, args, origin });
  }

  private answer(request: ActionRequest, executed: Executed): void {
    const current = this.current as Leadership;
    const to = { region: request.region, request: request.request };
    if (executed.kind === 'command') return;
    if (executed.kind === 'duplicate') {
      const { answer } = executed;
      const reply: Reply = { ...to, outcome: 'duplicate', answer };
      if (answer.number <= current.issued) this.replies.push(reply);
      else current.answers.attach(answer.number, reply);
      return;
    }
    const number = current.state.version;
    const reply: Reply =
      executed.kind === 'nothing'
        ? { ...to, outcome: 'nothing', number, result: executed.result }
        : { ...to, outcome: executed.kind, code: executed.code, detail: executed.detail };
    if (executed.kind === 'failed' && ABSOLUTE.has(executed.code)) this.close(reply);
    else {
      current.answers.hold(reply, number, this.token + 1);
      this.unconfirmed = true;
    }
  }

  private close(reply: Reply): void {
    this.replies.push(reply);
    this.current?.answers.close(reply);
  }

  /** Makes the one command of its own that the first no of a leadership waits for; see Answers.release. */
  private settle(current: Leadership, turn: LeaderTurn, batch: Batch): void {
    if (current.first !== undefined || batch.size >= turn.room || !current.answers.negatives) return;
    const bytes = settlingCommand(current.state, current.tip, current.ballot);
    current.state.adopt(bytes);
    this.made(current.tip.number + 1, bytes, batch);
  }

  private release(): void {
    const current = this.current as Leadership;
    const own = current.first !== undefined && current.first <= current.issued;
    current.answers.release(current.issued, current.confirmed, own, this.replies);
  }
}
