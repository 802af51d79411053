import type { Span } from './kept.ts';
import { Prng } from './prng.ts';

/** A run that would go on for ever. */
export class Runaway extends Error {}

/**
 * The one door through which a run decides anything. A run is a function of its list of choices: from a seed the list is
 * made up as it goes, from a recorded list it is repeated. 0 always means the harmless choice (no loss, no delay, no
 * fault), so that a list cut short or filled with zeros is a calmer run, which is what makes failures shrink.
 */
export class Choices {
  private readonly prng: Prng | null;
  private readonly given: readonly number[];
  /** What was chosen so far, when recording. */
  readonly taken: number[] = [];
  private readonly recording: boolean;
  private position = 0;
  /** Where given, choices at all other positions are 0. */
  private readonly keep: readonly Span[] | null;
  private readonly most: number;
  /** The first span that may hold the next position. */
  private span = 0;

  private constructor(
    prng: Prng | null,
    given: readonly number[],
    recording: boolean,
    keep: readonly Span[] | null = null,
    most = Infinity,
  ) {
    this.prng = prng;
    this.given = given;
    this.recording = recording;
    this.keep = keep;
    this.most = most;
  }

  static fromSeed(seed: string, recording = false): Choices {
    return new Choices(new Prng(seed), [], recording);
  }

  /** As from the seed, but only the choices at these positions are kept, and a run with more than `most` is a Runaway. */
  static calmed(seed: string, keep: readonly Span[] | null, most = Infinity): Choices {
    return new Choices(new Prng(seed), [], false, keep, most);
  }

  /** Repeats `given`; after its end every choice is 0. */
  static fromList(given: readonly number[]): Choices {
    return new Choices(null, given, false);
  }

  /** How many choices were made. */
  get count(): number {
    return this.position;
  }

  /** 0 .. bound - 1, uniform. */
  below(bound: number): number {
    if (bound <= 1) return 0;
    const drawn =
      this.prng === null
        ? Math.min(this.given[this.position] ?? 0, bound - 1)
        : Math.floor((this.prng.next() / 4294967296) * bound);
    const value = this.isKept() ? drawn : 0;
    if (++this.position > this.most) throw new Runaway(`more than ${this.most} choices`);
    if (this.recording) this.taken.push(value);
    return value;
  }

  private isKept(): boolean {
    if (this.keep === null) return true;
    while ((this.keep[this.span]?.[1] ?? Infinity) < this.position) this.span++;
    return (this.keep[this.span]?.[0] ?? Infinity) <= this.position;
  }

  /** True with the given probability; false is the harmless choice. No choice is spent where the answer is certain. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    if (probability >= 1) return true;
    // 1 .. 65535 of which the upper share is "true": 0 stays false.
    return this.below(65_536) >= Math.max(1, Math.round(65_536 * (1 - probability)));
  }

  /** An integer from low to high, both possible; low is the harmless choice. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('pick from an empty list');
    return value;
  }

  /** Exponentially distributed with this mean, at most ten times it: short mostly, long sometimes. */
  waiting(mean: number): number {
    if (mean <= 0) return 0;
    return Math.min(10, Math.log(65_536 / (65_536 - this.below(65_536)))) * mean;
  }
}
