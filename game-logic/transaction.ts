/**
 * Runs one function on an overlay and says what came of it. The overlay is only read: whoever asked decides what becomes
 * of the changes. So a refusal or a throw leaves no trace, on the leader and in a client's prediction alike.
 */
import type { Change } from '../schemas/support/types.ts';
import type { AnyContext, LeaderFunction } from './definition.ts';
import { type Json, JsonError, jsonText } from './json.ts';
import {
  CODE_LENGTH,
  COMMAND_BYTES,
  DETAIL_LENGTH,
  JSON_DEPTH,
  LOG_LENGTH,
  RESULT_LENGTH,
  ROWS_PER_COMMAND,
  ROWS_PER_WORLD,
  TIMER_AHEAD_MS,
  TIMER_ARGS_LENGTH,
  TIMERS_PER_COMMAND,
  TIMERS_PER_WORLD,
} from './limits.ts';
import type { Overlay } from './overlay.ts';
import { clip } from './text.ts';
import type { Environment, TimerView } from './types.ts';
import { type TransactionGate, TransactionTable } from './writable-table.ts';

/** A no, from the function (`refused`) or the framework (`failed`); see Executed. */
export interface Verdict {
  readonly kind: 'refused' | 'failed';
  readonly code: string;
  readonly detail: string;
}

/** What a function did. The arrays are fresh: the caller keeps them. */
export interface Outcome {
  /** Rows are whole, those of patches too. */
  readonly changes: readonly Change[];
  /** JSON text. */
  readonly result: string;
  readonly timersSet: readonly TimerView[];
  readonly timersCancelled: readonly number[];
}

/** What a function's timers are checked against. */
export interface TimerSource {
  readonly size: number;
  get(id: number): TimerView | undefined;
}

/** The call a function runs for. */
export interface Occasion {
  /** The command's action. */
  readonly action: string;
  /** As logs name it: a timer by its own name. */
  readonly name: string;
  readonly session: string;
  /** Somebody waits for what it returns; otherwise that is let fall. */
  readonly answers: boolean;
  /** Number of the command it may become; makes timer ids. */
  readonly number: number;
  readonly now: number;
  /** The timer that this very command removes; 0: none. */
  readonly firing: number;
}

/** Thrown through the function's code by refuse and its kin. */
const STOP = { stop: 'the function was ended by its context; rethrow what you did not throw yourself' };
const NOTHING: readonly never[] = [];
/** So many of the largest rows can be encoded before their bytes are counted. */
const FEW_CHANGES = 8;

export class Transaction implements TransactionGate {
  private readonly overlay: Overlay;
  private readonly timers: TimerSource;
  private readonly timerNames: ReadonlyMap<string, unknown>;
  private readonly context: MutableContext;
  private readonly touched: TransactionTable[] = [];
  private open = false;
  private occasion: Occasion = NO_OCCASION;
  private environment: Environment = NO_ENVIRONMENT;
  /** Once there is one it stands, even if the function caught what was thrown. */
  private verdict: Verdict | undefined;
  private timersSet: TimerView[] = [];
  private timersCancelled: number[] = [];
  private timersMade = 0;

  constructor(overlay: Overlay, timers: TimerSource, timerNames: ReadonlyMap<string, unknown>) {
    this.overlay = overlay;
    this.timers = timers;
    this.timerNames = timerNames;
    this.context = this.makeContext();
  }

  /** Runs `run(ctx, args)`. Never throws for what the function does. */
  execute(
    occasion: Occasion,
    environment: Environment,
    run: LeaderFunction,
    args: unknown,
  ): Outcome | Verdict {
    this.begin(occasion, environment);
    try {
      const returned = run(this.context as unknown as AnyContext, args);
      const result = this.resultOf(returned);
      return this.verdict ?? this.outcome(result);
    } catch (thrown) {
      return this.verdict ?? this.broken(thrown, args);
    } finally {
      this.end();
    }
  }

