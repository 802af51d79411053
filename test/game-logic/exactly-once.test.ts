/** Sessions and their sequences: CONTRACT.md, "Sequences of a session rise from 1". */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANSWERS_KEPT } from '../../game-logic/limits.ts';
import type { Executed } from '../../game-logic/types.ts';
import { envelopeOf, expectCommand, Lab, type LabContext } from './lab.ts';

/** Counts on a row and answers the count: a second effect would show. */
function count(ctx: LabContext): number {
  const coin = ctx.world.coin.get(1);
  if (coin !== undefined) {
    coin.x += 1;
    return coin.x;
  }
  ctx.world.coin.put({ id: 1, x: 1 });
  return 1;
}

const nothing = () => 'seen';
const refusing = (ctx: LabContext) => ctx.refuse('no');

function codeOf(executed: Executed): string {
  return executed.kind === 'failed' || executed.kind === 'refused' ? executed.code : executed.kind;
}

describe('exactly once', () => {
  it('[ONCE1] the effect and the record of the session are one command', () => {
    const lab = new Lab();
    const envelope = envelopeOf(lab.run(count, 'ann', 3));
    expect(envelope).toMatchObject({ session: 'ann', sequence: 3, action: 'move', result: '1' });
    expect(envelope.origin).toEqual({ region: 1, request: 3 });
    expect(lab.state.session('ann')).toBeUndefined();
    lab.issue();
    expect(lab.state.session('ann')).toMatchObject({ sequence: 3, joined: false, time: lab.now });
    expect(lab.state.session('ann')?.answer(3)).toMatchObject({ number: 1, result: '1' });
  });

  it.each(['open', 'issued', 'adopted'] as const)('[ONCE2] a repeat gets the first answer: %s', (where) => {
    const lab = new Lab();
    lab.run(count, 'ann', 1);
    lab.run(count, 'ann', 2);
    if (where === 'issued') lab.issue();
    if (where === 'adopted') lab.changeLeader();
    for (const sequence of [1, 2]) {
      const executed = lab.run(() => expect.unreachable('run twice'), 'ann', sequence);
      if (executed.kind !== 'duplicate') expect.unreachable(codeOf(executed));
      else {
        expect(executed.answer).toMatchObject({ number: sequence, result: `${sequence}` });
        expect(executed.answer.origin).toEqual({ region: 1, request: sequence });
      }
    }
    expect(lab.leader.version).toBe(2);
  });

  it('[ONCE2] a repeat of an executed sequence is told so whatever it asks for', () => {
    const lab = new Lab();
    lab.run(count, 'ann', 1);
    const origin = { region: 0, request: 9 };
    const args = new Uint8Array([1, 2, 3]);
    const call = { kind: 'action', session: 'ann', sequence: 1, action: 'none', args, origin } as const;
    expect(lab.call(call).kind).toBe('duplicate');
    expect(codeOf(lab.call({ ...call, sequence: 2 }))).toBe('no-such-action');
    expect(codeOf(lab.call({ ...call, sequence: 2, action: 'toString' }))).toBe('no-such-action');
    expect(codeOf(lab.call({ ...call, sequence: 2, action: 'move' }))).toBe('bad-arguments');
    expect(codeOf(lab.call({ ...call, session: 'bob', sequence: 2, action: 'move' }))).toBe('bad-arguments');
    expect(lab.leader.session('bob')).toBeUndefined();
  });

  it('[ONCE3] gaps are allowed, and what was left out is out of order for ever', () => {
    const lab = new Lab();
    expect(codeOf(lab.run(count, 'ann', 2))).toBe('command');
    expect(codeOf(lab.run(count, 'ann', 5))).toBe('command');
    for (const sequence of [1, 3, 4]) expect(codeOf(lab.run(count, 'ann', sequence))).toBe('out-of-order');
    expect(codeOf(lab.run(count, 'ann', 6))).toBe('command');
    expect(lab.leader.version).toBe(3);
  });

  it('[ONCE3] the last 128 executed answers are held, older ones are settled', () => {
    const lab = new Lab();
    // Even sequences only: each odd one is a definite no as long as that can be told.
    const last = 2 * (2 * ANSWERS_KEPT);
    for (let sequence = 2; sequence <= last; sequence += 2) {
      expectCommand(lab.run(count, 'ann', sequence));
      if (sequence % 7 === 0) lab.issue(3);
      if (sequence % 60 === 0) lab.changeLeader();
    }
    const oldest = last - 2 * (ANSWERS_KEPT - 1);
    const outcomes = (session: { answer(sequence: number): unknown } | undefined) =>
      [oldest - 3, oldest - 2, oldest - 1, oldest, oldest + 1, last - 1, last, last + 1].map((sequence) => {
        const answer = session?.answer(sequence);
        return typeof answer === 'object' ? 'answer' : answer;
      });
    const expected = ['settled', 'settled', undefined, 'answer', undefined, undefined, 'answer', undefined];
    expect(outcomes(lab.leader.session('ann'))).toEqual(expected);
    lab.issue();
    expect(outcomes(lab.state.session('ann'))).toEqual(expected);
    expect(outcomes(lab.state.fork().session('ann'))).toEqual(expected);
    expect(codeOf(lab.run(count, 'ann', oldest - 2))).toBe('settled');
    expect(codeOf(lab.run(count, 'ann', oldest - 1))).toBe('out-of-order');
    expect(codeOf(lab.run(count, 'ann', oldest))).toBe('duplicate');
  });

  it('[FUN4] what had no effect leaves no record: a repeat is a new attempt', () => {
    const lab = new Lab();
    expect(lab.run(nothing, 'ann', 4)).toEqual({ kind: 'nothing', result: '"seen"' });
    expect(codeOf(lab.run(refusing, 'ann', 4))).toBe('no');
    expect(lab.leader.session('ann')).toBeUndefined();
    expect(codeOf(lab.run(count, 'ann', 2))).toBe('command');
    expect(codeOf(lab.run(count, 'ann', 4))).toBe('command');
    expect(lab.leader.version).toBe(2);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1])('no sequence is %s', (sequence) => {
    const lab = new Lab();
    expect(codeOf(lab.run(count, 'ann', sequence))).toBe('bad-arguments');
    lab.run(count, 'ann', 1);
    expect(codeOf(lab.run(count, 'ann', sequence))).toBe('bad-arguments');
  });

  it.each(['', 'x'.repeat(129), '\ud800'])('no session is named %j', (session) => {
    const lab = new Lab({ join: () => {} });
    expect(codeOf(lab.run(count, session, 1))).toBe('bad-arguments');
    expect(codeOf(lab.call({ kind: 'join', session }))).toBe('bad-arguments');
    expect(lab.leader.version).toBe(0);
  });

  it('a world holds as many sessions as it says', () => {
    const lab = new Lab({ maxSessions: 2, join: () => {} });
    lab.run(count, 'ann', 1);
    lab.call({ kind: 'join', session: 'bob' });
    expect(codeOf(lab.run(count, 'cid', 1))).toBe('overloaded');
    expect(codeOf(lab.call({ kind: 'join', session: 'cid' }))).toBe('overloaded');
    expect(codeOf(lab.run(count, 'ann', 2))).toBe('command');
    lab.call({ kind: 'end', session: 'bob' });
    expect(codeOf(lab.run(count, 'cid', 1))).toBe('command');
    expect([...lab.leader.sessions()].map(({ id }) => id).sort()).toEqual(['ann', 'cid']);
    lab.issue();
    expect([...lab.state.sessions()].map(({ id }) => id).sort()).toEqual(['ann', 'cid']);
  });
});

