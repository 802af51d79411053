/**
 * The live stream of one world: what the replica applied, published once per flush to every live client together. It also
 * keeps the frames of the last moments, so that a client that catches up can switch to live exactly at a boundary. There is one
 * for each stream: it sends commands as they are, or what `merge` makes of them.
 */
import { joinBatch, splitBatch } from '../../schemas/support/envelope.ts';
import type { AppliedBatch } from '../world-service.ts';
import type { GatewayLimits } from './bounds.ts';
import { commandsFrame } from './frames.ts';

/** What a flush holds, from command `first` on, as one message; null: it is to go out as commands. */
export type Merge = (first: number, batches: readonly AppliedBatch[]) => Uint8Array | null;

/** The commands first..last as one message. */
export interface Frame {
  readonly first: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

export interface FeedTarget {
  /** To every live client. */
  publish(frame: Uint8Array): void;
  /** After all frames of a flush. */
  flushed(): void;
  /** The replica is about to jump over commands: what was published does not lead to what comes. `flushed` follows. */
  broken(): void;
}

type Bounds = Pick<GatewayLimits, 'flushMs' | 'frameBytes' | 'recentBytes'>;

export class LiveFeed {
  readonly #target: FeedTarget;
  readonly #limits: Bounds;
  readonly #now: () => number;
  readonly #merge: Merge | null;
  /** Nobody is there: nothing is encoded. */
  #idle = true;
  #pending: AppliedBatch[] = [];
  #pendingBytes = 0;
  /** Last command taken from the replica, and last one published. */
  #taken: number;
  #flushed: number;
  #recent: Frame[] = [];
  #recentBytes = 0;
  #lastFlush = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #soon = false;
  frames = 0;
  bytes = 0;

  constructor(target: FeedTarget, limits: Bounds, at: number, now: () => number, merge: Merge | null = null) {
    this.#target = target;
    this.#limits = limits;
    this.#now = now;
    this.#merge = merge;
    this.#taken = at;
    this.#flushed = at;
  }

  /** Last command that live clients have been sent. */
  get flushed(): number {
    return this.#flushed;
  }

  /** Without clients there is nothing to encode. */
  setIdle(idle: boolean): void {
    this.#idle = idle;
    if (!idle) return;
    this.#unschedule();
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#flushed = this.#taken;
    this.#forget();
  }

  applied(batch: AppliedBatch): void {
    if (batch.last < batch.first || batch.first <= this.#taken)
      throw new Error(`commands ${batch.first} to ${batch.last} were applied after ${this.#taken}`);
    if (batch.first !== this.#taken + 1) this.jump(batch.first - 1);
    this.#taken = batch.last;
    if (this.#idle) {
      this.#flushed = batch.last;
      return;
    }
    this.#pending.push(batch);
    this.#pendingBytes += batch.batch.length;
    if (this.#pendingBytes > this.#limits.recentBytes) this.flush();
    else this.#schedule();
  }

  /** The replica stands at `number` without having applied what lies before: nothing of it will be published. */
  jump(number: number): void {
    this.flush();
    this.#target.broken();
    this.#taken = number;
    this.#flushed = number;
    this.#forget();
    this.#target.flushed();
  }

  /** True when the replica is where this feed believes it to be. */
  isAt(number: number): boolean {
    return this.#taken === number;
  }

  /** Publishes what is pending, now. */
  flush(): void {
    this.#unschedule();
    if (this.#pending.length === 0) return;
    this.#lastFlush = this.#now();
    const batches = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    const first = this.#flushed + 1;
    const merged = this.#merge === null ? null : this.#merge(first, batches);
    if (merged !== null) this.#publish({ first, last: this.#taken, bytes: merged });
    else for (const frame of this.#frames(batches)) this.#publish(frame);
    if (this.#flushed !== this.#taken)
      throw new Error(`published up to ${this.#flushed}, but ${this.#taken} was applied`);
    this.#target.flushed();
  }

  /** The frame that begins with this command, if it is one of the last. */
  startingAt(number: number): Frame | undefined {
    const index = this.#indexOf(number);
    const frame = this.#recent[index];
    return frame?.first === number ? frame : undefined;
  }

  /** Up to where commands from `number` on must be read so that a kept frame begins right after them. */
  boundaryAfter(number: number): number {
    const frame = this.#recent[this.#indexOf(number)];
    if (frame === undefined) return this.#flushed;
    return frame.first > number ? frame.first - 1 : frame.last;
  }

  close(): void {
    this.#unschedule();
    this.#pending = [];
    this.#forget();
  }

  /** A lone command leaves at the end of this turn, others wait until `flushMs` after the last flush. */
  #schedule(): void {
    if (this.#soon || this.#timer !== null) return;
    const wait = this.#lastFlush + this.#limits.flushMs - this.#now();
    if (wait <= 0) {
      this.#soon = true;
      queueMicrotask(() => {
        if (this.#soon) this.flush();
      });
    } else {
      this.#timer = setTimeout(() => this.flush(), wait);
    }
  }

  #unschedule(): void {
    this.#soon = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Cuts what is pending into frames of at most `frameBytes`, at commands; a whole batch that fits is not looked into. */
  *#frames(batches: readonly AppliedBatch[]): Generator<Frame> {
    let first = this.#flushed + 1;
    let last = this.#flushed;
    let group: Uint8Array[] = [];
    let bytes = 0;
    for (const batch of batches) {
      const whole = bytes + batch.batch.length <= this.#limits.frameBytes;
      for (const piece of whole ? [batch.batch] : splitBatch(batch.batch, true)) {
        if (bytes + piece.length > this.#limits.frameBytes && group.length > 0) {
          yield { first, last, bytes: commandsFrame(first, last, joinBatch(group)) };
          first = last + 1;
          group = [];
          bytes = 0;
        }
        group.push(piece);
        bytes += piece.length;
        last = whole ? batch.last : last + 1;
      }
    }
    if (group.length > 0) yield { first, last, bytes: commandsFrame(first, last, joinBatch(group)) };
  }

  #publish(frame: Frame): void {
    this.#flushed = frame.last;
    this.#recent.push(frame);
    this.#recentBytes += frame.bytes.length;
    while (this.#recentBytes > this.#limits.recentBytes)
      this.#recentBytes -= (this.#recent.shift() as Frame).bytes.length;
    this.frames++;
    this.bytes += frame.bytes.length;
    this.#target.publish(frame.bytes);
  }

  /** Index of the first kept frame that ends at or after `number`. */
  #indexOf(number: number): number {
    let low = 0;
    let high = this.#recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#recent[middle] as Frame).last < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forget(): void {
    this.#recent = [];
    this.#recentBytes = 0;
  }
}
