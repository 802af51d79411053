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
  /** Oldest first; a Set, so that taking the first is cheap. */
  readonly #line = new Set<Waiting>();
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
    return this.#line.size;
  }

  /**
   * Resolves when it is this join's turn, at once where nobody waits. Rejects `overloaded` with the time after which to come
   * again, when the line or the wait is too long. `gone`: nobody waits for the answer any more.
   */
  turn(gone: () => boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new ThroughlineError('draining', 'this server is leaving'));
    if (this.#line.size === 0 && this.#entered < this.#limits.joinsPerTurn) {
      this.#entered++;
      this.#schedule();
      return Promise.resolve();
    }
    if (this.#line.size >= this.#limits.joinsWaiting) return Promise.reject(this.#tooMany());
    return new Promise((enter, refuse) => {
      this.#line.add({ since: this.#now(), gone, enter, refuse });
      this.#schedule();
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#turning !== null) clearImmediate(this.#turning);
    for (const { refuse } of this.#line) refuse(new ThroughlineError('draining', 'this server is leaving'));
    this.#line.clear();
  }

  #schedule(): void {
    this.#turning ??= setImmediate(() => this.#next());
  }

  #next(): void {
    this.#turning = null;
    this.#entered = 0;
    const late = this.#now() - this.#limits.joinWaitMs;
    for (const waiting of this.#line) {
      if (this.#entered >= this.#limits.joinsPerTurn) break;
      const refusal = waiting.since < late && !waiting.gone() ? this.#tooMany() : null;
      this.#line.delete(waiting);
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

  /** The line is as long as its first has been standing in it. */
  #tooMany(): ThroughlineError {
    this.refused++;
    let stood = 0;
    for (const { since } of this.#line) {
      stood = this.#now() - since;
      break;
    }
    const retryAfterMs = Math.ceil(Math.max(RETRY_AFTER_LEAST_MS, stood));
    return new ThroughlineError('overloaded', 'too many clients come at once', { retryAfterMs });
  }
}
