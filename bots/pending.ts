/** The acts of one bot that are not settled. Pure. */
import type { Row } from '../schemas/support/types.ts';
import type { Intent } from './script-types.ts';

/** On the wire at once: below the 64 that the contract lets a session have. */
const ON_WIRE = 60;
/** Waiting at most; an act beyond is dropped and counted. */
const PENDING = 512;
/** Acknowledged acts whose command is still looked out for; without one the ledger decides at the end. */
const BARE = 1_024;

export interface Pending {
  readonly sequence: number;
  readonly intent: Intent;
  readonly args: Uint8Array;
  /** When the bot meant to act: latencies count from here. */
  readonly intended: number;
  /** Row in the books. */
  readonly row: number;
  /** The player's row as it should be after it, where that was foretold. */
  readonly foreseen: Row | undefined;
  onWire: boolean;
  /** An earlier copy may still have an effect, so a no settles nothing. */
  doubtful: boolean;
  sentAt: number;
  retryAt: number;
  retries: number;
  /** Its command came by. */
  delivered: boolean;
}

export class PendingActs {
  readonly #acts = new Map<number, Pending>();
  #onWire = 0;

  get size(): number {
    return this.#acts.size;
  }
  get full(): boolean {
    return this.#acts.size >= PENDING;
  }

  add(act: Pending): void {
    this.#acts.set(act.sequence, act);
  }

  get(sequence: number): Pending | undefined {
    return this.#acts.get(sequence);
  }

  all(): Iterable<Pending> {
    return this.#acts.values();
  }

  settled(act: Pending): void {
    if (act.onWire) this.#onWire -= 1;
    this.#acts.delete(act.sequence);
  }

  /** What to send now, in order; one that waits holds up those behind it. */
  toSend(now: number): Pending[] {
    const out: Pending[] = [];
    if (this.#onWire === this.#acts.size) return out;
    for (const act of this.#acts.values()) {
      if (act.onWire) continue;
      if (act.retryAt > now || this.#onWire >= ON_WIRE) break;
      act.onWire = true;
      act.sentAt = now;
      this.#onWire += 1;
      out.push(act);
    }
    return out;
  }

  /** Not now: again with the same sequence, later. */
  retry(act: Pending, at: number): void {
    if (act.onWire) this.#onWire -= 1;
    act.onWire = false;
    act.retryAt = at;
  }

  /** The line is gone. */
  disconnected(): void {
    for (const act of this.#acts.values()) {
      act.doubtful ||= act.onWire;
      act.onWire = false;
      act.retryAt = 0;
    }
    this.#onWire = 0;
  }

  /** When the act that waits longest on the wire was sent; Infinity if none does. */
  waitingSince(): number {
    for (const act of this.#acts.values()) if (act.onWire) return act.sentAt;
    return Number.POSITIVE_INFINITY;
  }
}

/** Acknowledged, and their commands not seen so far, by sequence. */
export class BareActs {
  readonly #acts = new Map<number, Pending>();

  add(act: Pending): void {
    this.#acts.set(act.sequence, act);
    if (this.#acts.size <= BARE) return;
    for (const oldest of this.#acts.keys()) {
      this.#acts.delete(oldest);
      break;
    }
  }

  /** Its command came. */
  take(sequence: number): Pending | undefined {
    const act = this.#acts.get(sequence);
    this.#acts.delete(sequence);
    return act;
  }
}
