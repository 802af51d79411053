/**
 * The answers that one session holds, oldest first. Kept as numbers side by side, not as an object for each: a busy world gives
 * tens of thousands a second and holds each for a while, which is what a garbage collector finds hardest.
 */
import { hashBegin, hashFinish, hashNumber, hashText } from '../schemas/support/hash.ts';
import type { Digest } from '../schemas/support/types.ts';
import { HASH_KIND } from './hash-kinds.ts';
import { ANSWERS_KEPT } from './limits.ts';
import type { SessionAnswer } from './types.ts';

/** An executed sequence and its answer, as one value. `region` -1: nobody waits for it. */
export interface AnswerData {
  readonly sequence: number;
  readonly number: number;
  readonly result: string;
  readonly region: number;
  readonly request: number;
}

/** What an answer adds to the system digest, as signed lanes: added and taken away as they are. */
export interface AnswerHash {
  low: number;
  high: number;
}

/** Numbers of an answer: sequence, number, region, request, and the two lanes of its hash. */
const NUMBERS = 6;

/** The hash of an answer; `name` is the hash of the session's id, so that its characters are not hashed for each answer. */
export function hashAnswer(name: Digest, answer: AnswerData, hash: AnswerHash): void {
  hashBegin(HASH_KIND.answer);
  hashNumber(0, name.low);
  hashNumber(1, name.high);
  hashNumber(2, answer.sequence);
  hashNumber(3, answer.number);
  hashNumber(4, answer.region);
  hashNumber(5, answer.request);
  hashText(6, answer.result);
  hash.low = 0;
  hash.high = 0;
  hashFinish(hash, 1);
  hash.low |= 0;
  hash.high |= 0;
}

/** A ring of the last ANSWERS_KEPT answers; positions count all that were ever added, from 0. */
export class AnswerRing {
  private readonly numbers: number[] = [];
  private readonly results: string[] = [];
  /** Position of the first one added. */
  private readonly start: number;
  private end: number;

  constructor(start: number) {
    this.start = start;
    this.end = start;
  }

  add({ sequence, number, result, region, request }: AnswerData, { low, high }: AnswerHash): void {
    const place = (this.end - this.start) % ANSWERS_KEPT;
    this.end++;
    const { numbers } = this;
    const at = place * NUMBERS;
    if (place === this.results.length) {
      numbers.push(sequence, number, region, request, low, high);
      this.results.push(result);
      return;
    }
    numbers[at] = sequence;
    numbers[at + 1] = number;
    numbers[at + 2] = region;
    numbers[at + 3] = request;
    numbers[at + 4] = low;
    numbers[at + 5] = high;
    this.results[place] = result;
  }

  sequence(position: number): number {
    return this.numbers[this.place(position) * NUMBERS]!;
  }

  answer(position: number): SessionAnswer {
    const { numbers } = this;
    const place = this.place(position);
    const at = place * NUMBERS;
    const region = numbers[at + 2]!;
    return {
      number: numbers[at + 1]!,
      result: this.results[place]!,
      origin: region === -1 ? null : { region, request: numbers[at + 3]! },
    };
  }

  /** Takes the answer's hash out of the digest. */
  take(position: number, digest: Digest): void {
    const at = this.place(position) * NUMBERS;
    digest.low = (digest.low - this.numbers[at + 4]!) >>> 0;
    digest.high = (digest.high - this.numbers[at + 5]!) >>> 0;
  }

  /** Puts the answer at this position at the end of another ring. */
  copyTo(ring: AnswerRing, position: number): void {
    const { numbers } = this;
    const place = this.place(position);
    const at = place * NUMBERS;
    ring.add(
      {
        sequence: numbers[at]!,
        number: numbers[at + 1]!,
        region: numbers[at + 2]!,
        request: numbers[at + 3]!,
        result: this.results[place]!,
      },
      { low: numbers[at + 4]!, high: numbers[at + 5]! },
    );
  }

  private place(position: number): number {
    return (position - this.start) % ANSWERS_KEPT;
  }
}