  private begin(occasion: Occasion, environment: Environment): void {
    this.occasion = occasion;
    this.environment = environment;
    this.context.now = occasion.now;
    this.context.session = occasion.session;
    this.verdict = undefined;
    this.timersMade = 0;
    this.open = true;
  }

  private end(): void {
    this.open = false;
    // One by one: setting an array's length is a slow path of the engine.
    for (let table = this.touched.pop(); table !== undefined; table = this.touched.pop()) table.clear();
    this.environment = NO_ENVIRONMENT;
    if (this.timersSet.length > 0) this.timersSet = [];
    if (this.timersCancelled.length > 0) this.timersCancelled = [];
  }

  private outcome(result: string): Outcome | Verdict {
    const changes: Change[] = [];
    for (let i = 0; i < this.touched.length; i++) this.touched[i]!.collect(changes);
    if (changes.length > ROWS_PER_COMMAND)
      return failed('too-large', `${changes.length} rows changed; at most ${ROWS_PER_COMMAND} are allowed`);
    if (changes.length > FEW_CHANGES && textIn(changes) > COMMAND_BYTES)
      return failed('too-large', `more than ${COMMAND_BYTES} bytes of changes`);
    if (!this.overlay.hasRoom(this.growth()))
      return failed('overloaded', `the world holds ${ROWS_PER_WORLD} rows`);
    return {
      changes,
      result,
      timersSet: this.timersSet.length === 0 ? NOTHING : this.timersSet,
      timersCancelled: this.timersCancelled.length === 0 ? NOTHING : this.timersCancelled,
    };
  }

  private growth(): number {
    let growth = 0;
    for (const table of this.touched) growth += table.growth;
    return growth;
  }

  /** The function's answer as JSON text; a fault in it is the function's fault. */
  private resultOf(returned: unknown): string {
    if (returned === undefined) return 'null';
    if (isThenable(returned)) {
      silence(returned);
      throw new TypeError(
        'it returned a promise; leader functions are synchronous, do not use await in them',
      );
    }
    if (!this.occasion.answers) return 'null';
    const text = jsonText(returned, JSON_DEPTH);
    if (text.length > RESULT_LENGTH)
      this.verdict ??= failed(
        'too-large',
        `a result of ${text.length} characters; at most ${RESULT_LENGTH} are allowed`,
      );
    return text;
  }

  /** The function threw, or returned what cannot be: a bug in it. Logged here, told to the player as `internal` only. */
  private broken(thrown: unknown, args: unknown): Verdict {
    const { name, session } = this.occasion;
    const said =
      thrown instanceof JsonError ? `its result cannot be sent: ${thrown.message}` : describe(thrown);
    this.environment.log('function threw', {
      function: name,
      session,
      arguments: clip(safeText(args), LOG_LENGTH),
      error: clip(said, LOG_LENGTH),
    });
    return failed('internal', 'the function failed; the server has logged why');
  }

  private makeContext(): MutableContext {
    const world: { [name: string]: TransactionTable } = Object.create(null);
    for (const table of this.overlay.all()) world[table.type.name] = new TransactionTable(table, this);
    return {
      world: Object.freeze(world),
      now: 0,
      session: '',
      random: () => this.running().random(),
      log: (message, fields) => this.running().log(message, fields),
      refuse: (code, detail = '') =>
        this.stop({
          kind: 'refused',
          code: clip(String(code), CODE_LENGTH),
          detail: clip(String(detail), DETAIL_LENGTH),
        }),
      badArguments: (detail) => this.stop(failed('bad-arguments', clip(String(detail), DETAIL_LENGTH))),
      after: (ms, name, args) => this.after(ms, name, args),
      cancel: (timer) => this.cancel(timer),
    };
  }

  requireOpen(): void {
    if (!this.open) throw new Error('the function has ended; its context and rows cannot be used any more');
  }

