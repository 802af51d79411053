import type { Write } from '../consensus/types.ts';
import { STORAGE_QUEUE_BYTES } from '../limits.ts';
import { StorageError } from './errors.ts';

class Group {
  readonly writes: Write[] = [];
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: StorageError) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A host may look at the promise of one append only; the others are not "unhandled".
    this.promise.catch(() => {});
  }
}

function payload(write: Write): number {
  let bytes = 0;
  if (write.votes !== undefined) for (const command of write.votes.commands) bytes += command.bytes.length;
  if (write.learned !== undefined) for (const command of write.learned) bytes += command.bytes.length;
  return bytes;
}

/**
 * Group commit: one flush at a time, and everything that arrives meanwhile is the next group. The first failure is
 * kept and answers every later call, for what lies on the disk is not known any more.
 */
export class Flusher {
  readonly #flush: (writes: readonly Write[]) => Promise<void>;
  readonly #explain: (error: unknown) => StorageError;
  #next: Group | null = null;
  #running: Group | null = null;
  #idle: Promise<void> = Promise.resolve();
  #queued = 0;
  #lastWrite = 0;
  #failure: StorageError | null = null;
  #closed = false;

  /** `flush` makes a group durable, all or nothing; `explain` turns what it throws into a StorageError. */
  constructor(flush: (writes: readonly Write[]) => Promise<void>, explain: (error: unknown) => StorageError) {
    this.#flush = flush;
    this.#explain = explain;
  }

  /** Null while the store is usable. */
  get failure(): StorageError | null {
    return this.#failure;
  }

  append(writes: readonly Write[]): Promise<void> {
    const error = this.#failure ?? (this.#closed ? new StorageError('closed', 'the store is closed') : null);
    if (error !== null) return Promise.reject(error);
    if (writes.length === 0) return this.#next?.promise ?? this.#running?.promise ?? Promise.resolve();
    let bytes = 0;
    for (const write of writes) {
      if (write.write <= this.#lastWrite) {
        return this.#fail(
          new StorageError(
            'broken-rule',
            `write ${write.write} was handed in after write ${this.#lastWrite}`,
          ),
        );
      }
      this.#lastWrite = write.write;
      bytes += payload(write);
    }
    this.#queued += bytes;
    if (this.#queued > STORAGE_QUEUE_BYTES) {
      return this.#fail(new StorageError('io', `${this.#queued} bytes wait for a disk that does not answer`));
    }
    const group = this.#next ?? this.#open();
    for (const write of writes) group.writes.push(write);
    return group.promise;
  }

  /** Resolves when what was appended is durable, or with the first failure noted; later appends reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#idle;
  }

  /** Ends the store from outside, as a crash does: what was not yet durable is answered with `error`. */
  fail(error: StorageError): void {
    this.#fail(error).catch(() => {});
  }

  #open(): Group {
    const group = new Group();
    this.#next = group;
    // A microtask later, so that all that one turn appends is one group.
    if (this.#running === null) this.#idle = Promise.resolve().then(() => this.#run());
    return group;
  }

  async #run(): Promise<void> {
    while (this.#next !== null && this.#failure === null) {
      const group = this.#next;
      this.#running = group;
      this.#next = null;
      this.#queued = 0;
      try {
        await this.#flush(group.writes);
        if (this.#failure !== null) throw this.#failure;
        this.#running = null;
        group.resolve();
      } catch (error) {
        this.fail(this.#explain(error));
      }
    }
  }

  #fail(error: StorageError): Promise<never> {
    this.#failure ??= error;
    this.#running?.reject(this.#failure);
    this.#next?.reject(this.#failure);
    this.#running = null;
    this.#next = null;
    return Promise.reject(this.#failure);
  }
}
