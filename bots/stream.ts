/** The commands that one bot is sent: consecutive numbers, whatever its line does, and snapshots where it has to start again. */
import { DEFAULT_LIMITS } from '../client/limits.ts';
import { SnapshotParts } from '../client/snapshot-parts.ts';
import { decodeSnapshot } from '../schemas/generated/client.ts';
import type { Meters } from './meters.ts';
import type { Sequence } from './sequence.ts';

export class Stream {
  readonly #sequence: Sequence;
  readonly #meters: Meters;
  readonly #parts = new SnapshotParts(DEFAULT_LIMITS);
  #next = 0;

  constructor(sequence: Sequence, meters: Meters) {
    this.#sequence = sequence;
    this.#meters = meters;
  }

  /** The next command it needs; 0: it has no state yet. */
  get next(): number {
    return this.#next;
  }

  /** Another line: parts of a snapshot do not go on there. */
  dialled(): void {
    this.#parts.reset();
  }

  /** A `commands` message: the last of its commands, 0 where none is new, or what is wrong with it. */
  commands(bytes: Uint8Array): number | 'nonsense' | 'hole' {
    const span = this.#sequence.take(bytes);
    if (span === null) return 'nonsense';
    const { first, last } = span;
    const next = this.#next;
    if (first > next) {
      this.#meters.wrong(next, `a hole in the stream: command ${first} came where ${next} was due`);
      this.#next = 0;
      return 'hole';
    }
    if (first < next) this.#meters.count('repeats', Math.min(last + 1, next) - first);
    if (last < next) return 0;
    this.#meters.count('commands', last + 1 - next);
    this.#next = last + 1;
    return last;
  }

  /** A part of a snapshot; true if with it the state is here. */
  snapshot(bytes: Uint8Array): boolean {
    const whole = this.#parts.add(decodeSnapshot(bytes));
    if (whole === null) return false;
    this.#sequence.snapshot(whole.head, whole.parts);
    // An older one comes from a replica that lags; what follows it is known here already.
    if (whole.number + 1 < this.#next) return false;
    if (this.#next !== 0) this.#meters.count('resyncs');
    this.#next = whole.number + 1;
    return true;
  }
}
