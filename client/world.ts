/**
 * A client's connection to a world: the thin shell around the session machine. What to do next the machine says; this file
 * does it with the link, the local copy and one timer, and tells the listeners.
 */
import type { ActionName, InputOf } from '../game-logic/context.ts';
import { type BallotJson, ballotToJson, type CommandJson, commandToJson } from '../game-logic/to-json.ts';
import type { Applied, RowChange, WorldDefinition } from '../game-logic/types.ts';
import type { Frame } from '../schemas/generated/client.ts';
import { PROTOCOL_VERSION } from '../schemas/protocol-version.ts';
import { digestText } from '../schemas/support/digest.ts';
import type { Digest, WorldSchema } from '../schemas/support/types.ts';
import type { Dialler } from './connection.ts';
import { type ActError, errorOf, Refused } from './errors.ts';
import type { ClientLimits } from './limits.ts';
import { Link } from './link.ts';
import { LocalCopy } from './local-copy.ts';
import { Session } from './session.ts';
import type { Effect, Phase, ResyncReason, SessionEvent, Settlement, Welcome } from './session-types.ts';
import type { WholeSnapshot } from './snapshot-parts.ts';
import type { ReadTables, WatchedTables } from './tables.ts';

export interface Status {
  /** connecting: no region (yet, or again). catching-up: commands still missing. live: current. closed: for good. */
  readonly phase: Phase;
  /** The address in use, or tried now. */
  readonly url: string;
  /** The region there, once it has welcomed us. */
  readonly region: string | null;
  /** Why it came to this; for people and logs. */
  readonly reason: string;
}

/** Commands after `after`, up to and including `number`, were not seen one by one. */
export interface Resync {
  readonly after: number;
  readonly number: number;
  readonly reason: ResyncReason;
}

/** The commands from..to were applied here; the rest is true at `to`. */
export interface Step {
  readonly from: number;
  readonly to: number;
  /** In which the command `to` was made. */
  readonly ballot: BallotJson;
  /** World time, milliseconds since the epoch. */
  readonly time: number;
  /** Of the tables, 16 hex digits. */
  readonly digest: string;
}

export interface ActOptions {
  /** Settle after this many milliseconds at the latest. */
  readonly timeoutMs?: number;
  /** Show it in `predicted` until it is settled. Default: what `connect` was told. */
  readonly predict?: boolean;
}

export interface Issued {
  /** The command that executed it, or the number that the answer is true at where nothing changed. */
  readonly number: number;
  readonly result: unknown;
}

/** What the shell needs of its host. */
export interface Host {
  /** Milliseconds that never go back. */
  now(): number;
  /** The time of day, milliseconds since the epoch. */
  wall(): number;
  random(): number;
  /** Runs something later; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  readonly dial: Dialler;
}

export interface WorldOptions<S extends WorldSchema> {
  readonly urls: readonly string[];
  readonly world: string;
  readonly definition: WorldDefinition & { readonly schema: S };
  readonly token: string | null;
  readonly stream: 'commands' | 'frames';
  /** null: all. */
  readonly predict: ReadonlySet<string> | null;
  readonly limits: ClientLimits;
  readonly host: Host;
}

export class ClientWorld<S extends WorldSchema> {
  /** The confirmed state, true at `number`. */
  readonly tables: WatchedTables<S>;
  /** The same with this client's own unconfirmed actions on top. */
  readonly predicted: ReadTables<S>;

  readonly #options: WorldOptions<S>;
  readonly #machine: Session<WholeSnapshot>;
  readonly #copy: LocalCopy;
  readonly #link: Link;
  #welcome: Welcome | null = null;
  #token: string | null;
  #status: Status;
  #farewell: Promise<void> = Promise.resolve();
  #ended: ActError | null = null;

  #events: SessionEvent<WholeSnapshot>[] = [];
  #draining = false;
  #cancelTimer: () => void = () => {};
  #tickets = 0;
  readonly #acts = new Map<number, (settlement: Settlement) => void>();

  readonly #onCommand = new Set<(command: CommandJson) => void>();
  readonly #onFrame = new Set<(step: Step) => void>();
  readonly #onStatus = new Set<(status: Status) => void>();
  readonly #onResync = new Set<(resync: Resync) => void>();

