/**
 * LS(p): the leader's copy of a world, M(p) plus the commands not yet issued, as an overlay [0071]. The only place where
 * game code runs for real. A function never changes it: what comes of one is a list of values, already in the form in which a
 * replica will read them (drafts check and round whatever is set), and only that is installed.
 */
import { decodeEnvelope, encodeEnvelope } from '../schemas/support/envelope.ts';
import { SchemaError } from '../schemas/support/errors.ts';
import type { Change, Digest } from '../schemas/support/types.ts';
import { isWellFormed } from '../schemas/support/utf8.ts';
import type { AnswerHash } from './answers.ts';
import { type LeaderFunction, type RunnableDefinition, runnable } from './definition.ts';
import { requireDigest, StateError } from './errors.ts';
import { CODE_LENGTH, COMMAND_BYTES, SESSION_NAME_LENGTH } from './limits.ts';
import { MadeCommands } from './made-commands.ts';
import { Overlay } from './overlay.ts';
import { SessionOverlay } from './session-overlay.ts';
import type { Session } from './sessions.ts';
import { changesOf, type WorldState } from './state.ts';
import { ACTION, applySystem, type SystemChange, type SystemTarget } from './system.ts';
import { clip } from './text.ts';
import type { TimerQueue } from './timers.ts';
import { failed, isVerdict, type Occasion, type Outcome, Transaction, type Verdict } from './transaction.ts';
import type { Call, Environment, Executed, LeaderStateLike, SessionView, TimerView } from './types.ts';

const NO_CHANGES: readonly Change[] = [];
const EMPTY: Digest = { low: 0, high: 0 };
const NOTHING: Executed = { kind: 'nothing', result: 'null' };
const NO_EFFECT: Outcome = { changes: NO_CHANGES, result: 'null', timersSet: [], timersCancelled: [] };

type ActionCall = Extract<Call, { kind: 'action' }>;

export class LeaderState implements LeaderStateLike, SystemTarget {
  version: number;
  born: number;
  time: number;
  readonly system: Digest;
  readonly timers: TimerQueue;
  private readonly state: WorldState;
  private readonly definition: RunnableDefinition;
  private readonly overlay: Overlay;
  private readonly sessionOverlay: SessionOverlay;
  private readonly transaction: Transaction;
  private readonly made = new MadeCommands();

  /** Stands where `state` stands now; `state` may go on only by commands of this leader state. */
  constructor(state: WorldState) {
    this.state = state;
    this.definition = runnable(state.definition);
    this.version = state.number;
    this.born = state.born;
    this.time = state.time;
    this.system = { low: state.system.low, high: state.system.high };
    this.timers = state.timers.copy();
    this.overlay = new Overlay(state);
    this.sessionOverlay = new SessionOverlay(state);
    this.transaction = new Transaction(this.overlay, this.timers, this.definition.timers);
    state.follow(this.made);
  }

  get digest(): Digest {
    return this.overlay.digest;
  }

  get systemDigest(): Digest {
    return this.system;
  }

  get overlaySize(): number {
    return this.overlay.open + this.sessionOverlay.open;
  }

  session(id: string): SessionView | undefined {
    return this.sessionOverlay.get(id);
  }

  sessions(): IterableIterator<SessionView> {
    return this.sessionOverlay.all();
  }

  nextTimer(): TimerView | undefined {
    return this.timers.next();
  }

  writableSession(id: string, number: number): Session {
    return this.sessionOverlay.writable(id, number);
  }

  dropSession(id: string, number: number): Session | undefined {
    return this.sessionOverlay.drop(id, number);
  }

