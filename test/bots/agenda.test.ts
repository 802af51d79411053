import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../bots/agenda.ts';
import { seeded, zipf } from '../../bots/random.ts';

/** All turns that are due at `now`. */
function due(turns: Turns, now: number) {
  const all = [];
  for (let turn = turns.take(now); turn !== undefined; turn = turns.take(now)) all.push(turn);
  return all;
}

describe('the open model', () => {
  it('a stall moves no turn: each keeps the moment that was meant', () => {
    const smooth = new Turns();
    const stalled = new Turns();
    for (const turns of [smooth, stalled])
      for (let who = 0; who < 20; who++) turns.add(who, 0, 10, seeded(7, `bot ${who}`));
    const each = [];
    for (let now = 0; now <= 5_000; now++) each.push(...due(smooth, now));
    // The same five seconds, but this process, or the server, stood still for three of them.
    const late = [...due(stalled, 1_000), ...due(stalled, 4_000), ...due(stalled, 5_000)];
    expect(late).toEqual(each);
    expect(each.length).toBeGreaterThan(20 * 5 * 10 * 0.9);
    expect(each.length).toBeLessThan(20 * 5 * 10 * 1.1);
  });

  it('gives turns in the order of their moments, whatever their paces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (rates) => {
          const turns = new Turns();
          for (const [who, rate] of rates.entries()) turns.add(who, 0, rate, seeded(who, 'x'));
          const moments = due(turns, 2_000).map(({ at }) => at);
          expect(moments).toEqual(moments.toSorted((a, b) => a - b));
          expect(moments.every((at) => at <= 2_000)).toBe(true);
          expect(turns.next).toBeGreaterThan(2_000);
        },
      ),
    );
  });

  it('nobody has a turn where nobody plays', () => {
    expect([new Turns().next, new Turns().take(1e9)]).toEqual([Number.POSITIVE_INFINITY, undefined]);
  });
});

describe('dice', () => {
  it('fall the same way for the same seed and stream, and another way for others', () => {
    const draw = (seed: number, stream: string) => Array.from({ length: 20 }, seeded(seed, stream));
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
    expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
    expect(draw(3, 'c').every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('of Zipf want the first most, and all alike without skew', () => {
    const random = seeded(5, 'market');
    const count = (skew: number) => {
      const drawn = new Array<number>(10).fill(0);
      const market = zipf(10, skew);
      for (let at = 0; at < 20_000; at++) {
        const which = market(random);
        drawn[which] = (drawn[which] ?? 0) + 1;
      }
      return drawn;
    };
    const [first = 0, second = 0] = count(1);
    // 1 / (1 + 1/2 + … + 1/10) of all is 34 %.
    expect(first / 20_000).toBeCloseTo(0.341, 1);
    expect(first / second).toBeGreaterThan(1.7);
    for (const drawn of count(0)) expect(drawn / 20_000).toBeCloseTo(0.1, 1);
  });
});
