import type { ThroughlineError } from '../errors.ts';
import type { ActAnswer, Asker } from '../world-service.ts';

/** More than may ever be open: each session has its bound, and so has the world. */
const SLOTS = 2 ** 20;
/** Numbers stay below: an engine of 64 bits holds these without an object for each. A slot's come again after 2,047 uses. */
const NUMBERS = 2 ** 31;

/**
 * Actions that wait for their outcome: who asked, under a number that names one action only. A number is a slot, used again
 * and again, plus how often it was used, so that what comes late for an earlier action finds nobody.
 */
export class OpenAsks {
  readonly #askers: (Asker | null)[] = [];
  readonly #tags: number[] = [];
  /** The number of the action in each slot, or of the next one. */
  readonly #ids: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#ids.length - this.#free.length;
  }

  /** Null when too many are open. */
  add(asker: Asker, tag: number): number | null {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#ids.length;
      if (slot === SLOTS) return null;
      this.#ids.push(SLOTS + slot);
    }
    this.#askers[slot] = asker;
    this.#tags[slot] = tag;
    return this.#ids[slot] as number;
  }

  /** Tells who asked, if anybody still waits under this number. */
  settle(id: number, error: ThroughlineError | null, answer?: ActAnswer): void {
    const slot = id % SLOTS;
    const asker = this.#askers[slot];
    if (asker === undefined || asker === null || this.#ids[slot] !== id) return;
    this.#askers[slot] = null;
    this.#ids[slot] = (id + SLOTS) % NUMBERS;
    this.#free.push(slot);
    asker.answered(this.#tags[slot] as number, error, answer);
  }

  settleAll(error: ThroughlineError): void {
    for (const id of [...this.#ids]) this.settle(id, error);
  }
}
