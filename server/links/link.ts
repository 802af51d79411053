import {
  LINK_BEAT_MS,
  LINK_FRAME_BYTES,
  LINK_FRAME_FULL,
  LINK_LAST_WORDS_MS,
  LINK_LEAST_OF,
  LINK_NOTE_BYTES,
  LINK_PING_MS,
  LINK_QUEUE_BYTES,
  LINK_QUEUE_RESERVE,
  LINK_QUEUE_SMALL,
  LINK_QUIET_MS,
  LINK_SILENCE_MS,
  LINK_UNREST_MOST,
  LINK_UNREST_MS,
} from '../limits.ts';
import { type Received, splitMessages } from './codec.ts';
import { FRAME, type Frame, type FrameKind } from './frames.ts';
import type { Wire } from './wire.ts';

/** What tests may do to the traffic with one peer; outlives a link. */
export interface Faults {
  cut: boolean;
  delayMs: number;
}

/** Bounds that a test may tighten. */
export interface LinkBounds {
  readonly queueBytes: number;
  readonly pingMs: number;
  readonly silenceMs: number;
  readonly beatMs: number;
  readonly quietMs: number;
}
export const LINK_BOUNDS: LinkBounds = {
  queueBytes: LINK_QUEUE_BYTES,
  pingMs: LINK_PING_MS,
  silenceMs: LINK_SILENCE_MS,
  beatMs: LINK_BEAT_MS,
  quietMs: LINK_QUIET_MS,
};

export interface LinkHandlers {
  /** Verifies and reads one message; null: there is nothing to deliver. What it throws ends the link, and only that. */
  decode(bytes: Uint8Array): Received | null;
  /** What this throws is a bug of the host, and is thrown on. */
  deliver(received: Received): void;
  /** A text of the peer's host. */
  note(text: string): void;
  /** Nothing came for a while, or something comes again: before what came is delivered. */
  silent(silent: boolean): void;
  /** Once; not after `close` or `finish` from here. */
  down(reason: string): void;
}

/** One message in its parts. */
interface Queued {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

interface Outgoing {
  readonly due: number;
  readonly kind: FrameKind;
  readonly value: number;
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/** A clock that fits a frame's value: hundredths of a millisecond, even, round in six hours. */
const TICKS_PER_MS = 100;
const ticks = (): number => (Math.round(performance.now() * TICKS_PER_MS) % 0x8000_0000) & ~BEAT;
/** In a ping's value: it only asks for a sign of life. Round trips are measured once in a while: the way is the least of a few. */
const BEAT = 1;

/** An authenticated connection: messages out in one write a turn, in order; messages in; a clock of round trips. */
export class Link {
  /** Index of the region that dialled. */
  readonly dialler: number;
  readonly since = performance.now();
  /** Smoothed. */
  rttMs: number | null = null;
  dropped = 0;
  readonly #lastRtts: number[] = [];
  readonly #wire: Wire;
  readonly #faults: Faults;
  readonly #bounds: LinkBounds;
  readonly #handlers: LinkHandlers;
  #queue: Queued[] = [];
  #bytes = 0;
  #delayed: Outgoing[] = [];
  #delayedBytes = 0;
  #delayTimer: NodeJS.Timeout | null = null;
  readonly #pingTimer: NodeJS.Timeout;
  readonly #beatTimer: NodeJS.Timeout;
  #retireTimer: NodeJS.Timeout | null = null;
  #lastTick = performance.now();
  /** From when on the peer's silence counts. */
  #silentFrom = performance.now();
  #silent = false;
  #lastBeat = performance.now();
  /** When the peer was heard last, or this process stood still; by how much the peer was late, and when. */
  #heardAt = performance.now();
  #unrest = { late: 0, at: 0 };

