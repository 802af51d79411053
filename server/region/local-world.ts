import { WorldState } from '../../game-logic/state.ts';
import { ballotToJson } from '../../game-logic/to-json.ts';
import type { WorldDefinition, WorldStateLike } from '../../game-logic/types.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { ThroughlineError } from '../errors.ts';
import {
  ACTION_DEADLINE_MS,
  APPLIED_WAITERS,
  REPLAY_BYTES,
  TIME_MACHINE_CHECKPOINTS,
  TIME_MACHINE_QUEUE,
  TIME_MACHINE_REPLAYS,
} from '../limits.ts';
import { TimeMachine } from '../replica/time-machine.ts';
import type { Answer, ReadAnswer } from '../replica/types.ts';
import { NumberWaiters } from '../replica/waiters.ts';
import type { ActRequest, AppliedBatch, Asker, WorldService, WorldStatus } from '../world-service.ts';
import { OpenAsks } from './open-asks.ts';
import { type RunnerEvents, soon, type WorldRunner } from './world-runner.ts';

/** What the gateway and the admin port of this process know of a world: its WorldRunner as a WorldService. */
export class LocalWorld implements WorldService, RunnerEvents {
  readonly name: string;
  readonly definition: WorldDefinition;
  readonly regions: readonly string[];
  readonly #runner: WorldRunner;
  readonly #past: TimeMachine;
  readonly #waiters = new NumberWaiters(APPLIED_WAITERS);
  readonly #listeners = new Set<(batch: AppliedBatch) => void>();
  readonly #leaderListeners = new Set<() => void>();
  readonly #asks = new OpenAsks();
  readonly #reads = new Map<number, (error: ThroughlineError | null) => void>();
  readonly #warn: (error: unknown) => void;
  #nextId = 1;
  #leader: number | null = null;

