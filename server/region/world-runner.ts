/** One world's WorldHost in a process: gathers inputs into turns and carries effects out. Everything impure is here. */
import { randomInt } from 'node:crypto';
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import { ballotToJson } from '../../game-logic/to-json.ts';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { Consensus } from '../consensus/consensus.ts';
import { CATCH_UP_ANSWER_BYTES } from '../consensus/limits.ts';
import { OutputGate } from '../consensus/output-gate.ts';
import type { Command, ConsensusConfig, Durable } from '../consensus/types.ts';
import { ThroughlineError } from '../errors.ts';
import { ALARMS_PER_SECOND, REPLAY_BYTES, REPLAY_COMMANDS, SERVED_BYTES, SERVED_PARTS } from '../limits.ts';
import type { PeerMessage } from '../links/types.ts';
import type { Logger } from '../log.ts';
import type { Answer, HostEffects, HostInput, HostStatus, ReadAnswer } from '../replica/types.ts';
import { WorldHost } from '../replica/world-host.ts';
import { StorageError, WHAT_TO_DO } from '../storage/errors.ts';
import type { Storage } from '../storage/types.ts';
import type { AppliedBatch } from '../world-service.ts';

export type WorldLog = Pick<Logger, 'info' | 'warn' | 'error' | 'fatal'>;

export interface RunnerOptions {
  readonly name: string;
  readonly definition: WorldDefinition;
  readonly regions: readonly string[];
  readonly consensus: ConsensusConfig;
  readonly storage: Storage;
  /** A session that nobody uses for so long is forgotten; longer than its token lives. */
  readonly sessionIdleMs: number;
  readonly send: (to: number, message: PeerMessage) => void;
  /** Has a turn run at the end of this pass of the event loop, or a later one. */
  readonly turns: (turn: () => void) => void;
  /** Something came for it while it slept. */
  readonly woken: () => void;
  /** This copy of the world stopped for good. */
  readonly stopped: (world: string, reason: string) => void;
  readonly log: WorldLog;
}

/** Whom a runner tells what came of a turn. */
export interface RunnerEvents {
  answer(answer: Answer): void;
  readable(answer: ReadAnswer): void;
  appliedBatch(batch: AppliedBatch): void;
  leader(device: number | null): void;
  /** After this nothing comes any more. */
  stopped(error: ThroughlineError): void;
}

/** So many answers cost less than what they would wait for. */
const EARLY_ANSWERS = 4;

type Part = HostEffects['serve'][number];

const begins = ({ sends }: HostEffects): boolean =>
  sends.some(({ message }) => message.kind === 'begin-ballot');

