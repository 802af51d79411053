import { ThroughlineError } from '../errors.ts';
import type { ReadAnswer } from './types.ts';

interface Round {
  readonly ids: readonly { readonly id: number; readonly since: number }[];
  readonly sentAt: number;
  /** The replica has to stand here; undefined until the leader said. */
  number: number | undefined;
}

/**
 * Linearizable reads of this region. Reads that come before the next message leaves share it: the leader answers with a
 * number taken after all of them came, confirmed by a majority.
 */
export class PendingReads {
  private readonly capacity: number;
  private readonly deadlineMs: number;
  private readonly resendMs: number;
  private gathering: { id: number; since: number }[] = [];
  private readonly rounds = new Map<number, Round>();
  private answers: ReadAnswer[] = [];
  private count = 0;

  constructor(capacity: number, deadlineMs: number, resendMs: number) {
    this.capacity = capacity;
    this.deadlineMs = deadlineMs;
    this.resendMs = resendMs;
  }

  add(id: number, now: number): void {
    if (this.count >= this.capacity) {
      this.answers.push({ id, error: new ThroughlineError('overloaded', 'too many reads wait') });
      return;
    }
    this.count++;
    this.gathering.push({ id, since: now });
  }

  /** Rounds that the leader has not answered go to the next one; those sent before `before`, if it is given. */
  resend(before = Number.POSITIVE_INFINITY): void {
    for (const [request, round] of this.rounds) {
      if (round.number !== undefined || round.sentAt >= before) continue;
      this.rounds.delete(request);
      this.gathering = [...round.ids, ...this.gathering];
    }
  }

  /** Reads without an answer. */
  get size(): number {
    return this.count;
  }

  /** Whether a message has to be sent; `take` names it. */
  get waiting(): boolean {
    return this.gathering.length > 0;
  }

  take(request: number, now: number): void {
    this.rounds.set(request, { ids: this.gathering, sentAt: now, number: undefined });
    this.gathering = [];
  }

  /** The leader's answer: readable once `number` is applied. */
  reply(request: number, number: number, applied: number): void {
    const round = this.rounds.get(request);
    if (round === undefined) return;
    round.number = number;
    this.reached(applied);
  }

  reached(applied: number): void {
    for (const [request, round] of this.rounds) {
      if (round.number === undefined || round.number > applied) continue;
      this.rounds.delete(request);
      for (const { id } of round.ids) this.answer(id, null);
    }
  }

  /** Gives up what is too old, and asks again what was not answered. */
  expire(now: number): void {
    const late = (read: { since: number }) => now - read.since >= this.deadlineMs;
    for (const [request, round] of this.rounds) if (round.ids.every(late)) this.drop(request, round);
    this.resend(now - this.resendMs);
    if (!this.gathering.some(late)) return;
    for (const { id } of this.gathering.filter(late)) this.answer(id, unconfirmed());
    this.gathering = this.gathering.filter((read) => !late(read));
  }

  abandon(): void {
    for (const [request, round] of this.rounds) this.drop(request, round);
    for (const { id } of this.gathering) this.answer(id, unconfirmed());
    this.gathering = [];
  }

  takeAnswers(): ReadAnswer[] {
    const { answers } = this;
    if (answers.length > 0) this.answers = [];
    return answers;
  }

  private drop(request: number, round: Round): void {
    this.rounds.delete(request);
    for (const { id } of round.ids) this.answer(id, unconfirmed());
  }

  private answer(id: number, error: ThroughlineError | null): void {
    this.count--;
    this.answers.push({ id, error });
  }
}

const unconfirmed = () => new ThroughlineError('no-quorum', 'no majority confirmed what the last command is');