describe('join, leave, end', () => {
  it('a world without join and leave functions makes no commands of them', () => {
    const lab = new Lab();
    expect(lab.call({ kind: 'join', session: 'ann' }).kind).toBe('nothing');
    lab.run(count, 'ann', 1);
    expect(lab.call({ kind: 'join', session: 'ann' }).kind).toBe('nothing');
    expect(lab.call({ kind: 'leave', session: 'ann' }).kind).toBe('nothing');
    expect(lab.leader.session('ann')?.joined).toBe(false);
  });

  it('a join is a command even if it changes no row, once', () => {
    const lab = new Lab({ leave: (ctx) => void ctx.world.player.remove(ctx.session) });
    const joined = envelopeOf(lab.call({ kind: 'join', session: 'ann' }));
    expect(joined).toMatchObject({ action: '$join', session: 'ann', sequence: 0, delta: null });
    expect(lab.call({ kind: 'join', session: 'ann' }).kind).toBe('nothing');
    lab.issue();
    expect(lab.state.session('ann')?.joined).toBe(true);
    expect(envelopeOf(lab.call({ kind: 'leave', session: 'ann' })).action).toBe('$leave');
    expect(lab.call({ kind: 'leave', session: 'ann' }).kind).toBe('nothing');
    expect(lab.call({ kind: 'leave', session: 'bob' }).kind).toBe('nothing');
    lab.issue();
    expect(lab.state.session('ann')?.joined).toBe(false);
  });

  it("what join, leave and tick return is nobody's answer", () => {
    const draft = (ctx: LabContext) => {
      ctx.world.player.put({ id: 'x', hp: 1 });
      return ctx.world.player.get('x');
    };
    const lab = new Lab({ join: draft, leave: draft, tick: draft });
    for (const kind of ['join', 'leave'] as const)
      expect(envelopeOf(lab.call({ kind, session: 'ann' })).result).toBe('null');
    lab.run((ctx) => void ctx.world.player.remove('x'));
    expect(envelopeOf(lab.call({ kind: 'tick' })).result).toBe('null');
    expect(lab.logs).toEqual([]);
  });

  it('who is refused at the door has not joined', () => {
    const lab = new Lab({ join: (ctx) => ctx.refuse('full-house') });
    expect(codeOf(lab.call({ kind: 'join', session: 'ann' }))).toBe('full-house');
    expect(lab.leader.session('ann')).toBeUndefined();
  });

  it.each([
    ['throws', () => JSON.parse('{')],
    ['refuses', (ctx: LabContext) => ctx.refuse('stay')],
  ] as const)('who leaves has left, even if the function %s', (_, leave) => {
    const half = (ctx: LabContext) => {
      ctx.world.player.put({ id: 'half' });
      leave(ctx);
    };
    const lab = new Lab({ join: (ctx) => ctx.world.player.put({ id: ctx.session }), leave: half });
    lab.call({ kind: 'join', session: 'ann' });
    expectCommand(lab.call({ kind: 'leave', session: 'ann' }));
    lab.issue();
    expect(lab.state.session('ann')?.joined).toBe(false);
    expect(lab.state.table('player')?.size).toBe(1);
    expect(lab.logs.length).toBe(1);
  });

  it('an end drops the session, and what leave does comes with it', () => {
    const lab = new Lab({
      join: (ctx) => ctx.world.player.put({ id: ctx.session }),
      leave: (ctx) => void ctx.world.player.remove(ctx.session),
    });
    const empty = new Lab().leader.systemDigest;
    lab.call({ kind: 'join', session: 'ann' });
    for (let i = 0; i < ANSWERS_KEPT + 5; i++) lab.run(count);
    lab.issue();
    expect(envelopeOf(lab.call({ kind: 'end', session: 'ann' })).action).toBe('$end');
    expect(lab.call({ kind: 'end', session: 'ann' }).kind).toBe('nothing');
    expect(lab.leader.session('ann')).toBeUndefined();
    // Begins anew on LS while M still knows the old one.
    expectCommand(lab.run(count, 'ann', 1));
    expect(lab.leader.session('ann')?.answer(1)).toMatchObject({ number: lab.leader.version });
    expect([...lab.leader.sessions()].length).toBe(1);
    lab.issue();
    expect(lab.state.session('ann')?.sequence).toBe(1);
    expect(lab.state.table('player')?.size).toBe(0);
    lab.call({ kind: 'end', session: 'ann' });
    lab.issue();
    expect(lab.state.sessionCount()).toBe(0);
    expect(lab.state.systemDigest).not.toEqual(empty);
    // Nothing of a session is left in the digest: only the clock differs from the beginning.
    const clock = new Lab({ tick: (ctx) => ctx.world.coin.put({ id: 1 }) });
    clock.call({ kind: 'tick' });
    expect(lab.state.systemDigest).toEqual(clock.leader.systemDigest);
  });
});

