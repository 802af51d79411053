import { areAdjacent } from '../../schemas/support/envelope.ts';
import type { Command } from '../consensus/types.ts';

/** The commands of one turn. Their bytes end up side by side, so that a frame or a disk record of them needs no copy. */
export class Batch {
  private readonly ballot: number;
  private readonly made: Command[] = [];
  private precedent: number;
  bytes = 0;

  /** `precedent`: born of the command before the first one. */
  constructor(ballot: number, precedent: number) {
    this.ballot = ballot;
    this.precedent = precedent;
  }

  get size(): number {
    return this.made.length;
  }

  add(number: number, bytes: Uint8Array): void {
    this.made.push({ number, born: this.ballot, precedent: this.precedent, bytes });
    this.precedent = this.ballot;
    this.bytes += bytes.length;
  }

  /** Copies only where they were not written side by side: at the end of one of the encoder's slabs. */
  commands(): readonly Command[] {
    if (areAdjacent(this.made)) return this.made;
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    return this.made.map(({ number, born, precedent, bytes }) => {
      whole.set(bytes, at);
      const copy = whole.subarray(at, at + bytes.length);
      at += bytes.length;
      return { number, born, precedent, bytes: copy };
    });
  }
}
