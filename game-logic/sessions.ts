/**
 * What a world knows of a session: whether it is joined, and the answers of its last executed sequences (exactly once).
 * The same class on a replica and on a leader state; there it has a parent, the replica's session, and holds only the
 * answers given since.
 */
import { hashBegin, hashBool, hashFinish, hashNumber, hashText } from '../schemas/support/hash.ts';
import type { Digest } from '../schemas/support/types.ts';
import { type AnswerData, type AnswerHash, AnswerRing, hashAnswer } from './answers.ts';
import { HASH_KIND } from './hash-kinds.ts';
import { ANSWERS_KEPT } from './limits.ts';
import type { SessionAnswer, SessionView } from './types.ts';

/** A session as plain data, for snapshots. */
export interface SessionData {
  readonly id: string;
  readonly joined: boolean;
  readonly sequence: number;
  readonly time: number;
  /** Highest executed sequence whose answer is no longer kept; 0: all are. */
  readonly floor: number;
  readonly answers: readonly {
    readonly sequence: number;
    readonly number: number;
    readonly result: string;
    readonly origin: SessionAnswer['origin'];
  }[];
}

export class Session implements SessionView {
  readonly id: string;
  joined = false;
  sequence = 0;
  time = 0;
  floor = 0;
  private readonly name: Digest;
  /** What it adds to the system digest, its answers apart; 0 while it is in none. */
  private low = 0;
  private high = 0;
  private readonly parent: Session | null;
  /** Answers given by this session ever, as counted by this object; the last ANSWERS_KEPT of them are held. */
  private count = 0;
  /** Those from `start` on; earlier ones are the parent's. Most sessions never act. */
  private ring: AnswerRing | null = null;
  private start = 0;

  /** A new session, or one that goes on where `parent` stands now. */
  constructor(id: string, parent: Session | null) {
    this.id = id;
    this.parent = parent;
    if (parent === null) {
      this.name = nameHash(id);
    } else {
      this.name = parent.name;
      this.joined = parent.joined;
      this.sequence = parent.sequence;
      this.time = parent.time;
      this.floor = parent.floor;
      this.count = parent.count;
      this.start = parent.count;
      this.low = parent.low;
      this.high = parent.high;
    }
  }

  /** Position of the oldest answer held. */
  private get oldest(): number {
    return this.count > ANSWERS_KEPT ? this.count - ANSWERS_KEPT : 0;
  }

  private holding(position: number): AnswerRing {
    return position >= this.start ? this.ring! : this.parent!.holding(position);
  }

  answer(sequence: number): SessionAnswer | 'settled' | undefined {
    if (sequence > this.sequence) return undefined;
    if (sequence <= this.floor) return 'settled';
    let low = this.oldest;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.holding(middle).sequence(middle) < sequence) low = middle + 1;
      else high = middle;
    }
    if (low === this.count) return undefined;
    const ring = this.holding(low);
    return ring.sequence(low) === sequence ? ring.answer(low) : undefined;
  }

  /**
   * Records an executed sequence, higher than all before, and moves the digest of the answers. `known`: its hash, where a leader
   * state took it before. Returns the hash.
   */
  record(answer: AnswerData, digest: Digest, known: AnswerHash | null): AnswerHash {
    if (this.count >= ANSWERS_KEPT) {
      const evicted = this.count - ANSWERS_KEPT;
      const ring = this.holding(evicted);
      ring.take(evicted, digest);
      this.floor = ring.sequence(evicted);
    }
    const hash = known ?? { low: 0, high: 0 };
    if (known === null) hashAnswer(this.name, answer, hash);
    this.ring ??= new AnswerRing(this.start);
    this.ring.add(answer, hash);
    this.count++;
    this.sequence = answer.sequence;
    digest.low = (digest.low + hash.low) >>> 0;
    digest.high = (digest.high + hash.high) >>> 0;
    return hash;
  }

  /** Moves the digest to the session as it is now, its answers apart; to be called after each change. */
  rehash(digest: Digest): void {
    this.unhash(digest);
    const { low, high } = digest;
    hashBegin(HASH_KIND.session);
    hashNumber(0, this.name.low);
    hashNumber(1, this.name.high);
    hashBool(2, this.joined);
    hashNumber(3, this.sequence);
    hashNumber(4, this.floor);
    hashNumber(5, this.time);
    hashFinish(digest, 1);
    this.low = (digest.low - low) | 0;
    this.high = (digest.high - high) | 0;
  }

  private unhash(digest: Digest): void {
    digest.low = (digest.low - this.low) >>> 0;
    digest.high = (digest.high - this.high) >>> 0;
  }

  /** Takes the session and its answers out of the digest, for it ends. */
  take(digest: Digest): void {
    this.unhash(digest);
    for (let i = this.oldest; i < this.count; i++) this.holding(i).take(i, digest);
  }

  toData(): SessionData {
    const answers: SessionData['answers'][number][] = [];
    for (let i = this.oldest; i < this.count; i++) {
      const ring = this.holding(i);
      answers.push({ sequence: ring.sequence(i), ...ring.answer(i) });
    }
    const { id, joined, sequence, time, floor } = this;
    return { id, joined, sequence, time, floor, answers };
  }

  /** An independent copy without a parent. */
  copy(): Session {
    const copy = new Session(this.id, null);
    copy.joined = this.joined;
    copy.sequence = this.sequence;
    copy.time = this.time;
    copy.floor = this.floor;
    if (this.count > 0) copy.ring = new AnswerRing(0);
    for (let i = this.oldest; i < this.count; i++, copy.count++) this.holding(i).copyTo(copy.ring!, i);
    copy.low = this.low;
    copy.high = this.high;
    return copy;
  }

  static restore(data: SessionData, digest: Digest): Session {
    const session = new Session(data.id, null);
    session.joined = data.joined;
    for (const { sequence, number, result, origin } of data.answers)
      session.record(
        { sequence, number, result, region: origin?.region ?? -1, request: origin?.request ?? 0 },
        digest,
        null,
      );
    session.sequence = data.sequence;
    session.time = data.time;
    session.floor = data.floor;
    session.rehash(digest);
    return session;
  }
}

function nameHash(id: string): Digest {
  const name = { low: 0, high: 0 };
  hashBegin(HASH_KIND.name);
  hashText(0, id);
  hashFinish(name, 1);
  // As signed numbers: those of 32 bits are hashed, and held, at half the cost.
  return { low: name.low | 0, high: name.high | 0 };
}