  private running(): Environment {
    this.requireOpen();
    return this.environment;
  }

  enlist(table: TransactionTable): void {
    this.touched.push(table);
  }

  private stop(verdict: Verdict): never {
    this.requireOpen();
    this.verdict ??= verdict;
    throw STOP;
  }

  private after(ms: number, name: string, args: Json | undefined): number {
    this.requireOpen();
    if (!this.timerNames.has(name))
      throw new TypeError(`there is no timer '${name}' in this world's definition`);
    if (!(ms >= 0 && ms <= TIMER_AHEAD_MS))
      throw new RangeError(`a timer in ${ms} ms; 0 to ${TIMER_AHEAD_MS} are allowed`);
    const text = jsonText(args, JSON_DEPTH);
    if (text.length > TIMER_ARGS_LENGTH)
      this.stop(failed('too-large', `timer '${name}' has too long arguments`));
    if (this.timersMade === TIMERS_PER_COMMAND)
      this.stop(failed('too-large', `more than ${TIMERS_PER_COMMAND} timers set at once`));
    const { number, now, firing } = this.occasion;
    const pending =
      this.timers.size + this.timersSet.length - this.timersCancelled.length - (firing === 0 ? 0 : 1);
    if (pending >= TIMERS_PER_WORLD)
      this.stop(failed('overloaded', `more than ${TIMERS_PER_WORLD} timers pending`));
    const id = number * TIMERS_PER_COMMAND + this.timersMade++;
    this.timersSet.push({ id, due: now + Math.ceil(ms), name, args: text });
    return id;
  }

  private cancel(timer: number): boolean {
    this.requireOpen();
    const place = this.timersSet.findIndex((set) => set.id === timer);
    if (place >= 0) {
      this.timersSet.splice(place, 1);
      return true;
    }
    if (timer === this.occasion.firing || this.timers.get(timer) === undefined) return false;
    if (this.timersCancelled.includes(timer)) return false;
    this.timersCancelled.push(timer);
    return true;
  }
}

/** FunctionContext as the transaction fills it, per call. */
interface MutableContext {
  readonly world: { readonly [name: string]: TransactionTable };
  now: number;
  session: string;
  readonly random: () => number;
  readonly log: (message: string, fields?: object) => void;
  readonly refuse: (code: string, detail?: string) => never;
  readonly badArguments: (detail: string) => never;
  readonly after: (ms: number, name: string, args?: Json) => number;
  readonly cancel: (timer: number) => boolean;
}

const NO_OCCASION: Occasion = {
  action: '',
  name: '',
  session: '',
  answers: false,
  number: 0,
  now: 0,
  firing: 0,
};
const NO_ENVIRONMENT: Environment = { now: 0, random: () => 0, log: () => {} };

export function failed(code: string, detail: string): Verdict {
  return { kind: 'failed', code, detail };
}

/** Tells an outcome from a no. */
export function isVerdict(outcome: Outcome | Verdict): outcome is Verdict {
  return 'kind' in outcome;
}

/** UTF-16 units of text that the changes carry: no more than their bytes. */
function textIn(changes: readonly Change[]): number {
  let units = 0;
  for (const { table, row, mask = -1 } of changes) {
    if (row === undefined) continue;
    for (let i = 0; i < table.fields.length; i++) {
      const value = (mask & (1 << i)) === 0 ? undefined : row[table.fields[i]!.name];
      if (typeof value === 'string') units += value.length;
    }
  }
  return units;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** What a promise does later must not end the process; its context is closed to it. */
function silence(promise: PromiseLike<unknown>): void {
  try {
    promise.then(undefined, () => {});
  } catch {
    // Not even a promise: its author is told so all the same.
  }
}

function describe(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.stack ?? `${thrown.name}: ${thrown.message}`;
  return `it threw ${safeText(thrown)}`;
}

function safeText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return '(not JSON)';
  }
}
