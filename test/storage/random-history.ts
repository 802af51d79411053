import fc from 'fast-check';
import type { Command, Write } from '../../server/consensus/types.ts';
import { command } from './model.ts';

export type Step =
  | { readonly kind: 'append'; readonly writes: readonly Write[]; readonly wait: boolean }
  | { readonly kind: 'restart' | 'read'; readonly bytes: number };

/** What fast-check draws; numbers are taken modulo what is possible at that point. */
type Draw = readonly [what: number, a: number, b: number, c: number, wait: boolean];

/** Grows a legal history: ids name one command, marks follow the chain, ballots rise. */
class Grower {
  readonly #known = new Map<string, Command>();
  #ballot = 3;
  #tried = 0;
  #upTo = 0;
  #born = 0;

  #at(number: number): Command[] {
    return [...this.#known.values()].filter((known) => known.number === number);
  }

  /** A command of the number: one that is known, or a new one of the newest ballot on some precedent. */
  #pick(number: number, choice: number): Command {
    const known = this.#at(number);
    if (choice % 3 === 0 && known.length > 0) return known[choice % known.length]!;
    const id = `${number}/${this.#ballot}`;
    const before = number === this.#upTo + 1 ? [this.#born] : this.#at(number - 1).map((each) => each.born);
    const made = command(number, this.#ballot, before[choice % before.length] ?? 1, 8 + (choice % 40));
    const held = this.#known.get(id) ?? made;
    this.#known.set(id, held);
    return held;
  }

  #votes(a: number, b: number, c: number): Omit<Write, 'write'> {
    const first = this.#upTo + 1 + (a % 4);
    const all: Command[] = [];
    for (let i = 0; i <= b % 5; i++) all.push(this.#pick(first + i, c + i * (a % 2)));
    return { votes: { ballot: this.#ballot, commands: all } };
  }

  #issued(a: number, b: number): Omit<Write, 'write'> {
    for (let i = 0; i <= b % 4; i++) {
      const next = this.#at(this.#upTo + 1).filter((each) => each.precedent === this.#born);
      if (next.length === 0) break;
      this.#upTo++;
      this.#born = next[(a + i) % next.length]!.born;
    }
    return { issued: { upTo: this.#upTo, born: this.#born } };
  }

  #learned(a: number, c: number): Omit<Write, 'write'> {
    const all: Command[] = [];
    for (let i = 0; i <= a % 3; i++) {
      const number = this.#upTo + 1;
      const fits = this.#at(number).filter((each) => each.precedent === this.#born);
      const id = `${number}/${this.#ballot}`;
      const next = fits[c % Math.max(1, fits.length)] ?? command(number, this.#ballot, this.#born, 16);
      if (fits.length === 0 && this.#known.has(id)) break;
      this.#known.set(`${number}/${next.born}`, next);
      all.push(next);
      this.#upTo = number;
      this.#born = next.born;
    }
    return { learned: all, issued: { upTo: this.#upTo, born: this.#born } };
  }

  write([what, a, b, c]: Draw): Write {
    if (what % 8 === 0) {
      this.#ballot += 1 + (a % 3);
      if (b % 2 === 0) this.#tried = this.#ballot;
      return { write: 0, ballots: { lastTried: this.#tried, nextBal: this.#ballot } };
    }
    if (what % 8 === 1) return { write: 0, ...this.#learned(a, c) };
    if (what % 8 < 4) return { write: 0, ...this.#issued(a, b) };
    if (what % 8 === 4) return { write: 0, ...this.#votes(a, b, c), ...this.#issued(a, b) };
    return { write: 0, ...this.#votes(a, b, c) };
  }
}

export function grow(draws: readonly Draw[]): Step[] {
  const grower = new Grower();
  return draws.map((draw): Step => {
    const [what, a, b, , wait] = draw;
    if (what >= 90) return { kind: what >= 95 ? 'restart' : 'read', bytes: 1 + ((a * 7) % 300) };
    const writes = [grower.write(draw)];
    if (b % 6 === 0) writes.push(grower.write([what + 3, b, a, a, wait]));
    return { kind: 'append', writes, wait };
  });
}

const small = fc.nat({ max: 100 });
const draws = fc.array(fc.tuple(small, small, small, small, fc.boolean()), { minLength: 5, maxLength: 60 });

export const history = {
  check: (run: (steps: readonly Step[]) => Promise<void>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(draws, (drawn) => run(grow(drawn))),
      { numRuns: 60 },
    ),
};
