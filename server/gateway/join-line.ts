/**
 * The line in front of a gateway's door. A join costs about a millisecond, an action some ten microseconds: when all clients of
 * a region that died come at once, their joins, taken as they come, would stand for a second before every action, answer and
 * heartbeat of this process. So few are let in with each pass of the event loop, everything else has its turn in between, and
 * whoever would wait too long is told when to come again.
 */
import { ThroughlineError } from '../errors.ts';
import type { GatewayLimits } from './bounds.ts';

type Bounds = Pick<GatewayLimits, 'joinsPerTurn' | 'joinsWaiting' | 'joinWaitMs'>;

/** Nobody is told to come again sooner: it would meet the same line. */
const RETRY_AFTER_LEAST_MS = 500;

interface Waiting {
  readonly since: number;
  readonly gone: () => boolean;
  readonly enter: () => void;
  readonly refuse: (error: ThroughlineError) => void;
}

export class JoinLine {
  readonly #limits: Bounds;
  readonly #now: () => number;
  /** Oldest first, from `head` on; what is before it was taken and is kept by nothing. */
  readonly #line: (Waiting | null)[] = [];
  #head = 0;
  /** Let in with this pass of the event loop. */
  #entered = 0;
  #turning: NodeJS.Immediate | null = null;
  #closed = false;
  /** Told to come again, so far. */
  refused = 0;

  constructor(limits: Bounds, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get waiting(): number {
    return this.#line.length - this.#head;
  }

  /**
   * Resolves when it is this join's turn, at once where nobody waits. Rejects `overloaded` with the time after which to come
   * again, when the line or the wait is too long. `gone`: nobody waits for the answer any more.
   */
  turn(gone: () => boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new ThroughlineError('draining', 'this server is leaving'));
    if (this.waiting === 0 && this.#entered < this.#limits.joinsPerTurn) {
      this.#entered++;
      this.#schedule();
      return Promise.resolve();
    }
    if (this.waiting >= this.#limits.joinsWaiting) return Promise.reject(this.#tooMany());
    return new Promise((enter, refuse) => {
      this.#line.push({ since: this.#now(), gone, enter, refuse });
      this.#schedule();
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#turning !== null) clearImmediate(this.#turning);
    while (this.waiting > 0) this.#take().refuse(new ThroughlineError('draining', 'this server is leaving'));
  }

  #schedule(): void {
    this.#turning ??= setImmediate(() => this.#next());
  }

  #next(): void {
    this.#turning = null;
    this.#entered = 0;
    const late = this.#now() - this.#limits.joinWaitMs;
    while (this.waiting > 0 && this.#entered < this.#limits.joinsPerTurn) {
      const waiting = this.#first as Waiting;
      const refusal = waiting.since < late && !waiting.gone() ? this.#tooMany() : null;
      this.#take();
      if (refusal !== null) waiting.refuse(refusal);
      else if (waiting.gone()) waiting.refuse(new ThroughlineError('bad-request', 'the client is gone'));
      else {
        this.#entered++;
        waiting.enter();
      }
    }
    // Also after the last one: the next pass may let as many in again.
    if (this.#entered > 0) this.#schedule();
  }

  get #first(): Waiting | undefined {
    return this.#line[this.#head] ?? undefined;
  }

  #take(): Waiting {
    const first = this.#first as Waiting;
    this.#line[this.#head++] = null;
    if (this.waiting === 0 || this.#head >= this.#limits.joinsWaiting) {
      this.#line.splice(0, this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** The line is as long as its first has been standing in it. */
  #tooMany(): ThroughlineError {
    this.refused++;
    const first = this.#first;
    const stood = first === undefined ? 0 : this.#now() - first.since;
    const retryAfterMs = Math.ceil(Math.max(RETRY_AFTER_LEAST_MS, stood));
    return new ThroughlineError('overloaded', 'too many clients come at once', { retryAfterMs });
  }
}