  constructor(options: WorldOptions<S>) {
    const { definition, limits, urls, host, token } = options;
    this.#options = options;
    this.#token = options.token;
    this.#machine = new Session({
      addresses: urls.length,
      limits,
      resumedAt: token === null ? null : host.wall(),
    });
    this.#copy = new LocalCopy(definition, host);
    this.#link = new Link({
      dial: host.dial,
      limits,
      feed: (events) => this.#feed(events),
      objection: (welcome) => this.#objection(welcome),
    });
    this.#status = { phase: 'connecting', url: urls[0]!, region: null, reason: 'start' };
    this.tables = this.#copy.doors as unknown as WatchedTables<S>;
    this.predicted = this.#copy.predictedDoors as unknown as ReadTables<S>;
  }

  /** Who this client is in the world; the key to its rows in most games. */
  get session(): string {
    return this.#welcome?.session ?? '';
  }
  /** Proves the session to any region; keep it to come back as the same player. */
  get token(): string | null {
    return this.#token;
  }
  /** The last command applied here. */
  get number(): number {
    return this.#copy.number;
  }
  /** Of the confirmed tables, 16 hex digits: equal to the servers' at the same number. */
  get digest(): string {
    return this.#copy.digest;
  }
  /** World time of the last command, milliseconds since the epoch. */
  get time(): number {
    return this.#copy.time;
  }
  /** World time now, as well as it can be known here. */
  get now(): number {
    return this.#copy.now;
  }
  get status(): Status {
    return this.#status;
  }
  /** The world's regions in their order; empty before the first welcome. */
  get regions(): readonly string[] {
    return this.#welcome?.regions ?? [];
  }

  /**
   * Asks for an action. Resolves once its command is issued and applied here; at its deadline, once it is known to be issued. Rejects with Refused (a definite no, with
   * the game's or the contract's code), Unavailable (no effect, trying again is safe) or its kind Unknown (sent, no answer
   * in time).
   */
  act<A extends ActionName<S>>(action: A, args: InputOf<S, A>, options: ActOptions = {}): Promise<Issued> {
    const { schema } = this.#options.definition;
    const type = Object.hasOwn(schema.actions, action) ? schema.actions[action] : undefined;
    if (!type) return Promise.reject(new Refused('no-such-action', action));
    let bytes: Uint8Array;
    try {
      bytes = type.encode(args);
    } catch (error) {
      return Promise.reject(new Refused('bad-arguments', error instanceof Error ? error.message : ''));
    }
    const ticket = ++this.#tickets;
    if (options.predict ?? this.#options.predict?.has(action) ?? true)
      this.#copy.predict(ticket, this.session, action, type.decode(bytes));
    return new Promise((resolve, reject) => {
      this.#acts.set(ticket, (settlement) => {
        if (settlement.kind !== 'issued') reject(errorOf(settlement));
        else resolve({ number: settlement.number, result: JSON.parse(settlement.result) });
      });
      const timing = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
      this.#feed([{ kind: 'act', ticket, act: { action, args: bytes }, ...timing }]);
    });
  }

  /**
   * Every command once, in order, across reconnects and failovers; where that is impossible onResync tells. Throws Refused
   * `wrong-stream` on stream 'frames', where commands come merged.
   */
  onCommand(listener: (command: CommandJson) => void): () => void {
    if (this.#options.stream === 'frames')
      throw new Refused('wrong-stream', "onCommand needs stream 'commands'; on 'frames' there is onFrame");
    return listen(this.#onCommand, listener);
  }

  /**
   * Each step of the tables, after its changes are told: `from` is one above the `to` of the step before, across reconnects and
   * failovers; where that is impossible onResync tells. On stream 'commands' each command is a step.
   */
  onFrame(listener: (step: Step) => void): () => void {
    return listen(this.#onFrame, listener);
  }

  onStatus(listener: (status: Status) => void): () => void {
    return listen(this.#onStatus, listener);
  }

  onResync(listener: (resync: Resync) => void): () => void {
    return listen(this.#onResync, listener);
  }

  /** Begins to connect and resolves once current; `connect` calls it. Rejects when every address said no. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.onStatus(({ phase }) => {
        if (phase !== 'live' && phase !== 'closed') return;
        stop();
        if (phase === 'live') resolve();
        else reject(this.#ended ?? new Refused('closed', 'the session was closed'));
      });
      this.#feed([{ kind: 'start' }]);
    });
  }

  /** Says good-bye: the world lets this session leave. Acts without an answer reject. */
  async close(): Promise<void> {
    this.#feed([{ kind: 'close' }]);
    await this.#farewell;
  }

  #feed(events: readonly SessionEvent<WholeSnapshot>[]): void {
    for (const event of events) this.#events.push(event);
    // Listeners may act, close and so on: what they ask for waits until the event under way is done.
    if (this.#draining) return;
    this.#draining = true;
    try {
      // The list may grow on the way.
      for (let i = 0; i < this.#events.length; i++) this.#step(this.#events[i]!);
    } finally {
      this.#events = [];
      this.#draining = false;
    }
    this.#link.flush();
    this.#arm();
  }

  /** `told`: what listeners learn once the machine knows, and before promises are settled. */
  #step(event: SessionEvent<WholeSnapshot>, told?: () => void): void {
    const { host } = this.#options;
    const effects = this.#machine.step(event, { now: host.now(), random: host.random() });
    if (event.kind === 'welcome' && this.#machine.phase !== 'connecting') this.#greet(event.welcome);
    for (const effect of effects) if (effect.kind === 'settle') this.#copy.settled(effect.ticket);
    told?.();
    for (const effect of effects) this.#perform(effect);
  }

  #greet(welcome: Welcome): void {
    this.#welcome = welcome;
    // A server hands a token out where it was given none.
    if (welcome.token !== '') this.#token = welcome.token;
  }

  #perform(effect: Effect<WholeSnapshot>): void {
    switch (effect.kind) {
      case 'dial': {
        const { urls, world, stream } = this.#options;
        const url = urls[effect.address]!;
        this.#link.dial(effect.connection, { url, world, stream, token: this.token, from: effect.from });
        break;
      }
      case 'hang-up':
        this.#farewell = this.#link.hangUp(effect.connection, effect.consented);
        break;
      case 'ping':
        this.#link.ping();
        break;
      case 'send':
        this.#link.send({ sequence: effect.sequence, ...effect.act });
        break;
      case 'apply':
        this.#apply(effect.bytes);
        break;
      case 'apply-frame':
        this.#applyFrame(effect.frame);
        break;
      case 'restore':
        this.#restore(effect.snapshot);
        break;
      case 'settle':
        this.#acts.get(effect.ticket)?.(effect.settlement);
        this.#acts.delete(effect.ticket);
        break;
      case 'resync':
        tell(this.#onResync, { after: effect.after, number: effect.number, reason: effect.reason });
        break;
      case 'phase':
        this.#setStatus(effect.phase, effect.reason);
        break;
      case 'ended':
        this.#ended = new Refused(effect.code, effect.detail);
    }
  }

  /** What `work` returns, or null after it threw: then the machine knows that the state here is no good. */
  #tried<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.#step({ kind: 'fault', detail: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  #apply(bytes: Uint8Array): void {
    const applied = this.#tried(() => this.#copy.apply(bytes));
    if (applied === null) return;
    const { number, session, sequence, result } = applied.envelope;
    const own = session !== '' && session === this.session ? sequence : 0;
    this.#step({ kind: 'applied', number, sequence: own, result }, () => this.#tellCommand(applied));
  }

  #tellCommand({ envelope, changes }: Applied): void {
    this.#tellChanges(changes);
    const { number, born, time, tables } = envelope;
    this.#tellStep(number, number, born, time, tables);
    if (this.#onCommand.size === 0) return;
    tell(this.#onCommand, commandToJson(this.#options.definition, envelope, this.regions));
  }

  #applyFrame(frame: Frame): void {
    const applied = this.#tried(() => this.#copy.applyFrame(frame));
    if (applied === null) return;
    const { first, last, born, time, digest, changes } = applied;
    this.#step({ kind: 'framed', number: last }, () => {
      this.#tellChanges(changes);
      this.#tellStep(first, last, born, time, digest);
    });
  }

  #tellStep(from: number, to: number, born: number, time: number, digest: Digest): void {
    if (this.#onFrame.size === 0) return;
    tell(this.#onFrame, {
      ...{ from, to, time },
      ballot: ballotToJson(born, this.regions),
      digest: digestText(digest),
    });
  }

  #restore(snapshot: WholeSnapshot): void {
    const changes = this.#tried(() => this.#copy.restore(snapshot));
    if (changes === null) return;
    this.#step({ kind: 'restored', number: snapshot.number }, () => this.#tellChanges(changes));
  }

  #tellChanges(changes: readonly RowChange[]): void {
    for (const { table, key, row, previous } of changes)
      for (const listener of this.#copy.doors[table.name]!.listeners)
        guard(() => listener(key, row, previous));
  }

  #setStatus(phase: Phase, reason: string): void {
    const url = this.#options.urls[this.#machine.address]!;
    const region = phase === 'catching-up' || phase === 'live' ? (this.#welcome?.region ?? null) : null;
    this.#status = { phase, url, region, reason };
    tell(this.#onStatus, this.#status);
  }

  #objection(welcome: Welcome): string | null {
    const { world, definition } = this.#options;
    if (welcome.protocol !== PROTOCOL_VERSION) return 'wrong-protocol';
    if (welcome.world !== world) return 'no-such-world';
    return welcome.schema === definition.schema.hash ? null : 'wrong-definition';
  }

  #arm(): void {
    this.#cancelTimer();
    const { host } = this.#options;
    const at = this.#machine.wakeAt();
    this.#cancelTimer =
      at === Number.POSITIVE_INFINITY
        ? () => {}
        : host.after(Math.max(1, Math.ceil(at - host.now())), () => this.#feed([{ kind: 'tick' }]));
  }
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of [...listeners]) guard(() => listener(value));
}

/** A listener that throws is its author's bug: it is seen as an uncaught error, and the session goes on. */
function guard(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