describe('sessions against a model', () => {
  type Event = {
    readonly session: string;
    readonly kind: 'act' | 'end' | 'issue' | 'leader';
    readonly sequence: number;
  };
  const event: fc.Arbitrary<Event> = fc.record({
    session: fc.constantFrom('ann', 'bob'),
    kind: fc.constantFrom('act', 'act', 'act', 'act', 'act', 'end', 'issue', 'leader'),
    sequence: fc.integer({ min: 1, max: 12 }),
  });

  it('[ONCE2] [ONCE3] answers are those of a list of all that was executed', () => {
    void fc.assert(
      fc.property(fc.array(event, { maxLength: 80, size: 'max' }), (events) => {
        const lab = new Lab();
        const model = new Map<string, Map<number, number>>();
        for (const { session, kind, sequence } of events) {
          if (kind === 'issue') lab.issue(sequence % 4);
          else if (kind === 'leader') lab.changeLeader();
          else if (kind === 'end') {
            const ended = lab.call({ kind: 'end', session });
            expect(ended.kind).toBe(model.delete(session) ? 'command' : 'nothing');
          } else {
            const executed = lab.run(count, session, sequence);
            const done = model.get(session) ?? new Map<number, number>();
            const known = done.get(sequence);
            if (known !== undefined)
              expect(executed).toMatchObject({ kind: 'duplicate', answer: { number: known } });
            else if (sequence < Math.max(0, ...done.keys())) expect(codeOf(executed)).toBe('out-of-order');
            else {
              done.set(sequence, expectCommand(executed).number);
              model.set(session, done);
            }
          }
          expect([...lab.leader.sessions()].map(({ id }) => id).sort()).toEqual([...model.keys()].sort());
        }
        lab.issue();
        expect(lab.leader.overlaySize).toBe(0);
        expect([...lab.state.sessions()].map(({ id }) => id).sort()).toEqual([...model.keys()].sort());
      }),
      { numRuns: 80 },
    );
  });
});
