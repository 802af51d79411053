import type { Write } from '../consensus/types.ts';
import { STORAGE_FLUSH_BYTES, STORAGE_PORTION_BYTES, STORAGE_QUEUE_BYTES } from '../limits.ts';
import { StorageError } from './errors.ts';

/** Of a write without commands; it makes a record, too. */
const WRITE_BYTES = 128;

function bytesOf(write: Write): number {
  let bytes = WRITE_BYTES;
  if (write.votes !== undefined) for (const command of write.votes.commands) bytes += command.bytes.length;
  if (write.learned !== undefined) for (const command of write.learned) bytes += command.bytes.length;
  return bytes;
}

/** Writes of one world that reach the disk with one flush. */
export class Portion<Owner> {
  readonly lane: Lane<Owner>;
  readonly writes: Write[] = [];
  readonly promise: Promise<void>;
  bytes = 0;
  resolve!: () => void;
  reject!: (error: StorageError) => void;

  constructor(lane: Lane<Owner>) {
    this.lane = lane;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A host may look at the promise of one append only; the others are not "unhandled".
    this.promise.catch(() => {});
  }
}

/** What one world appends, in order. A world that broke a rule fails alone; a failure of the disk fails all of them. */
export class Lane<Owner> {
  readonly owner: Owner;
  readonly #flusher: Flusher<Owner>;
  #waiting: Portion<Owner>[] = [];
  #running: Portion<Owner> | null = null;
  #lastWrite = 0;
  #failure: StorageError | null = null;
  #closed = false;

  /** Made by `Flusher.lane`. */
  constructor(owner: Owner, flusher: Flusher<Owner>) {
    this.owner = owner;
    this.#flusher = flusher;
  }

  /** Null while it is usable. */
  get failure(): StorageError | null {
    return this.#failure ?? this.#flusher.failure;
  }

  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  append(writes: readonly Write[]): Promise<void> {
    const error = this.failure ?? (this.#closed ? new StorageError('closed', 'the store is closed') : null);
    if (error !== null) return Promise.reject(error);
    const listed = this.waits;
    for (const write of writes) {
      if (write.write <= this.#lastWrite) {
        const words = `write ${write.write} was handed in after write ${this.#lastWrite}`;
        return Promise.reject(this.fail(new StorageError('broken-rule', words)));
      }
      this.#lastWrite = write.write;
      this.#queue(write);
    }
    const last = this.#waiting.at(-1) ?? this.#running;
    if (this.waits) this.#flusher.waits(this, !listed);
    return last?.promise ?? Promise.resolve();
  }

  #queue(write: Write): void {
    const bytes = bytesOf(write);
    let last = this.#waiting.at(-1);
    if (last === undefined || last.bytes + bytes > STORAGE_PORTION_BYTES) {
      last = new Portion(this);
      this.#waiting.push(last);
    }
    last.writes.push(write);
    last.bytes += bytes;
    this.#flusher.queued(bytes);
  }

  /** For the flusher: the next portion is on its way; null if nothing waits. */
  begin(): Portion<Owner> | null {
    this.#running = this.#waiting.shift() ?? null;
    return this.#running;
  }

  /** For the flusher: what was on its way is durable. */
  done(): void {
    // Nothing runs where the world failed meanwhile: it was told so.
    this.#running?.resolve();
    this.#running = null;
  }

  /** Ends this world's storage: what is not yet durable is answered with the first failure, which is handed back. */
  fail(error: StorageError): StorageError {
    const failure = this.failure ?? error;
    this.#failure = failure;
    this.#running?.reject(failure);
    this.#running = null;
    for (const portion of this.#waiting) {
      portion.reject(failure);
      this.#flusher.queued(-portion.bytes);
    }
    this.#waiting = [];
    return failure;
  }

