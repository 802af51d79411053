/** What is typed: thresholds, mixes, faults. */
import { describe, expect, it } from 'vitest';
import { pauses } from '../../bots/conclude.ts';
import { longestSilence, parseFault, randomFaults } from '../../bots/faults.ts';
import { Histogram } from '../../bots/histogram.ts';
import { parseMix, populate } from '../../bots/population.ts';
import { lengthOf, parseStages, playedSeconds, staysOf } from '../../bots/stages.ts';
import { judge, parseThreshold } from '../../bots/thresholds.ts';

const parse = (text: string) => parseThreshold(text, ['issued', 'seen'], ['lost', 'bytes-up']);

describe('thresholds', () => {
  it.each<[string, object]>([
    ['issued.p99<150', { metric: 'issued', statistic: 'p99', operator: '<', bound: 150 }],
    [' issued.p99.9 <= 1.5 ', { metric: 'issued', statistic: 'p99.9', operator: '<=', bound: 1.5 }],
    ['seen.count>=10', { metric: 'seen', statistic: 'count', operator: '>=', bound: 10 }],
    ['lost==0', { metric: 'lost', statistic: '', operator: '==', bound: 0 }],
    ['bytes-up!=7', { metric: 'bytes-up', operator: '!=', bound: 7 }],
  ])('%j is understood', (text, parts) => {
    expect(parse(text)).toMatchObject(parts);
  });

  it.each<[string, string]>([
    ['', 'expected'],
    ['issued', 'expected'],
    ['issued<5', 'needs one of'],
    ['issued.p101<5', 'needs one of'],
    ['issued.mode<5', 'needs one of'],
    ['lost.p99<5', 'is one number'],
    ['gained==0', "no 'gained'"],
    ['lost=0', 'expected'],
    ['lost==-1', 'expected'],
    ['lost==0 || 1', 'expected'],
  ])('%j is not', (text, words) => {
    expect(() => parse(text)).toThrow(words);
  });

  it('are judged by what was measured', () => {
    const issued = new Histogram();
    for (let ms = 1; ms <= 100; ms++) issued.record(ms);
    const figures = {
      trends: new Map([
        ['issued', issued],
        ['seen', new Histogram()],
      ]),
      numbers: new Map([['lost', 1]]),
    };
    const passed = (text: string) => judge(parse(text), figures).passed;
    expect([passed('issued.p95<96'), passed('issued.p95<94')]).toEqual([true, false]);
    expect([passed('issued.max<=100'), passed('issued.min==1'), passed('issued.count>100')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([passed('lost==0'), passed('lost==1'), passed('lost!=0')]).toEqual([false, true, true]);
    // Of what was never measured nothing is true.
    expect([
      passed('seen.p99<5'),
      passed('seen.p99>5'),
      passed('bytes-up<5'),
      passed('seen.count==0'),
    ]).toEqual([false, false, false, true]);
  });
});

describe('mixes', () => {
  it('are shared out exactly, in an order by seed', () => {
    const mix = parseMix('walker=5,fighter=3,idle', 'arena');
    const people = populate(mix, 91, 1);
    const count = (kind: string) => people.filter((one) => one === kind).length;
    expect([people.length, count('walker'), count('fighter'), count('idle')]).toEqual([91, 51, 30, 10]);
    expect(populate(mix, 91, 1)).toEqual(people);
    expect(populate(mix, 91, 2)).not.toEqual(people);
    expect(populate(mix, 91, 2).toSorted()).toEqual(people.toSorted());
  });

  it.each([
    ['wizard=1', 'arena', "'wizard=1'"],
    ['trader=1', 'arena', 'cannot play'],
    ['walker=-1', 'arena', 'no weight'],
    ['walker=0', 'arena', 'somebody'],
    ['', 'arena', "''"],
  ])('%j in the %s is wrong', (text, world, words) => {
    expect(() => parseMix(text, world)).toThrow(words);
  });
});

describe('faults', () => {
  it('are understood', () => {
    expect(parseFault('kill:leader@10s')).toMatchObject({ kind: 'kill', target: 'leader', from: 10, to: 10 });
    expect(parseFault('cut:ap-south@1.5s-30s')).toMatchObject({
      kind: 'cut',
      target: 'ap-south',
      from: 1.5,
      to: 30,
    });
    expect(parseFault('restart:all@60')).toMatchObject({ kind: 'restart', target: 'all', from: 60 });
  });

  it.each([
    'kill',
    'kill:leader',
    'burn:eu@1s',
    'cut:eu@5s',
    'cut:eu@5s-5s',
    'kill:eu@5s-6s',
    'freeze:all@1s-2s',
    'hand-over:leader@1s',
    'kill:eu@1.2.3s',
  ])('%j is not', (text) => {
    expect(() => parseFault(text)).toThrow(`fault '${text}'`);
  });

  it('by dice are the same for a seed, one at a time, within the run', () => {
    const plan = randomFaults(5, 60, 9);
    expect(randomFaults(5, 60, 9)).toEqual(plan);
    expect(randomFaults(5, 60, 10)).not.toEqual(plan);
    plan.forEach(({ from, to }, at) => {
      expect(to).toBeLessThan(Math.min(60, plan[at + 1]?.from ?? 60));
      expect(from).toBeGreaterThan(0);
    });
  });

  it('are felt as the longest time without an acknowledgement that begins in time', () => {
    const slots = [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1];
    const silence = (from: number, to: number, end = 65) => longestSilence(slots, from, to, end, 5);
    expect(silence(0, 65)).toBe(25);
    // The long one begins after this fault's time.
    expect(silence(5, 30)).toBe(15);
    // Begun in time it counts whole.
    expect(silence(25, 35)).toBe(25);
    expect(silence(55, 60)).toBe(0);
    // Bots went on asking, and nothing came any more.
    expect(longestSilence([1, 0, 0, 0, 0, 0], 0, 5, 30, 5)).toBe(0);
    expect(longestSilence([1, 0, 0, 0, 0, 0], 0, 10, 30, 5)).toBe(25);
    expect(longestSilence([1, 0, 0, 0, 0, 0], 0, 10, 15, 5)).toBe(10);
  });

  it('are told for those who were at a region when it came, wherever they went', () => {
    const slots = (...acked: [from: number, to: number][]) =>
      Float64Array.from({ length: 2_000 }, (_, at) =>
        acked.some(([from, to]) => at * 5 >= from && at * 5 < to) ? 1 : 0,
      );
    const kill = (at: number) => ({
      fault: parseFault(`kill:us@${at / 1_000}s`),
      ...{ regions: ['us'], at, problem: null },
    });
    const [first, second] = pauses({
      inflicted: [kill(2_000), kill(6_000)],
      merged: {
        // Its bots are back after 300 ms, elsewhere; from the second fault on they count there.
        answered: new Map([
          ['us', slots([0, 2_000], [2_300, 5_970])],
          ['eu', slots([0, 2_000], [2_200, 6_000], [6_100, 10_000])],
        ]),
        groups: new Map([
          [2, { eu: 5, us: 5 }],
          [6, { eu: 10 }],
        ]),
      },
      seconds: 10,
    });
    expect(first).toMatchObject({ pauseMs: 200, byRegion: { eu: 200, us: 300 } });
    expect(second?.byRegion).toEqual({ eu: 100 });
    expect(second?.pauseMs).toBe(100);
  });
});

describe('stages', () => {
  it('ramp up and down: who came last leaves first, and nobody comes twice', () => {
    const stages = parseStages('2@1s, 4@2s,4@3s,1@3s,2@1s');
    expect(lengthOf(stages)).toBe(10);
    const stays = staysOf(stages);
    const end = Number.POSITIVE_INFINITY;
    expect(stays.map(({ comesAt, leavesAt }) => [comesAt, leavesAt])).toEqual([
      [0, end],
      [500, 9_000],
      [1_000, 8_000],
      [2_000, 7_000],
      [9_000, end],
    ]);
    expect(playedSeconds(stays, 10)).toBe(10 + 8.5 + 7 + 5 + 1);
    expect(staysOf([{ to: 3, seconds: 0 }]).map(({ comesAt }) => comesAt)).toEqual([0, 0, 0]);
  });

  it.each(['', '10', '10@', '@5s', '10@5m', '-1@5s', '0@5s', '5@5s;6@6s'])('%j are not', (text) => {
    expect(() => parseStages(text)).toThrow('stages:');
  });
});
