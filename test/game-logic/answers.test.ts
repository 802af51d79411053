/**
 * The answers of a session against a plain list that forgets nothing: rings that turn over, a leader state over a replica that
 * lags behind by any number of answers, leaders that change, copies and snapshots in between.
 */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AnswerData, AnswerHash } from '../../game-logic/answers.ts';
import { ANSWERS_KEPT } from '../../game-logic/limits.ts';
import { Session } from '../../game-logic/sessions.ts';
import type { Digest } from '../../schemas/support/types.ts';

/** An executed sequence, and what else of the session its command changed. */
interface Done extends AnswerData {
  readonly joined: boolean;
  readonly time: number;
}

const shown = ({ number, result, region, request }: AnswerData) => ({
  ...{ number, result, origin: region === -1 ? null : { region, request } },
});

/** All that a session must say of itself after these. */
function check(session: Session, done: readonly Done[], any: number): void {
  const floor = done.at(-ANSWERS_KEPT - 1)?.sequence ?? 0;
  const last = done.at(-1)?.sequence ?? 0;
  const of = (sequence: number) => {
    if (sequence <= floor) return 'settled';
    const answer = done.find((each) => each.sequence === sequence);
    return answer === undefined ? undefined : shown(answer);
  };
  for (const sequence of [floor - 1, floor, floor + 1, last - 1, last, last + 1, any % (last + 2)])
    expect(session.answer(sequence)).toEqual(of(sequence));
  expect(session.toData()).toEqual({
    ...{ id: 's', joined: done.at(-1)?.joined ?? false, sequence: last, time: done.at(-1)?.time ?? 0, floor },
    answers: done.slice(-ANSWERS_KEPT).map((each) => ({ sequence: each.sequence, ...shown(each) })),
  });
}

/** A replica's session and a leader's over it, each with its digest and its list. */
class Pair {
  readonly done: Done[] = [];
  /** Hashes that the leader took of `done`, for a replica that need not take them again. */
  readonly #hashes: AnswerHash[] = [];
  readonly replicaDigest: Digest = { low: 0, high: 0 };
  leaderDigest: Digest;
  replica = new Session('s', null);
  leader: Session;
  /** How many of `done` the replica knows. */
  applied = 0;

  constructor() {
    this.replica.rehash(this.replicaDigest);
    this.leaderDigest = { ...this.replicaDigest };
    this.leader = new Session('s', this.replica);
  }

  execute(count: number, step: number): void {
    for (let i = 0; i < count; i++) {
      const sequence = (this.done.at(-1)?.sequence ?? 0) + step;
      const region = (this.done.length % 4) - 1;
      const done: Done = {
        ...{ sequence, number: this.done.length + 1, result: `"${sequence}"` },
        ...{ region, request: region === -1 ? 0 : sequence * 7 },
        ...{ joined: sequence % 5 !== 0, time: sequence * 3 },
      };
      this.done.push(done);
      this.#hashes.push(this.#record(this.leader, done, this.leaderDigest, null));
    }
  }

  apply(count: number, reuse: boolean): void {
    for (const end = Math.min(this.done.length, this.applied + count); this.applied < end; this.applied++) {
      const hash = reuse ? this.#hashes[this.applied]! : null;
      this.#record(this.replica, this.done[this.applied]!, this.replicaDigest, hash);
    }
  }

  /** Another leads: what was not issued is forgotten. */
  changeLeader(): void {
    this.done.length = this.applied;
    this.#hashes.length = this.applied;
    this.leader = new Session('s', this.replica);
    this.leaderDigest = { ...this.replicaDigest };
  }

  /** The replica goes on from a copy of itself. */
  replace(replica: Session): void {
    this.replica = replica;
    this.changeLeader();
  }

  check(any: number): void {
    check(this.leader, this.done, any);
    check(this.replica, this.done.slice(0, this.applied), any);
    if (this.applied === this.done.length) expect(this.replicaDigest).toEqual(this.leaderDigest);
  }

  #record(session: Session, done: Done, digest: Digest, known: AnswerHash | null): AnswerHash {
    session.joined = done.joined;
    session.time = done.time;
    const hash = session.record(done, digest, known);
    session.rehash(digest);
    return hash;
  }
}

type Step =
  | { readonly kind: 'execute'; readonly count: number; readonly by: number }
  | { readonly kind: 'apply'; readonly count: number; readonly reuse: boolean }
  | { readonly kind: 'leader' | 'copyLeader' | 'copy' | 'restore' };

const count = fc.integer({ min: 1, max: 90 });
const by = fc.integer({ min: 1, max: 3 });
const rare = fc.constantFrom('leader' as const, 'copyLeader' as const, 'copy' as const, 'restore' as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('execute' as const), count, by }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('apply' as const), count, reuse: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: rare }) },
);

function take(pair: Pair, step: Step): void {
  if (step.kind === 'execute') pair.execute(step.count, step.by);
  else if (step.kind === 'apply') pair.apply(step.count, step.reuse);
  else if (step.kind === 'leader') pair.changeLeader();
  else if (step.kind === 'copyLeader') pair.leader = pair.leader.copy();
  else if (step.kind === 'copy') pair.replace(pair.replica.copy());
  else {
    const digest = { low: 0, high: 0 };
    const restored = Session.restore(pair.replica.toData(), digest);
    expect(digest).toEqual(pair.replicaDigest);
    pair.replace(restored);
  }
}

it('[ONCE2] [ONCE3] a session says of every sequence what a list of all answers says, and its digest leaves nothing behind', () => {
  let turnedOver = 0;
  const steps = fc.array(fc.tuple(step, fc.nat()), { minLength: 15, maxLength: 40 });
  void fc.assert(
    fc.property(steps, (all) => {
      const pair = new Pair();
      for (const [each, any] of all) {
        take(pair, each);
        pair.check(any);
        if (pair.applied > 2 * ANSWERS_KEPT) turnedOver++;
      }
      for (const [session, digest] of [
        [pair.replica, pair.replicaDigest],
        [pair.leader, pair.leaderDigest],
      ] as const) {
        const left = { ...digest };
        session.take(left);
        expect(left).toEqual({ low: 0, high: 0 });
      }
    }),
    { numRuns: 60 },
  );
  // Otherwise nothing was tried.
  expect(turnedOver).toBeGreaterThan(50);
});
