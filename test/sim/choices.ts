import { Prng } from './prng.ts';

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

  private constructor(prng: Prng | null, given: readonly number[], recording: boolean) {
    this.prng = prng;
    this.given = given;
    this.recording = recording;
  }

  static fromSeed(seed: string, recording = false): Choices {
    return new Choices(new Prng(seed), [], recording);
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
    const value =
      this.prng === null
        ? Math.min(this.given[this.position] ?? 0, bound - 1)
        : Math.floor((this.prng.next() / 4294967296) * bound);
    this.position++;
    if (this.recording) this.taken.push(value);
    return value;
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
