/** One world on one server, without a cluster: what the leader executes is issued and applied at once. */
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type {
  Call,
  Environment,
  RowChange,
  WorldDefinition,
  WorldStateLike,
} from '../../game-logic/types.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { joinBatch } from '../../schemas/support/envelope.ts';
import { ThroughlineError } from '../../server/errors.ts';
import type {
  ActAnswer,
  ActRequest,
  AppliedBatch,
  Asker,
  WorldService,
  WorldStatus,
} from '../../server/world-service.ts';

const BALLOT = 3;
type Done = (error: ThroughlineError | null, answer?: ActAnswer) => void;

/** Asks and does not care. */
export const NOBODY: Asker = { answered: () => {} };

export class FakeWorld implements WorldService {
  readonly name: string;
  readonly definition: WorldDefinition;
  readonly regions = ['eu', 'us', 'ap'];
  readonly state: WorldState;
  /** commands[0] is number 1. */
  readonly commands: Uint8Array[] = [];
  /** What the gateway told about presence, in order. */
  readonly presence: string[] = [];
  /** Actions are kept instead of run, until `release`. */
  holding = false;
  readonly held: { readonly request: ActRequest; readonly done: Done }[] = [];
  /** Every action ends with it. */
  failure: ThroughlineError | null = null;
  /** Before each read of the log. */
  beforeRead: (() => Promise<void>) | null = null;
  reads = 0;
  handedTo: string | null = null;
  linearizes = true;
  leader: string | null = 'eu';
  readonly #leader: LeaderState;
  readonly #listeners = new Set<(batch: AppliedBatch) => void>();
  readonly #waiters = new Set<() => void>();
  #first = 1;
  #filler = 0;
  readonly #environment: Environment = { now: 1_700_000_000_000, random: () => 0.5, log: () => {} };

  constructor(definition: WorldDefinition = warehouse, name: string = definition.name) {
    this.definition = definition;
    this.name = name;
    this.state = new WorldState(definition);
    this.#leader = new LeaderState(this.state);
  }

  act(request: ActRequest, asker: Asker, tag: number): void {
    const done: Done = (error, answer) => asker.answered(tag, error, answer);
    if (this.holding) this.held.push({ request, done });
    else this.#run(request, done);
  }

  /** Runs what was held, all in this turn. */
  release(): void {
    this.holding = false;
    for (const { request, done } of this.held.splice(0)) this.#run(request, done);
  }

  /** Applies `count` commands of `session` in one batch. */
  append(count: number, session = 'filler', to = 'A'): void {
    this.#apply(this.make(count, session, to));
  }

  /** Applies commands without telling anybody, as a replica that takes over a peer's snapshot does. */
  jump(count: number): void {
    for (const bytes of this.make(count, 'filler', 'A')) {
      this.state.apply(bytes);
      this.commands.push(bytes);
    }
    this.#leader.issued(this.state.number);
  }

  /** Forgets the commands before `first`. */
  compact(first: number): void {
    this.#first = first;
  }

  /** Applies another world's commands as one batch. */
  apply(commands: readonly Uint8Array[]): void {
    for (const bytes of commands) this.#leader.adopt(bytes);
    this.#apply(commands);
  }

  make(count: number, session: string, to: string): Uint8Array[] {
    const inbound = this.definition.schema.actions['inbound'];
    if (inbound === undefined) throw new Error('a world without inbound goods');
    const made: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const sequence = ++this.#filler;
      const origin = { region: 0, request: sequence };
      const args = inbound.encode({ to, amount: 1 });
      const call: Call = { kind: 'action', session, sequence, action: 'inbound', args, origin };
      made.push(...this.#execute({ kind: 'join', session }), ...this.#execute(call));
    }
    return made;
  }

  connected(session: string): void {
    this.presence.push(`+${session}`);
  }

  disconnected(session: string, left: boolean): void {
    this.presence.push(`${left ? '!' : '-'}${session}`);
  }

  async applied(number: number, timeoutMs: number): Promise<void> {
    const until = Date.now() + timeoutMs;
    while (this.state.number < number) {
      if (Date.now() >= until) throw new ThroughlineError('no-quorum', `${number} is not applied`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, until - Date.now());
        this.#waiters.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async linearizable(): Promise<void> {
    if (!this.linearizes) throw new ThroughlineError('no-quorum', 'no majority answers');
  }

  async stateAt(number: number): Promise<WorldStateLike> {
    if (number > this.state.number) throw new ThroughlineError('not-found', `${number} is in the future`);
    if (number + 1 < this.#first)
      throw new ThroughlineError('compacted', 'no longer held', { first: this.#first });
    const state = new WorldState(this.definition);
    for (const bytes of this.commands.slice(0, number)) state.apply(bytes);
    return state;
  }

  async read(from: number, to: number, bytes: number): Promise<Uint8Array[]> {
    this.reads++;
    await this.beforeRead?.();
    if (from < this.#first) throw new ThroughlineError('compacted', 'no longer held', { first: this.#first });
    const found: Uint8Array[] = [];
    let total = 0;
    for (const command of this.commands.slice(from - 1, to)) {
      total += command.length;
      if (total > bytes && found.length > 0) break;
      found.push(command);
    }
    return found;
  }

  firstHeld(): number {
    return this.#first;
  }

  subscribe(listener: (batch: AppliedBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): WorldStatus {
    const { number } = this.state;
    return {
      ...{ world: this.name, role: 'leader', leader: this.leader, ballot: { round: 1, region: 'eu' } },
      ...{ voted: number, issued: number, applied: number, digest: '0123456789abcdef' },
      ...{ sessions: this.state.sessionCount(), queued: 0, inWindow: 0, rows: this.state.rowCount() },
      log: { first: this.#first, last: number, bytes: 0 },
      snapshot: { number: 0, time: 0 },
    };
  }

  async handOver(region: string): Promise<void> {
    this.handedTo = region;
  }

  #run(request: ActRequest, done: Done): void {
    if (this.failure !== null) {
      done(this.failure);
      return;
    }
    const { session, sequence, action, args } = request;
    const batch = this.#execute({ kind: 'join', session });
    const origin = { region: 0, request: 0 };
    const call: Call = { kind: 'action', session, sequence, action, args, origin };
    const executed = this.#leader.execute(call, BALLOT, this.#environment);
    if (executed.kind === 'command') batch.push(executed.bytes);
    this.#apply(batch);
    if (executed.kind === 'command')
      done(null, { number: executed.number, result: executed.result, duplicate: false });
    else if (executed.kind === 'nothing')
      done(null, { number: this.state.number, result: executed.result, duplicate: false });
    else if (executed.kind === 'duplicate') done(null, { ...executed.answer, duplicate: true });
    else if (executed.kind === 'refused')
      done(new ThroughlineError('refused', executed.detail, { gameCode: executed.code }));
    else done(new ThroughlineError(executed.code as never, executed.detail));
  }

  #execute(call: Call): Uint8Array[] {
    if (call.kind === 'join' && this.#leader.session(call.session)?.joined === true) return [];
    const executed = this.#leader.execute(call, BALLOT, this.#environment);
    return executed.kind === 'command' ? [executed.bytes] : [];
  }

  #apply(commands: readonly Uint8Array[]): void {
    if (commands.length === 0) return;
    const first = this.state.number + 1;
    const changes: RowChange[] = [];
    for (const bytes of commands) {
      changes.push(...this.state.apply(bytes).changes);
      this.commands.push(bytes);
    }
    this.#leader.issued(this.state.number);
    const batch = { first, last: this.state.number, batch: joinBatch(commands), changes };
    for (const listener of this.#listeners) listener(batch);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}
