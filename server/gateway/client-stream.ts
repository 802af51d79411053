/**
 * What one client is sent of a world's sequence: a snapshot or the commands it lacks, then the live stream, without a gap
 * and without a repetition. A client that falls behind leaves the live stream and comes back the same way.
 */
import { joinBatch, readId } from '../../schemas/support/envelope.ts';
import { type ErrorCode, ThroughlineError } from '../errors.ts';
import type { WorldService } from '../world-service.ts';
import type { GatewayLimits } from './bounds.ts';
import { commandsFrame } from './frames.ts';
import type { LiveFeed } from './live-feed.ts';
import { asRefusal, isFault } from './refusal.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import type { CutOff } from './types.ts';
import type { Pipe } from './wire.ts';

export interface StreamContext {
  readonly world: WorldService;
  readonly feed: LiveFeed;
  readonly snapshots: Snapshots;
  readonly topic: string;
  readonly limits: GatewayLimits;
  readonly now: () => number;
  /** Something that must not happen happened: for the log. */
  readonly fault: (cause: unknown) => void;
}

/** Whose stream it is. */
export interface StreamOwner {
  /** The stream cannot go on: tell the client and close it. */
  end(code: ErrorCode, detail: string, cutOff?: CutOff): void;
  /** It went onto the live stream, or left it. */
  moved(live: boolean): void;
}

/** Bytes given to one client in one turn; what is left comes in the next. */
const TURN_BYTES = 256 * 1024;

export class ClientStream {
  readonly #context: StreamContext;
  readonly #owner: StreamOwner;
  readonly #pipe: Pipe;
  /** The next command this client needs. */
  #next = 0;
  /** A snapshot is to be taken, or is being sent. */
  #lost = false;
  #snapshot: Snapshot | null = null;
  #part = 0;
  /** Nothing is sent before the client listens. */
  #started = false;
  #live = false;
  #pumping = false;
  #reading = false;
  #resting = false;
  /** It was live and too slow: far behind, it gets a snapshot. */
  #slow = false;
  #closed = false;
  /** When something last moved towards this client, and what its outbox held when last looked at. */
  #movedAt = 0;
  #buffered = 0;

  constructor(context: StreamContext, owner: StreamOwner, pipe: Pipe) {
    this.#context = context;
    this.#owner = owner;
    this.#pipe = pipe;
  }

  /** `from`: the first command wanted; null, or one that is not held any more: a snapshot first. */
  start(from: number | null): void {
    this.#started = true;
    this.#movedAt = this.#context.now();
    this.#next = from ?? 0;
    this.#lost = this.#next < this.#context.world.firstHeld();
    this.pump();
  }

  get live(): boolean {
    return this.#live;
  }