export const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class WorldRunner {
  readonly state: WorldState;
  readonly storage: Storage;
  readonly #options: RunnerOptions;
  readonly #host: WorldHost;
  #events: RunnerEvents | null = null;
  #inputs: HostInput[] = [];
  #scheduled = false;
  #asleep = false;
  #turnBegan = 0;
  #unflushed = 0;
  #alarms = { second: 0, count: 0 };
  /** To be read from storage for peers; the first is under way. */
  readonly #parts: Part[] = [];
  #failure: ThroughlineError | null = null;

  private constructor(options: RunnerOptions, durable: Durable, state: WorldState) {
    this.#options = options;
    this.state = state;
    this.storage = options.storage;
    const { devices, self, window } = options.consensus;
    this.#host = new WorldHost({
      self,
      devices,
      core: new Consensus(options.consensus, durable),
      gate: new OutputGate(),
      window,
      state,
      leaderState: () => new LeaderState(state),
      firstRequest: randomInt(2 ** 31),
      random: Math.random,
      log: (message, fields) => options.log.info({ ...fields, event: 'game', world: this.world }, message),
      elapsed: () => performance.now() - this.#turnBegan,
      leaderLimits: { sessionIdleMs: options.sessionIdleMs },
    });
  }

  /** Opens the storage and replays what it holds. Rejects with a StorageError. */
  static async open(options: RunnerOptions): Promise<WorldRunner> {
    const { storage, definition } = options;
    const durable = await storage.open();
    const state = new WorldState(definition);
    // The end of the log was read already.
    const { upTo, tail } = durable;
    const first = tail[0]?.number ?? upTo + 1;
    while (state.number < upTo) {
      const next = state.number + 1;
      const commands =
        next < first
          ? await storage.read(next, first - 1, REPLAY_BYTES)
          : tail.slice(next - first, next - first + REPLAY_COMMANDS);
      replay(options, state, commands, upTo);
      await soon();
    }
    return new WorldRunner(options, durable, state);
  }

  get world(): string {
    return this.#options.name;
  }

  get failure(): ThroughlineError | null {
    return this.#failure;
  }

  status(): HostStatus {
    return this.#host.status();
  }

  /** Something is under way, or due soon, that needs to be told the time often. */
  get busy(): boolean {
    const { role, pending, queued, inWindow } = this.#host.status();
    const beats = role === 'leading' && this.#options.definition.tickEveryMs !== null;
    return beats || role === 'preparing' || pending > 0 || queued > 0 || inWindow > 0;
  }

  /** A turn of it waits. */
  get scheduled(): boolean {
    return this.#scheduled;
  }

  /** From when on it must be told the time again if nothing comes: -Infinity for always, Infinity for never. */
  get dueAt(): number {
    if (this.#failure !== null) return Number.POSITIVE_INFINITY;
    return this.#scheduled ? Number.NEGATIVE_INFINITY : this.#host.dueAt;
  }

  /** It is not told the time until `woken`. */
  sleep(): void {
    this.#asleep = true;
  }

  /** Something waits for a time here. */
  rouse(): void {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#options.woken();
  }

  /** Closes the storage; what is under way is flushed first. Nothing may be given to this runner any more. */
  async close(): Promise<void> {
    this.#failure ??= new ThroughlineError('draining', 'this region has left');
    await this.storage.close();
  }

  /** Commands from the replica's memory; undefined where they are older. */
  recent(from: number, to: number, bytes: number): Uint8Array[] | undefined {
    return this.#host.replica.tail.read(from, to, bytes);
  }

  /** From now on `events` hears what happens. */
  listen(events: RunnerEvents): void {
    this.#events = events;
  }

  /** What comes in during one pass of the event loop is one turn, taken at its end; nothing waits for a timer. */
  take(input: HostInput): void {
    if (this.#failure !== null) return;
    this.rouse();
    this.#inputs.push(input);
    this.#schedule();
  }

  /** Waits until everything taken so far is done and on stable storage. */
  async flushed(): Promise<void> {
    while (this.#failure === null && (this.#unflushed > 0 || this.#scheduled)) await soon();
  }

  /** Fail stop: from now on nothing is written, voted or sent. `said`: of all worlds of this thread at once, so not of each. */
  fail(reason: string, said = false): void {
    if (this.#failure !== null) return;
    const { log, stopped } = this.#options;
    this.#failure = new ThroughlineError('no-quorum', 'this copy of the world stopped', { kind: 'unknown' });
    this.#inputs = [];
    if (!said) log.fatal({ event: 'stopped', world: this.world, reason }, 'this copy of the world stopped');
    this.#events?.stopped(this.#failure);
    if (!said) stopped(this.world, reason);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.turns(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#failure !== null) return;
    const inputs = this.#inputs;
    this.#inputs = [];
    this.#turnBegan = performance.now();
    const effects = this.#host.step({ now: this.#turnBegan, wall: Date.now() }, inputs);
    this.#carryOut(effects);
    if (effects.stopped !== undefined)
      this.fail(`at command ${effects.stopped.number}: ${effects.stopped.reason}`);
    else if (effects.more) this.#schedule();
  };

  /**
   * Sends first: what may leave must not wait for the encoding of what is stored. Only the few answers of a quiet world go
   * before votes: a player waits for them, and two writes to peers are a tenth of a millisecond.
   */
  #carryOut(effects: HostEffects): void {
    const { log, send, regions } = this.#options;
    const early = effects.answers.length <= EARLY_ANSWERS && effects.leader === undefined && !begins(effects);
    if (early) this.#answer(effects);
    for (const { to, message } of effects.sends) send(to, message);
    if (effects.writes.length > 0) this.#append(effects.writes);
    for (const alarm of effects.alarms) this.#alarm(alarm);
    if (effects.leader !== undefined) {
      const { device, ballot } = effects.leader;
      const leader = device === null ? null : regions[device];
      log.info({ event: 'leader', world: this.world, leader, ballot: ballotToJson(ballot, regions) });
      this.#events?.leader(device);
    }
    if (effects.applied !== undefined) this.#events?.appliedBatch(effects.applied);
    if (!early) this.#answer(effects);
    for (const answer of effects.reads) this.#events?.readable(answer);
    for (const part of effects.serve) this.#serve(part);
  }

  #answer({ answers }: HostEffects): void {
    for (const answer of answers) this.#events?.answer(answer);
  }

  #alarm(alarm: string): void {
    const second = Math.floor(this.#turnBegan / 1000);
    if (second !== this.#alarms.second) {
      const unsaid = this.#alarms.count - ALARMS_PER_SECOND;
      if (unsaid > 0) this.#options.log.warn({ event: 'alarms', world: this.world, unsaid }, 'more alarms');
      this.#alarms = { second, count: 0 };
    }
    this.#alarms.count++;
    if (this.#alarms.count <= ALARMS_PER_SECOND)
      this.#options.log.warn({ event: 'alarm', world: this.world }, alarm);
  }

  #append(writes: HostEffects['writes']): void {
    const last = writes.at(-1)?.write ?? 0;
    this.#unflushed++;
    this.storage.append(writes).then(
      () => {
        this.#unflushed--;
        this.take({ kind: 'persisted', write: last });
      },
      (error: unknown) => this.fail(reasonOf(error)),
    );
  }

  /** A peer lacks commands older than consensus keeps in memory. Parts are read one after the other, in the order of the log. */
  #serve(part: Part): void {
    if (this.#parts.length >= SERVED_PARTS) return;
    this.#parts.push(part);
    if (this.#parts.length === 1) void this.#serveParts();
  }

  async #serveParts(): Promise<void> {
    try {
      for (let [part] = this.#parts; part !== undefined; [part] = this.#parts) {
        await this.#servePart(part);
        this.#parts.shift();
      }
    } catch (error) {
      this.fail(reasonOf(error));
    }
  }

  /** In several messages, so that the peer applies one while the next is read. What is left out it asks for again. */
  async #servePart({ to, from, max }: Part): Promise<void> {
    const last = from + max - 1;
    let next = from;
    for (let bytes = 0; next <= last && bytes < CATCH_UP_ANSWER_BYTES; ) {
      if (this.#failure !== null) return;
      const commands = await this.storage.read(next, last, SERVED_BYTES);
      if (commands.length === 0 || this.#failure !== null) return;
      for (const command of commands) bytes += command.bytes.length;
      next += commands.length;
      this.#options.send(to, { kind: 'issued', upTo: this.#host.status().issued, commands });
    }
  }
}

/**
 * Applies what the log holds next. Its bytes are as they were written, so where they do not fit they were written by another
 * definition; the store knows only its name, which stays when the code is changed.
 */
function replay(
  { name, definition }: RunnerOptions,
  state: WorldState,
  commands: readonly Command[],
  upTo: number,
): void {
  const next = () => `world "${name}": command ${state.number + 1} of the ${upTo} in its log`;
  if (commands.length === 0) throw new StorageError('corrupt', `${next()} is missing. ${WHAT_TO_DO}`);
  try {
    for (const { bytes } of commands) state.apply(bytes);
  } catch (error) {
    throw new StorageError(
      'other-definition',
      `${next()} does not fit the definition "${definition.name}" (${reasonOf(error)}). The log was probably written by another ` +
        'definition, or by a newer or older version of this one. Start this region with the definition, and the version of it, ' +
        'that the world had, and give a changed one a world of its own. The store is as it was',
      error,
    );
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
