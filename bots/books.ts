/** What the bots of one process asked for and were told: columns that grow, one row for each act. */
import type { Standing } from './ledger.ts';
import type { BooksData } from './messages.ts';

export const FATE = { unsettled: 0, issued: 1, no: 2 } as const;

export class Books {
  #session = new Uint32Array(1024);
  #sequence = new Float64Array(1024);
  #fate = new Uint8Array(1024);
  #number = new Float64Array(1024);
  #length = 0;
  readonly #sessions: string[] = [];
  readonly #standing = new Map<number, Standing>();

  /** A number for a session, to be used in `act`. */
  session(name: string): number {
    return this.#sessions.push(name) - 1;
  }

  /** A new act, unsettled; returns its row. */
  act(session: number, sequence: number): number {
    if (this.#length === this.#session.length) this.#grow();
    const row = this.#length++;
    this.#session[row] = session;
    this.#sequence[row] = sequence;
    return row;
  }

  settle(row: number, fate: keyof typeof FATE, number: number): void {
    this.#fate[row] = FATE[fate];
    this.#number[row] = number;
  }

  /** The act of this row was acknowledged, and no command of its own has been seen. */
  stands(row: number, standing: Standing): void {
    this.#standing.set(row, standing);
  }

  /** Its command came after all. */
  delivered(row: number): void {
    this.#standing.delete(row);
  }

  data(): BooksData {
    const upTo = this.#length;
    return {
      sessions: this.#sessions,
      session: this.#session.slice(0, upTo),
      sequence: this.#sequence.slice(0, upTo),
      fate: this.#fate.slice(0, upTo),
      number: this.#number.slice(0, upTo),
      standing: [...this.#standing],
    };
  }

  #grow(): void {
    const size = 2 * this.#session.length;
    const grown = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#session = grown(new Uint32Array(size), this.#session);
    this.#sequence = grown(new Float64Array(size), this.#sequence);
    this.#fate = grown(new Uint8Array(size), this.#fate);
    this.#number = grown(new Float64Array(size), this.#number);
  }
}
