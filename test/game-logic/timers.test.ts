/** Timers are part of the world: set, cancelled and fired by commands. */
import { describe, expect, it } from 'vitest';
import type { TimerContext } from '../../game-logic/context.ts';
import { TIMERS_PER_WORLD } from '../../game-logic/limits.ts';
import { TimerQueue } from '../../game-logic/timers.ts';
import type { ArenaSchema } from '../../schemas/generated/arena.ts';
import { envelopeOf, expectCommand, Lab, type LabContext, NOW } from './lab.ts';

const setting =
  (ms: number, note = 'x') =>
  (ctx: LabContext) =>
    ctx.after(ms, 'ring', { note });

describe('timers', () => {
  it('[FUN3] a timer fires under another leader, once, with the arguments it was given', () => {
    const lab = new Lab();
    const args = { note: 'first' };
    const id = envelopeOf(
      lab.run((ctx) => {
        const timer = ctx.after(3_000, 'ring', args);
        args.note = 'changed later';
        return timer;
      }),
    );
    const heard: string[] = [];
    lab.ring = (ctx, { note }) => {
      heard.push(note);
      ctx.world.coin.put({ id: 1, x: 5 });
    };
    expect(lab.call({ kind: 'timer' }).kind).toBe('nothing');
    lab.issue();
    lab.changeLeader();
    lab.now = NOW + 2_999;
    expect(lab.call({ kind: 'timer' }).kind).toBe('nothing');
    lab.now = NOW + 3_000;
    expect(lab.leader.nextTimer()).toMatchObject({
      due: NOW + 3_000,
      name: 'ring',
      args: '{"note":"first"}',
    });
    const fired = envelopeOf(lab.call({ kind: 'timer' }));
    expect(fired).toMatchObject({
      action: '$timer',
      session: '',
      sequence: 0,
      timerFired: Number(id.result),
    });
    expect(lab.call({ kind: 'timer' }).kind).toBe('nothing');
    expect(heard).toEqual(['first']);
    lab.changeLeader();
    expect(lab.call({ kind: 'timer' }).kind).toBe('nothing');
    lab.issue();
    expect(lab.state.nextTimer()).toBeUndefined();
    expect(lab.state.table('coin')?.get(1)).toMatchObject({ x: 5 });
  });

  it('[FUN3] a timer set by a command that is not issued yet is known to who adopts it', () => {
    const lab = new Lab();
    lab.run(setting(10));
    lab.changeLeader();
    lab.now += 10;
    expectCommand(lab.call({ kind: 'timer' }));
    lab.issue();
    expect(lab.leader.systemDigest).toEqual(lab.state.systemDigest);
  });

  it.each([
    ['throws', () => JSON.parse('{')],
    ['refuses', (ctx: TimerContext<ArenaSchema>) => ctx.refuse('no')],
    ['returns a promise', () => Promise.reject(new Error('later'))],
    [
      'changes too much',
      (ctx: TimerContext<ArenaSchema>) => {
        for (let id = 0; id < 10; id++) ctx.world.message.put({ id, text: 'x'.repeat(60_000) });
      },
    ],
  ] as const)('one whose function %s is gone all the same, without any other effect', (_, ring) => {
    const lab = new Lab();
    lab.run(setting(1, 'bad'));
    lab.run(setting(2, 'good'));
    lab.ring = (ctx, { note }) => {
      ctx.world.coin.put({ id: note === 'bad' ? 66 : 1 });
      ctx.after(5, 'ring', { note: 'again' });
      return note === 'bad' ? ring(ctx) : undefined;
    };
    lab.now += 2;
    const bad = envelopeOf(lab.call({ kind: 'timer' }));
    expect(bad).toMatchObject({ delta: null, timersSet: [], result: 'null' });
    expect(lab.logs).toHaveLength(1);
    expectCommand(lab.call({ kind: 'timer' }));
    expect(lab.rows('coin')).toMatchObject([{ id: 1 }]);
    lab.issue();
  });

  it('fire in order of what is due, then of their setting', () => {
    const lab = new Lab();
    const heard: string[] = [];
    lab.ring = (_, { note }) => void heard.push(note);
    lab.run(setting(30, 'c'));
    lab.run((ctx) => {
      ctx.after(10, 'ring', { note: 'a' });
      ctx.after(30, 'ring', { note: 'd' });
      ctx.after(9.2, 'ring', { note: 'b' });
    });
    lab.now += 100;
    while (lab.call({ kind: 'timer' }).kind === 'command');
    expect(heard).toEqual(['a', 'b', 'c', 'd']);
  });

  it('cancel: pending ones, once; those of the same function vanish', () => {
    const lab = new Lab();
    const id = Number(envelopeOf(lab.run(setting(10))).result);
    const executed = lab.run((ctx) => {
      const own = ctx.after(5, 'ring', { note: 'own' });
      return [ctx.cancel(own), ctx.cancel(own), ctx.cancel(id), ctx.cancel(id), ctx.cancel(12345)];
    });
    expect(envelopeOf(executed)).toMatchObject({
      result: '[true,false,true,false,false]',
      timersSet: [],
      timersCancelled: [id],
    });
    expect(lab.leader.nextTimer()).toBeUndefined();
    lab.issue();
    expect(lab.state.nextTimer()).toBeUndefined();
    expect(lab.run((ctx) => ctx.cancel(id))).toEqual({ kind: 'nothing', result: 'false' });
  });

  it('a timer cannot cancel itself, it fires already', () => {
    const lab = new Lab();
    const id = Number(envelopeOf(lab.run(setting(1))).result);
    let cancelled: boolean | undefined;
    lab.ring = (ctx) => {
      cancelled = ctx.cancel(id);
    };
    lab.now += 1;
    const fired = envelopeOf(lab.call({ kind: 'timer' }));
    expect(cancelled).toBe(false);
    expect(fired).toMatchObject({ timerFired: id, timersCancelled: [] });
    lab.issue();
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e15])('none in %s ms', (ms) => {
    const lab = new Lab();
    expect(lab.run(setting(ms))).toMatchObject({ kind: 'failed', code: 'internal' });
  });

  it('one without a function is an error where it is set', () => {
    const lab = new Lab();
    expect(lab.run((ctx) => ctx.after(1, 'rang' as 'ring', { note: '' }))).toMatchObject({
      code: 'internal',
    });
    expect(JSON.stringify(lab.logs)).toContain("no timer 'rang'");
  });

  it('one whose function was taken out of the rules is dropped when it is due', () => {
    const before = new Lab();
    before.run(setting(1));
    const after = new Lab();
    (after.definition.timers as Map<string, unknown>).clear();
    after.state.apply(before.commands[0] as Uint8Array);
    after.changeLeader();
    after.now += 1;
    expect(envelopeOf(after.call({ kind: 'timer' }))).toMatchObject({ delta: null, action: '$timer' });
    expect(after.logs).toHaveLength(1);
    expect(after.leader.nextTimer()).toBeUndefined();
  });

  it('a world has room for so many', () => {
    const lab = new Lab();
    const many = (count: number) => (ctx: LabContext) => {
      for (let i = 0; i < count; i++) ctx.after(1 + i, 'ring', { note: '' });
    };
    let set = 0;
    while (set + 50 <= TIMERS_PER_WORLD) {
      expectCommand(lab.run(many(50)));
      set += 50;
    }
    expect(lab.run(many(1))).toMatchObject({ kind: 'failed', code: 'overloaded' });
    lab.ring = (ctx) => void ctx.after(1, 'ring', { note: 'next' });
    lab.now += 1;
    // The one that fires makes room for the one it sets.
    expect(envelopeOf(lab.call({ kind: 'timer' })).timersSet).toHaveLength(1);
  });
});

describe('timer queue', () => {
  it('orders by due and id, and does not grow with what was cancelled', () => {
    const queue = new TimerQueue();
    const timer = (id: number, due: number) => ({ id, due, name: 'ring', args: 'null' });
    for (let i = 0; i < 10_000; i++) {
      queue.add(timer(i, 1_000_000 - i));
      if (i >= 10) queue.remove(i - 10);
    }
    expect(queue.size).toBe(10);
    expect((queue as unknown as { heap: unknown[] }).heap.length).toBeLessThan(200);
    const order: number[] = [];
    for (let next = queue.next(); next !== undefined; next = queue.next()) {
      order.push(next.due);
      queue.remove(next.id);
    }
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).toHaveLength(10);
  });
});