  /** `warn` hears of listeners that threw. */
  constructor(runner: WorldRunner, regions: readonly string[], warn: (error: unknown) => void) {
    this.#runner = runner;
    this.#warn = warn;
    this.definition = runner.state.definition;
    this.name = runner.world;
    this.regions = regions;
    this.#past = new TimeMachine({
      start: () => new WorldState(this.definition),
      present: () => runner.state,
      read: (from, to, bytes) => this.read(from, to, bytes),
      breathe: soon,
      replays: TIME_MACHINE_REPLAYS,
      checkpoints: TIME_MACHINE_CHECKPOINTS,
      queue: TIME_MACHINE_QUEUE,
      readBytes: REPLAY_BYTES,
    });
    runner.listen(this);
  }

  get state(): WorldStateLike {
    return this.#runner.state;
  }

  act(request: ActRequest, asker: Asker, tag: number): void {
    const { failure } = this.#runner;
    const id = failure === null ? this.#asks.add(asker, tag) : null;
    if (id !== null) this.#runner.take({ kind: 'act', id, request });
    else {
      const error =
        failure === null
          ? new ThroughlineError('overloaded', 'this region waits for too many answers')
          : new ThroughlineError('no-quorum', failure.message);
      queueMicrotask(() => asker.answered(tag, error, undefined));
    }
  }

  connected(session: string): void {
    this.#runner.take({ kind: 'connected', session });
  }

  disconnected(session: string, left: boolean): void {
    this.#runner.take({ kind: 'disconnected', session, left });
  }

  applied(number: number, timeoutMs: number): Promise<void> {
    if (this.state.number >= number) return Promise.resolve();
    const until = performance.now() + timeoutMs;
    this.#runner.rouse();
    return new Promise((resolve, reject) => {
      const done = (reached: boolean) => {
        if (reached) resolve();
        else reject(new ThroughlineError('no-quorum', `command ${number} was not applied here in time`));
      };
      if (this.#runner.failure !== null) reject(this.#runner.failure);
      else if (!this.#waiters.add(number, until, done))
        reject(new ThroughlineError('overloaded', 'too many wait for commands to be applied'));
    });
  }

  /** Nobody waits for a time of this world. */
  get idle(): boolean {
    return this.#waiters.size === 0;
  }

  /** Waiters whose time is over give up. Called with every tick. */
  expire(now: number): void {
    this.#waiters.expire(now);
  }

  linearizable(timeoutMs: number): Promise<void> {
    const { failure } = this.#runner;
    if (failure !== null) return Promise.reject(failure);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const late = () =>
        this.readable({ id, error: new ThroughlineError('no-quorum', 'no majority answered in time') });
      const timer = setTimeout(late, timeoutMs);
      this.#reads.set(id, (error) => {
        clearTimeout(timer);
        if (error === null) resolve();
        else reject(error);
      });
      this.#runner.take({ kind: 'read', id });
    });
  }

  async stateAt(number: number): Promise<WorldStateLike> {
    if (!Number.isSafeInteger(number) || number < 0)
      throw new ThroughlineError('bad-request', `${number} is no number of a command`);
    const last = this.state.number;
    if (number > last)
      throw new ThroughlineError('not-found', `command ${number} is not applied here; the last is ${last}`);
    return this.#past.stateAt(number);
  }

  async read(from: number, to: number, bytes: number): Promise<Uint8Array[]> {
    if (!Number.isSafeInteger(from) || from < 1)
      throw new ThroughlineError('bad-request', `${from} is no number of a command`);
    const last = Math.min(to, this.state.number);
    if (last < from) return [];
    const recent = this.#runner.recent(from, last, bytes);
    if (recent !== undefined) return recent;
    const first = this.firstHeld();
    if (from < first)
      throw new ThroughlineError('compacted', `the first command held is ${first}`, { first });
    return (await this.#runner.storage.read(from, last, bytes)).map((command) => command.bytes);
  }

  firstHeld(): number {
    return Math.max(1, this.#runner.storage.extent().first);
  }

  subscribe(listener: (batch: AppliedBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): WorldStatus {
    const { state } = this.#runner;
    const { role, leader, ballot, voted, issued, applied, queued, inWindow, resting } = this.#runner.status();
    return {
      world: this.name,
      role: role === 'leading' ? 'leader' : 'voter',
      leader: leader === null ? null : (this.regions[leader] ?? null),
      ballot: ballotToJson(ballot, this.regions),
      voted,
      issued,
      applied,
      digest: digestText(state.digest),
      sessions: state.sessionCount(),
      queued,
      inWindow,
      resting,
      rows: state.rowCount(),
      log: this.#runner.storage.extent(),
      snapshot: { number: 0, time: 0 },
    };
  }

  async handOver(region: string): Promise<void> {
    const to = this.regions.indexOf(region);
    if (to === -1) throw new ThroughlineError('not-found', `there is no region '${region}'`);
    if (this.#runner.failure !== null) throw this.#runner.failure;
    if (this.#leader === to) return;
    this.#runner.take({ kind: 'hand-over', to });
    await this.#leadBy(to);
  }

  #leadBy(to: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        this.#leaderListeners.delete(look);
      };
      const look = () => {
        if (this.#leader !== to) return;
        leave();
        resolve();
      };
      const timer = setTimeout(() => {
        leave();
        reject(new ThroughlineError('no-quorum', `${this.regions[to]} did not take over in time`));
      }, ACTION_DEADLINE_MS);
      this.#leaderListeners.add(look);
    });
  }

  // ---- RunnerEvents -------------------------------------------------------------------------------------------------------

  answer({ id, error, answer }: Answer): void {
    this.#asks.settle(id, error, answer);
  }

  readable({ id, error }: ReadAnswer): void {
    const done = this.#reads.get(id);
    this.#reads.delete(id);
    done?.(error);
  }

  appliedBatch(batch: AppliedBatch): void {
    for (const listener of this.#listeners) {
      try {
        listener(batch);
      } catch (error) {
        this.#warn(error);
      }
    }
    this.#waiters.reached(batch.last);
  }

  leader(device: number | null): void {
    this.#leader = device;
    for (const listener of [...this.#leaderListeners]) listener();
  }

  stopped(error: ThroughlineError): void {
    this.#asks.settleAll(error);
    for (const done of this.#reads.values()) done(error);
    this.#reads.clear();
    this.#waiters.expire(Number.POSITIVE_INFINITY);
  }
}