  /** Sends as much as the outbox takes; call it whenever something may have changed. Never throws. */
  pump(): void {
    // What it does may lead back here: a snapshot has the feed flushed first, and a flush pumps all that catch up.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      this.#pump();
    } catch (cause) {
      this.#fail(cause);
    }
    this.#pumping = false;
  }

  #pump(): void {
    let budget = TURN_BYTES;
    while (this.#pumps && this.#pipe.open) {
      if (this.#pipe.buffered > this.#context.limits.outboxLow) return;
      if (budget <= 0) {
        this.#rest();
        return;
      }
      const sent = this.#step();
      if (sent === 0) return;
      budget -= sent;
      this.#movedAt = this.#context.now();
    }
  }

  /** There is something this client may be sent out of turn, and nothing under way already. */
  get #pumps(): boolean {
    return this.#started && !this.#closed && !this.#live && !this.#reading && !this.#resting;
  }

  /** A live client that does not keep up leaves the live stream. True if it did. */
  check(): boolean {
    if (!this.#live || this.#pipe.buffered <= this.#context.limits.outboxHigh) return false;
    this.#leaveLive();
    this.#slow = true;
    return true;
  }

  /** The live stream will not lead on from here; a later `pump` finds another way. */
  broken(): void {
    if (this.#live) this.#leaveLive();
  }

  /** Looks for a client that takes nothing, and for a replica that does not get there. */
  sweep(): void {
    if (!this.#pumps) return;
    const { limits, feed } = this.#context;
    const { buffered } = this.#pipe;
    if (buffered < this.#buffered) this.#movedAt = this.#context.now();
    this.#buffered = buffered;
    const waited = this.#context.now() - this.#movedAt;
    if (buffered > limits.outboxLow) {
      if (waited > limits.stallMs) this.#owner.end('overloaded', 'the client does not read', 'stalled');
    } else if (this.#next <= feed.flushed) {
      if (waited > limits.stallMs) this.#owner.end('overloaded', `command ${this.#next} cannot be read`);
    } else if (waited > limits.aheadMs) {
      this.#owner.end('overloaded', `this replica is at ${feed.flushed}, before ${this.#next}`);
    }
    this.pump();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#live) this.#leaveLive();
    this.#release();
  }

  /** One thing that can be done without waiting; returns the bytes it took, 0 when there is nothing to do now. */
  #step(): number {
    const { feed } = this.#context;
    if (this.#snapshot !== null) return this.#sendPart(this.#snapshot);
    const far = this.#slow && feed.flushed - this.#next >= this.#context.limits.slowCommands;
    if (this.#lost || far) return this.#takeSnapshot();
    if (this.#next === feed.flushed + 1) return this.#goLive();
    if (this.#next > feed.flushed) return 0;
    const frame = feed.startingAt(this.#next);
    if (frame === undefined) return this.#read();
    this.#pipe.send(frame.bytes);
    this.#next = frame.last + 1;
    return frame.bytes.length;
  }

  /** From here on the client gets what is published: exactly what follows the last command it was sent. */
  #goLive(): number {
    this.#pipe.subscribe(this.#context.topic);
    this.#live = true;
    this.#slow = false;
    this.#owner.moved(true);
    return 0;
  }

  /** What was published so far reaches the client, or its socket closes. */
  #leaveLive(): void {
    this.#pipe.unsubscribe(this.#context.topic);
    this.#live = false;
    this.#next = this.#context.feed.flushed + 1;
    this.#movedAt = this.#context.now();
    this.#owner.moved(false);
  }

  #takeSnapshot(): number {
    // So that the snapshot's number is one that the live stream has reached.
    this.#context.feed.flush();
    this.#snapshot = this.#context.snapshots.take();
    this.#part = 0;
    this.#slow = false;
    return 1;
  }

  #sendPart(snapshot: Snapshot): number {
    const frame = snapshot.frame(this.#part);
    this.#pipe.send(frame);
    this.#part++;
    if (this.#part === snapshot.parts) {
      this.#next = snapshot.number + 1;
      this.#lost = false;
      this.#release();
    }
    return frame.length;
  }

  #release(): void {
    if (this.#snapshot !== null) this.#context.snapshots.release(this.#snapshot);
    this.#snapshot = null;
  }

  #read(): number {
    const { world, feed, limits } = this.#context;
    this.#reading = true;
    world
      .read(this.#next, feed.boundaryAfter(this.#next), limits.readBytes)
      .then((commands) => this.#readDone(commands))
      .catch((cause) => this.#readFailed(cause));
    return 0;
  }

  #readDone(commands: readonly Uint8Array[]): void {
    this.#reading = false;
    const [first] = commands;
    // The log may lag a little behind what is applied: the next flush or sweep tries again.
    if (first === undefined || this.#closed) return;
    const { number } = readId(first);
    const last = number + commands.length - 1;
    if (number !== this.#next || last > this.#context.feed.flushed)
      throw new Error(
        `wanted ${this.#next} to ${this.#context.feed.flushed}, the log gave ${number} to ${last}`,
      );
    this.#pipe.send(commandsFrame(number, last, joinBatch(commands)));
    this.#next = last + 1;
    this.#movedAt = this.#context.now();
    this.pump();
  }

  #readFailed(cause: unknown): void {
    this.#reading = false;
    if (this.#closed) return;
    if (cause instanceof ThroughlineError && cause.code === 'compacted') {
      this.#lost = true;
      this.pump();
    } else {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    const refusal = asRefusal(cause);
    if (isFault(cause)) this.#context.fault(cause);
    this.#owner.end(refusal.code, refusal.message);
  }

  /** Others want to be served, too. */
  #rest(): void {
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.pump();
    });
  }
}