  adopt(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes, true);
    const { number } = envelope;
    if (number !== this.version + 1)
      throw new StateError('gap', number, `the next one here is ${this.version + 1}`);
    if (envelope.precedent !== this.born)
      throw new StateError(
        'wrong-precedent',
        number,
        `its precedent is ${envelope.precedent}, here it is ${this.born}`,
      );
    const changes = changesOf(envelope, this.definition, true);
    this.overlay.apply(changes, number);
    const { origin } = envelope;
    this.advance({ ...envelope, region: origin?.region ?? -1, request: origin?.request ?? 0 }, envelope.born);
    requireDigest(number, "the tables'", this.overlay.digest, envelope.tables);
    requireDigest(number, "the system's", this.system, envelope.system);
  }

  /** The rest of a command whose row changes are in the overlay. */
  private advance(change: SystemChange, born: number): AnswerHash | null {
    const { number } = change;
    const hash = applySystem(this, change);
    this.version = number;
    this.born = born;
    return hash;
  }

  issued(number: number): void {
    if (number > this.version || number > this.state.number)
      throw new StateError('gap', number, `issued beyond ${Math.min(this.version, this.state.number)}`);
    this.overlay.sweep();
    this.sessionOverlay.sweep();
    if (number === this.version && this.state.number === number) this.requireEqual();
  }

  /** I9: with nothing open, LS and M are the same. */
  private requireEqual(): void {
    requireDigest(this.version, "LS's tables'", this.overlay.digest, this.state.digest);
    requireDigest(this.version, "LS's system's", this.system, this.state.systemDigest);
  }

  execute(call: Call, ballot: number, environment: Environment): Executed {
    switch (call.kind) {
      case 'action':
        return this.executeAction(call, ballot, environment);
      case 'join':
        return this.executeJoin(call.session, ballot, environment);
      case 'leave':
        return this.executeLeave(call.session, ballot, environment);
      case 'end':
        return this.executeEnd(call.session, ballot, environment);
      case 'tick':
        return this.executeTick(ballot, environment);
      case 'timer':
        return this.executeTimer(ballot, environment);
    }
  }

  private executeAction(call: ActionCall, ballot: number, environment: Environment): Executed {
    const { session: id, sequence } = call;
    if (!Number.isSafeInteger(sequence) || sequence < 1)
      return failed('bad-arguments', 'a sequence is a whole number from 1');
    const session = this.sessionOverlay.get(id);
    if (session !== undefined && sequence <= session.sequence) {
      const answer = session.answer(sequence);
      if (answer === 'settled')
        return failed('settled', `sequence ${sequence} is too old for its answer to be held`);
      if (answer !== undefined) return { kind: 'duplicate', answer };
      return failed(
        'out-of-order',
        `sequence ${session.sequence} is executed already, ${sequence} never was`,
      );
    }
    const action = this.definition.actions.get(call.action);
    if (action === undefined)
      return failed('no-such-action', `this world has no action '${clip(call.action, CODE_LENGTH)}'`);
    const full = session === undefined ? this.noPlaceFor(id) : undefined;
    if (full !== undefined) return full;
    let args: unknown;
    try {
      args = action.type.decode(call.args);
    } catch (error) {
      // Whatever bytes do to the decoder, it is the sender's fault and costs nobody else anything.
      return failed('bad-arguments', error instanceof SchemaError ? error.message : 'these are no arguments');
    }
    const occasion = this.occasion(call.action, id, environment, true);
    const outcome = this.transaction.execute(occasion, environment, action.run, args);
    if (isVerdict(outcome)) return outcome;
    if (isEmpty(outcome)) return { kind: 'nothing', result: outcome.result };
    return this.command(occasion, outcome, ballot, sequence, call.origin);
  }

  private noPlaceFor(id: string): Verdict | undefined {
    if (id === '' || id.length > SESSION_NAME_LENGTH || !isWellFormed(id))
      return failed('bad-arguments', 'this is no name of a session');
    const most = this.definition.maxSessions;
    return this.sessionOverlay.count < most
      ? undefined
      : failed('overloaded', `the world holds ${most} sessions`);
  }

  private executeJoin(id: string, ballot: number, environment: Environment): Executed {
    const { definition } = this;
    if (!definition.hasJoin && !definition.hasLeave) return NOTHING;
    const session = this.sessionOverlay.get(id);
    if (session?.joined === true) return NOTHING;
    const full = session === undefined ? this.noPlaceFor(id) : undefined;
    if (full !== undefined) return full;
    const occasion = this.occasion(ACTION.join, id, environment);
    let outcome: Outcome | Verdict = NO_EFFECT;
    if (definition.join !== undefined) {
      outcome = this.transaction.execute(occasion, environment, definition.join, undefined);
      if (isVerdict(outcome)) return outcome;
    }
    return this.command(occasion, outcome, ballot);
  }

  private executeLeave(id: string, ballot: number, environment: Environment): Executed {
    const session = this.sessionOverlay.get(id);
    if (session?.joined !== true) return NOTHING;
    const occasion = this.occasion(ACTION.leave, id, environment);
    return this.must(occasion, this.definition.leave, undefined, ballot, environment);
  }

  /** A session that is still joined leaves in the same command. */
  private executeEnd(id: string, ballot: number, environment: Environment): Executed {
    const session = this.sessionOverlay.get(id);
    if (session === undefined) return NOTHING;
    const occasion = this.occasion(ACTION.end, id, environment);
    const leave = session.joined ? this.definition.leave : undefined;
    return this.must(occasion, leave, undefined, ballot, environment);
  }

  private executeTick(ballot: number, environment: Environment): Executed {
    const { tick } = this.definition;
    if (tick === undefined) return NOTHING;
    const occasion = this.occasion(ACTION.tick, '', environment);
    const outcome = this.transaction.execute(occasion, environment, tick, undefined);
    if (isVerdict(outcome)) return outcome;
    return isEmpty(outcome) ? NOTHING : this.command(occasion, outcome, ballot);
  }

  private executeTimer(ballot: number, environment: Environment): Executed {
    const timer = this.timers.next();
    if (timer === undefined || timer.due > this.clock(environment)) return NOTHING;
    const occasion = this.occasion(ACTION.timer, '', environment, false, timer);
    const run = this.definition.timers.get(timer.name);
    if (run === undefined) environment.log('no such timer any more', { timer: timer.name });
    return this.must(occasion, run, JSON.parse(timer.args), ballot, environment);
  }

  /**
   * Leaves, ends and due timers are commands whatever their function does: one that throws, refuses or goes past a bound has no
   * other effect, but must not hold up what comes after it for ever.
   */
  private must(
    occasion: Occasion,
    run: LeaderFunction | undefined,
    args: unknown,
    ballot: number,
    environment: Environment,
  ): Executed {
    if (run === undefined) return this.command(occasion, NO_EFFECT, ballot);
    const outcome = this.transaction.execute(occasion, environment, run, args);
    const executed = isVerdict(outcome) ? outcome : this.command(occasion, outcome, ballot);
    if (executed.kind === 'command') return executed;
    const { name } = occasion;
    // What threw is in the log already.
    if ('code' in executed && executed.code !== 'internal')
      environment.log('function without effect', {
        function: name,
        code: executed.code,
        detail: executed.detail,
      });
    return this.command(occasion, NO_EFFECT, ballot);
  }

  /** World time: the host's, but never before the last command's. Whole milliseconds. */
  private clock(environment: Environment): number {
    const now = Math.trunc(environment.now);
    return Number.isSafeInteger(now) ? Math.max(now, this.time) : this.time;
  }

  private occasion(
    action: string,
    session: string,
    environment: Environment,
    answers = false,
    timer?: TimerView,
  ): Occasion {
    return {
      action,
      name: timer === undefined ? action : timer.name,
      session,
      answers,
      number: this.version + 1,
      now: this.clock(environment),
      firing: timer === undefined ? 0 : timer.id,
    };
  }

  /** Makes the command, installs it, and encodes it once. */
  private command(
    occasion: Occasion,
    outcome: Outcome,
    ballot: number,
    sequence = 0,
    origin: ActionCall['origin'] | null = null,
  ): Executed {
    const { schema } = this.definition;
    const { number } = occasion;
    const delta = outcome.changes.length === 0 ? null : schema.encodeDelta(outcome.changes);
    if (delta !== null && delta.length > COMMAND_BYTES)
      return failed('too-large', `${delta.length} bytes of changes; at most ${COMMAND_BYTES} are allowed`);
    const { overlay, system } = this;
    const { result, changes } = outcome;
    const envelope = {
      number,
      born: ballot,
      precedent: this.born,
      time: occasion.now,
      session: occasion.session,
      sequence,
      origin,
      region: origin === null ? -1 : origin.region,
      request: origin === null ? 0 : origin.request,
      action: occasion.action,
      result,
      delta,
      timersSet: outcome.timersSet,
      timerFired: occasion.firing,
      timersCancelled: outcome.timersCancelled,
      changes,
      hash: null as AnswerHash | null,
      tables: EMPTY,
      system: EMPTY,
    };
    overlay.install(changes, number);
    envelope.hash = this.advance(envelope, ballot);
    envelope.tables = { low: overlay.digest.low, high: overlay.digest.high };
    envelope.system = { low: system.low, high: system.high };
    const bytes = encodeEnvelope(envelope);
    // Its bytes are the command now; only what it changed is of use to the replica.
    envelope.delta = null;
    this.made.add(envelope);
    return { kind: 'command', number, bytes, result };
  }
}

function isEmpty(outcome: Outcome): boolean {
  return (
    outcome.changes.length === 0 && outcome.timersSet.length === 0 && outcome.timersCancelled.length === 0
  );
}
