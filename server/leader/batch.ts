import type { Command } from '../consensus/types.ts';

interface Made {
  readonly number: number;
  readonly precedent: number;
  readonly bytes: Uint8Array;
}

/** The commands of one turn. Their bytes end up side by side, so that a frame or a disk record of them needs no copy. */
export class Batch {
  private readonly ballot: number;
  private readonly made: Made[] = [];
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
    this.made.push({ number, precedent: this.precedent, bytes });
    this.precedent = this.ballot;
    this.bytes += bytes.length;
  }

  commands(): Command[] {
    const born = this.ballot;
    if (this.made.length === 1) return this.made.map((made) => ({ ...made, born }));
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    return this.made.map(({ number, precedent, bytes }) => {
      whole.set(bytes, at);
      const copy = whole.subarray(at, at + bytes.length);
      at += bytes.length;
      return { number, born, precedent, bytes: copy };
    });
  }
}
