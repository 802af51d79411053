/**
 * What a world knows of a session: whether it is joined, and the answers of its last executed sequences (exactly once).
 * The same class on a replica and on a leader state; there it has a parent, the replica's session, and holds only the
 * answers given since.
 */
import { hashBegin, hashBool, hashFinish, hashNumber, hashText } from '../schemas/support/hash.ts';
import type { Digest } from '../schemas/support/types.ts';
import { HASH_KIND } from './hash-kinds.ts';
import { ANSWERS_KEPT } from './limits.ts';
import type { SessionAnswer, SessionView } from './types.ts';

/** An executed sequence and its answer. `region` -1: nobody waits for it. */
export class Answer implements SessionAnswer {
  readonly sequence: number;
  readonly number: number;
  readonly result: string;
  private readonly region: number;
  private readonly request: number;
  /** Its hash, kept because it is taken away again when the answer is no longer held. */
  private low = 0;
  private high = 0;

  constructor(sequence: number, number: number, result: string, region: number, request: number) {
    this.sequence = sequence;
    this.number = number;
    this.result = result;
    this.region = region;
    this.request = request;
  }

  get origin(): SessionAnswer['origin'] {
    return this.region === -1 ? null : { region: this.region, request: this.request };
  }

  /** `name` is the hash of the session's id, so that its characters are not hashed for each answer. */
  add(name: Digest, digest: Digest): void {
    hashBegin(HASH_KIND.answer);
    hashNumber(0, name.low);
    hashNumber(1, name.high);
    hashNumber(2, this.sequence);
    hashNumber(3, this.number);
    hashNumber(4, this.region);
    hashNumber(5, this.request);
    hashText(6, this.result);
    const { low, high } = digest;
    hashFinish(digest, 1);
    this.low = (digest.low - low) | 0;
    this.high = (digest.high - high) | 0;
  }

  /** The same for an answer that was added to a digest before: to that of the leader state which gave it. */
  addAgain(digest: Digest): void {
    digest.low = (digest.low + this.low) >>> 0;
    digest.high = (digest.high + this.high) >>> 0;
  }

  take(digest: Digest): void {
    digest.low = (digest.low - this.low) >>> 0;
    digest.high = (digest.high - this.high) >>> 0;
  }
}

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
  /** Those from `start` on; earlier ones are the parent's. */
  private own: Answer[] = [];
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

  private at(position: number): Answer {
    return position >= this.start ? this.own[position - this.start]! : this.parent!.at(position);
  }

  answer(sequence: number): Answer | 'settled' | undefined {
    if (sequence > this.sequence) return undefined;
    if (sequence <= this.floor) return 'settled';
    let low = this.oldest;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    if (low === this.count) return undefined;
    const found = this.at(low);
    return found.sequence === sequence ? found : undefined;
  }

  /**
   * Records an executed sequence, higher than all before, and moves the digest of the answers. `again`: the answer is one that
   * a leader state recorded already.
   */
  record(answer: Answer, digest: Digest, again = false): void {
    if (this.count >= ANSWERS_KEPT) {
      const evicted = this.at(this.count - ANSWERS_KEPT);
      evicted.take(digest);
      this.floor = evicted.sequence;
    }
    this.own.push(answer);
    this.count++;
    this.sequence = answer.sequence;
    if (again) answer.addAgain(digest);
    else answer.add(this.name, digest);
    // A quarter more than is kept, so that each move is paid for by many answers.
    if (this.own.length > ANSWERS_KEPT + ANSWERS_KEPT / 4) {
      const surplus = this.own.length - ANSWERS_KEPT;
      this.own.splice(0, surplus);
      this.start += surplus;
    }
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
    for (let i = this.oldest; i < this.count; i++) this.at(i).take(digest);
  }

  toData(): SessionData {
    const answers: SessionData['answers'][number][] = [];
    for (let i = this.oldest; i < this.count; i++) {
      const { sequence, number, result, origin } = this.at(i);
      answers.push({ sequence, number, result, origin });
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
    for (let i = this.oldest; i < this.count; i++) copy.own.push(this.at(i));
    copy.count = copy.own.length;
    copy.low = this.low;
    copy.high = this.high;
    return copy;
  }

  static restore(data: SessionData, digest: Digest): Session {
    const session = new Session(data.id, null);
    session.joined = data.joined;
    for (const { sequence, number, result, origin } of data.answers)
      session.record(
        new Answer(sequence, number, result, origin?.region ?? -1, origin?.request ?? 0),
        digest,
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
