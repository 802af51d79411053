/** Puts the parts of a snapshot message together; pure. Parts of one snapshot come in order, without others between. */
import type { Snapshot } from '../schemas/generated/client.ts';
import type { ClientLimits } from './limits.ts';
import type { CompleteSnapshot } from './session-types.ts';

export interface WholeSnapshot extends CompleteSnapshot {
  readonly head: Snapshot;
  readonly parts: readonly Uint8Array[];
}

export class SnapshotParts {
  readonly #limits: ClientLimits;
  #head: Snapshot | null = null;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** The whole once its last part is here, null before. Throws on a part that does not follow, or one too many. */
  add(part: Snapshot): WholeSnapshot | null {
    if (part.part === 0) {
      this.#head = part;
      this.#parts = [];
      this.#bytes = 0;
    }
    const head = this.#head;
    const follows =
      head && part.number === head.number && part.born === head.born && part.parts === head.parts;
    if (!follows || part.part !== this.#parts.length || part.part >= part.parts)
      throw new Error(`part ${part.part} of ${part.parts} of snapshot ${part.number} does not follow`);
    this.#bytes += part.rows.length;
    if (part.parts > this.#limits.snapshotParts || this.#bytes > this.#limits.snapshotBytes)
      throw new Error(
        `snapshot ${part.number} is too large: ${part.parts} parts, ${this.#bytes} bytes so far`,
      );
    this.#parts.push(part.rows);
    if (this.#parts.length < part.parts) return null;
    const whole = { number: head.number, head, parts: this.#parts };
    this.#head = null;
    this.#parts = [];
    return whole;
  }

  /** The connection is gone: what is half here will not be finished. */
  reset(): void {
    this.#head = null;
    this.#parts = [];
  }
}