  constructor(wire: Wire, dialler: number, faults: Faults, bounds: LinkBounds, handlers: LinkHandlers) {
    this.dialler = dialler;
    this.#wire = wire;
    this.#faults = faults;
    this.#bounds = bounds;
    this.#handlers = handlers;
    this.#pingTimer = setInterval(() => this.#tick(), bounds.pingMs);
    this.#beatTimer = setInterval(() => this.#beat(), bounds.beatMs);
    wire.hand({ frame: (frame) => this.frame(frame), closed: (reason) => this.#down(reason) });
    this.#sendPing();
  }

  /** The way itself: the least of the last few round trips, untouched by hosts that stand still; 0 before the first. */
  get leastRttMs(): number {
    return this.#lastRtts.length === 0 ? 0 : Math.min(...this.#lastRtts);
  }

  /** Bytes that wait for this peer. */
  get queued(): number {
    return this.#wire.queued + this.#bytes + this.#delayedBytes;
  }

  /** Takes one encoded message for the write at the end of the turn; false: there is no room, it is dropped. */
  send(parts: readonly Uint8Array[]): boolean {
    const { queueBytes } = this.#bounds;
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const room = bytes <= LINK_QUEUE_SMALL ? queueBytes + LINK_QUEUE_RESERVE : queueBytes;
    if (bytes > LINK_FRAME_BYTES || this.queued + bytes > room) {
      this.dropped++;
      return false;
    }
    if (this.#queue.length === 0) queueMicrotask(() => this.#flush());
    this.#queue.push({ parts, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** A text for the peer's host; dropped where there is no room for it, and where the peer would not take it. */
  note(text: string): void {
    const body = Buffer.from(text);
    const room = this.#bounds.queueBytes + LINK_QUEUE_RESERVE;
    if (body.length > LINK_NOTE_BYTES || this.queued + body.length > room) this.dropped++;
    else this.#put(FRAME.note, 0, [body]);
  }

  frame(frame: Frame): void {
    if (this.#faults.cut) return;
    if (this.#silent) this.#heardAgain();
    if (frame.kind === FRAME.ping) this.#put(FRAME.pong, frame.value, []);
    else if (frame.kind === FRAME.pong) this.#pong(frame.value);
    else if (frame.kind === FRAME.messages) this.#messages(frame.body);
    else if (frame.kind === FRAME.note) this.#note(frame.body);
    else if (frame.kind === FRAME.handshake) this.fail('a handshake twice');
    else this.fail('a region sends what only a gateway may');
  }

  /** Ends the link because of what the peer sent. */
  fail(reason: string): void {
    if (!this.#wire.open) return;
    this.close();
    this.#handlers.down(reason);
  }

  close(): void {
    this.#stop();
    this.#wire.close();
  }

  /** Another connection takes over: nothing more is sent, but what is under way from the other side is still taken. */
  retire(): void {
    this.#flush();
    clearInterval(this.#pingTimer);
    clearInterval(this.#beatTimer);
    this.#retireTimer = setTimeout(() => this.fail('replaced'), LINK_LAST_WORDS_MS);
  }

  /** Hands what was sent so far to the kernel, then closes. */
  finish(): void {
    this.#flush();
    this.#stop();
    this.#wire.finish();
  }

  #down(reason: string): void {
    this.#stop();
    this.#handlers.down(reason);
  }

  #stop(): void {
    clearInterval(this.#pingTimer);
    clearInterval(this.#beatTimer);
    if (this.#retireTimer !== null) clearTimeout(this.#retireTimer);
    if (this.#delayTimer !== null) clearTimeout(this.#delayTimer);
    this.#queue = [];
    this.#bytes = 0;
    this.#delayed = [];
    this.#delayedBytes = 0;
  }

  #messages(body: Uint8Array): void {
    let parts: Uint8Array[];
    try {
      parts = splitMessages(body);
    } catch (error) {
      this.fail((error as Error).message);
      return;
    }
    for (const part of parts) {
      if (!this.#wire.open) return;
      let received: Received | null;
      try {
        received = this.#handlers.decode(part);
      } catch (error) {
        this.fail((error as Error).message);
        return;
      }
      if (received !== null) this.#handlers.deliver(received);
    }
  }

  #note(body: Uint8Array): void {
    if (body.length > LINK_NOTE_BYTES) this.fail(`a note of ${body.length} bytes`);
    else this.#handlers.note(Buffer.from(body).toString());
  }

  #flush(): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    this.#bytes = 0;
    let pieces: Uint8Array[] = [];
    let sum = 0;
    for (const { parts, bytes } of queue) {
      if (pieces.length > 0 && sum + bytes > LINK_FRAME_FULL) {
        this.#put(FRAME.messages, 0, pieces);
        pieces = [];
        sum = 0;
      }
      pieces.push(...parts);
      sum += bytes;
    }
    this.#put(FRAME.messages, 0, pieces);
  }

  #put(kind: FrameKind, value: number, pieces: readonly Uint8Array[]): void {
    const { cut, delayMs } = this.#faults;
    if (cut) return;
    if (delayMs === 0 && this.#delayed.length === 0) {
      this.#wire.write(kind, value, pieces);
      return;
    }
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    // Released in this order: a shorter delay does not overtake a longer one.
    this.#delayed.push({ due: performance.now() + delayMs, kind, value, pieces, bytes });
    this.#delayedBytes += bytes;
    this.#delayTimer ??= setTimeout(() => this.#release(), delayMs);
  }

  #release(): void {
    this.#delayTimer = null;
    const now = performance.now();
    let count = 0;
    for (const { due, kind, value, pieces, bytes } of this.#delayed) {
      if (due > now) break;
      count++;
      this.#delayedBytes -= bytes;
      if (!this.#faults.cut) this.#wire.write(kind, value, pieces);
    }
    this.#delayed.splice(0, count);
    const next = this.#delayed[0];
    if (next !== undefined) this.#delayTimer = setTimeout(() => this.#release(), Math.max(1, next.due - now));
  }

  /** A ping carries the time it left, so nothing need be remembered of it. */
  #sendPing(): void {
    this.#put(FRAME.ping, ticks(), []);
  }

  #pong(value: number): void {
    if ((value & BEAT) !== 0) return;
    const sample = ((ticks() - value) & 0x7fff_ffff) / TICKS_PER_MS;
    this.rttMs = this.rttMs === null ? sample : this.rttMs + (sample - this.rttMs) / 8;
    this.#lastRtts.push(sample);
    if (this.#lastRtts.length > LINK_LEAST_OF) this.#lastRtts.shift();
  }

  /** The liveness of the peer's process, for all worlds: asked for where it does not show by itself. */
  #beat(): void {
    const now = performance.now();
    const { beatMs, quietMs } = this.#bounds;
    const stoodStill = now - this.#lastBeat > 2 * beatMs;
    this.#lastBeat = now;
    // What came meanwhile is not read yet.
    if (stoodStill) this.#heardAt = now;
    else if (!this.#faults.cut) this.#heardAt = Math.max(this.#heardAt, this.#wire.heardAt);
    const quiet = now - this.#heardAt;
    if (!this.#silent && quiet > quietMs + this.leastRttMs + this.#patience(now)) {
      this.#silent = true;
      this.#handlers.silent(true);
    }
    // One of the two is enough: its answer is heard as well.
    if (quiet > beatMs * 0.75) this.#put(FRAME.ping, ticks() | BEAT, []);
  }

  /** It should not have been taken for gone: for some time it is given as much more. */
  #heardAgain(): void {
    const { quietMs } = this.#bounds;
    const now = performance.now();
    const late = Math.min(now - this.#heardAt - quietMs / 2, quietMs * LINK_UNREST_MOST);
    this.#unrest = { late: Math.max(late, this.#patience(now)), at: now };
    this.#heardAt = now;
    this.#silent = false;
    this.#handlers.silent(false);
  }

  #patience(now: number): number {
    return this.#unrest.late * Math.max(0, 1 - (now - this.#unrest.at) / LINK_UNREST_MS);
  }

  #tick(): void {
    const now = performance.now();
    const { pingMs, silenceMs } = this.#bounds;
    // After a pause of this process what came meanwhile is not read yet, and a cut is meant to stay unnoticed.
    if (this.#faults.cut || now - this.#lastTick > 2 * pingMs) this.#silentFrom = now;
    this.#lastTick = now;
    const silent = now - Math.max(this.#silentFrom, this.#wire.heardAt);
    if (silent > silenceMs) {
      this.fail(`silent for ${Math.round(silent)} ms`);
      return;
    }
    this.#sendPing();
  }
}