  /** Resolves when what was appended is durable, or with the first failure noted; later appends reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await (this.#waiting.at(-1) ?? this.#running)?.promise.catch(() => {});
    // Of a world that failed alone, a portion may be on its way: who opens it again must not read before that landed.
    if (this.#failure !== null) await this.#flusher.flight;
  }
}

/**
 * Group commit for all worlds that share a disk: one flush at a time, and everything that any of them appends meanwhile is
 * the next group. A world has at most one portion in a group, so that one with much to write does not make the others wait
 * for more than that. The first failure of the disk is kept and answers every later call of every world, for what lies on
 * the disk is not known any more.
 */
export class Flusher<Owner> {
  readonly #flush: (portions: readonly Portion<Owner>[]) => Promise<void>;
  readonly #explain: (error: unknown) => StorageError;
  readonly #lanes = new Set<Lane<Owner>>();
  /** Lanes in which something waits, in the order in which they are served. */
  #waiting: Lane<Owner>[] = [];
  #running = false;
  #idle: Promise<void> = Promise.resolve();
  #flight: Promise<void> = Promise.resolve();
  #queued = 0;
  #failure: StorageError | null = null;

  /**
   * `flush` makes a group durable, all or nothing, but for worlds that it failed before it wrote; `explain` turns what it
   * throws into a StorageError.
   */
  constructor(
    flush: (portions: readonly Portion<Owner>[]) => Promise<void>,
    explain: (error: unknown) => StorageError,
  ) {
    this.#flush = flush;
    this.#explain = explain;
  }

  /** Null while the disk is usable. */
  get failure(): StorageError | null {
    return this.#failure;
  }

  lane(owner: Owner): Lane<Owner> {
    const lane = new Lane(owner, this);
    this.#lanes.add(lane);
    return lane;
  }

  /** Forgets a lane that was closed. */
  remove(lane: Lane<Owner>): void {
    this.#lanes.delete(lane);
  }

  /** For a lane: so many more bytes wait in it, or fewer. */
  queued(bytes: number): void {
    this.#queued += bytes;
  }

  /** For a lane: something waits in it; `first`: nothing did before. */
  waits(lane: Lane<Owner>, first: boolean): void {
    if (this.#queued > STORAGE_QUEUE_BYTES) {
      this.fail(new StorageError('io', `${this.#queued} bytes wait for a disk that does not answer`));
      return;
    }
    if (first) this.#waiting.push(lane);
    if (this.#running) return;
    this.#running = true;
    // A microtask later, so that all that one turn appends is one group.
    this.#idle = Promise.resolve().then(() => this.#run());
  }

  /** Resolves when the flush under way has ended, well or not. */
  get flight(): Promise<void> {
    return this.#flight;
  }

  /** Takes nothing more; resolves when what was appended is durable, or failed, and nothing is on its way. */
  async close(): Promise<void> {
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
    await this.#idle;
  }

  /** Ends the store, from outside as a crash does, or after a failure: what was not yet durable is answered with `error`. */
  fail(error: StorageError): void {
    this.#failure ??= error;
    this.#waiting = [];
    for (const lane of this.#lanes) lane.fail(this.#failure);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#next();
      try {
        const flight = this.#flush(group);
        this.#flight = flight.catch(() => {});
        await flight;
      } catch (error) {
        this.fail(this.#explain(error));
      }
      if (this.#failure !== null) break;
      for (const { lane } of group) lane.done();
    }
    this.#running = false;
  }

  /** One portion of each lane while there is room; those left out come first the next time. */
  #next(): Portion<Owner>[] {
    const group: Portion<Owner>[] = [];
    const again: Lane<Owner>[] = [];
    let bytes = 0;
    let served = 0;
    for (const lane of this.#waiting) {
      if (bytes >= STORAGE_FLUSH_BYTES) break;
      served++;
      const portion = lane.begin();
      if (portion === null) continue;
      bytes += portion.bytes;
      group.push(portion);
      if (lane.waits) again.push(lane);
    }
    this.#waiting = [...this.#waiting.slice(served), ...again];
    this.#queued -= bytes;
    return group;
  }
}
