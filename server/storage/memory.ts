import type { Ballot, Command, Durable, Vote, Write } from '../consensus/types.ts';
import { otherDefinition, StorageError } from './errors.ts';
import { Flusher, type Lane } from './flusher.ts';
import type { Storage } from './types.ts';

/**
 * What outlives a crash of the process: the twin of a disk. Holds all issued commands and the candidates above them
 * as plain maps, so that it says independently of level.ts what a restart must find.
 */
export class MemoryDisk {
  inUse = false;
  /** Of the world, once something of it was written. */
  definition: string | null = null;
  lastTried: Ballot = 0;
  nextBal: Ballot = 0;
  /** Command n stands at n - 1. */
  readonly log: Command[] = [];
  /** Number → born → command with the highest ballot it was voted in; 0: learned only. */
  readonly candidates = new Map<number, Map<Ballot, Vote>>();
  bytes = 0;

  apply(write: Write): void {
    const { ballots, votes, learned, issued } = write;
    if (ballots !== undefined) this.#promise(ballots);
    for (const command of votes?.commands ?? []) this.#hold(votes?.ballot ?? 0, command);
    for (const command of learned ?? []) this.#hold(0, command);
    if (issued !== undefined) this.#issue(issued.upTo, issued.born);
  }

  born(number: number): Ballot {
    return this.log[number - 1]?.born ?? 0;
  }

  #promise(ballots: { readonly lastTried: Ballot; readonly nextBal: Ballot }): void {
    if (ballots.lastTried < this.lastTried || ballots.nextBal < this.nextBal) {
      throw new StorageError(
        'broken-rule',
        `ballots (${ballots.lastTried}, ${ballots.nextBal}) after (${this.lastTried}, ${this.nextBal})`,
      );
    }
    this.lastTried = ballots.lastTried;
    this.nextBal = ballots.nextBal;
  }

  #hold(ballot: Ballot, command: Command): void {
    if (command.number <= this.log.length) return;
    const held = this.candidates.get(command.number) ?? new Map<Ballot, Vote>();
    this.candidates.set(command.number, held);
    const before = held.get(command.born);
    if (before !== undefined && before.ballot >= ballot) return;
    // A copy, as a disk would make: the caller may reuse its buffer.
    const kept = before?.command ?? { ...command, bytes: command.bytes.slice() };
    if (before === undefined) this.bytes += command.bytes.length;
    held.set(command.born, { ballot, command: kept });
  }

  #issue(upTo: number, born: Ballot): void {
    const before = this.log.length;
    const chain: Command[] = [];
    let at = born;
    for (let number = upTo; number > before; number--) {
      const command = this.candidates.get(number)?.get(at)?.command;
      if (command === undefined) {
        throw new StorageError(
          'broken-rule',
          `command ${number} born in ballot ${at} is said to be issued, but is not stored here (mark ${upTo}, born ${born})`,
        );
      }
      chain.push(command);
      at = command.precedent;
    }
    if (upTo < before || at !== this.born(before)) {
      throw new StorageError(
        'broken-rule',
        `issued mark (${upTo}, born ${born}) does not follow (${before}, born ${this.born(before)})`,
      );
    }
    for (const command of chain.reverse()) {
      this.log.push(command);
      this.candidates.delete(command.number);
    }
  }
}

/** Test hooks: what a disk may do to a process. */
export interface MemoryHooks {
  /** Runs before each group becomes durable. Holds it back while it is pending; fails the store if it throws. */
  readonly flush?: (writes: readonly Write[]) => Promise<void> | void;
}

export interface MemoryOptions {
  readonly disk?: MemoryDisk;
  readonly tailCommands: number;
  /** What the world plays; by default the empty name, for here worlds have none. */
  readonly definition?: string;
  readonly hooks?: MemoryHooks;
}

export interface MemoryStorage extends Storage {
  readonly disk: MemoryDisk;
  /** Dies now, as a process does: groups not yet durable are lost, every call rejects, the disk is free again. */
  crash(): void;
}

class Memory implements MemoryStorage {
  readonly disk: MemoryDisk;
  readonly #options: MemoryOptions;
  readonly #flusher: Flusher<null>;
  readonly #lane: Lane<null>;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.disk = options.disk ?? new MemoryDisk();
    this.#flusher = new Flusher(
      (portions) => this.#flush(portions.flatMap(({ writes }) => writes)),
      (error) => (error instanceof StorageError ? error : new StorageError('io', String(error), error)),
    );
    this.#lane = this.#flusher.lane(null);
  }

  async open(): Promise<Durable> {
    if (this.#state !== 'new') throw new StorageError('closed', 'a storage object is opened once');
    const { tailCommands, definition = '' } = this.#options;
    const { disk } = this;
    if (disk.inUse) throw new StorageError('store-in-use', 'another storage has this disk open');
    if (disk.definition !== null && disk.definition !== definition) {
      throw otherDefinition('memory', 'NAME', disk.definition, definition);
    }
    disk.inUse = true;
    this.#state = 'open';
    const upTo = disk.log.length;
    return {
      lastTried: disk.lastTried,
      nextBal: disk.nextBal,
      upTo,
      born: disk.born(upTo),
      votes: [...disk.candidates.values()].flatMap((held) =>
        [...held.values()].filter((vote) => vote.ballot > 0),
      ),
      tail: disk.log.slice(Math.max(0, upTo - tailCommands)),
    };
  }

  append(writes: readonly Write[]): Promise<void> {
    if (this.#state === 'new') return Promise.reject(new StorageError('closed', 'not open'));
    return this.#lane.append(writes);
  }

  async read(from: number, to: number, bytes: number): Promise<Command[]> {
    if (this.#lane.failure !== null) throw this.#lane.failure;
    if (this.#state !== 'open') throw new StorageError('closed', 'not open');
    if (!Number.isSafeInteger(from) || from < 1 || !(bytes >= 0)) {
      throw new StorageError('bad-read', `asked for numbers ${from} to ${to} in ${bytes} bytes`);
    }
    const found: Command[] = [];
    let left = bytes;
    for (const command of this.disk.log.slice(from - 1, Math.max(0, to))) {
      if (found.length > 0 && command.bytes.length > left) break;
      found.push(command);
      left -= command.bytes.length;
      if (left <= 0) break;
    }
    return found;
  }

  extent(): { readonly first: number; readonly last: number; readonly bytes: number } {
    return { first: 1, last: this.disk.log.length, bytes: this.disk.bytes };
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const opened = this.#state === 'open';
    this.#state = 'closed';
    await this.#lane.close();
    if (opened) this.disk.inUse = false;
  }

  crash(): void {
    this.#flusher.fail(new StorageError('closed', 'the process died'));
    if (this.#state === 'open') this.disk.inUse = false;
    this.#state = 'closed';
  }

  async #flush(writes: readonly Write[]): Promise<void> {
    await this.#options.hooks?.flush?.(writes);
    // A group that was held back while the process died never reaches the disk.
    if (this.#flusher.failure !== null) throw this.#flusher.failure;
    this.disk.definition ??= this.#options.definition ?? '';
    for (const write of writes) this.disk.apply(write);
  }
}

/** The twin in memory of a world in a level store, for tests and simulations. */
export function createMemoryStorage(options: MemoryOptions): MemoryStorage {
  return new Memory(options);
}
