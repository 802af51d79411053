/** The pure parts of the benchmark program: what it is told, what it makes of samples, what it says of two runs. */
import { describe, expect, it } from 'vitest';
import { readArguments, wanted } from './args.ts';
import { compare, ratio, Samples, type Summary, summarise } from './figures.ts';
import { unquiet } from './machine.ts';
import { reportOf } from './plain-results.ts';
import { median, percentile, table } from './statistics.ts';

describe('arguments', () => {
  const known = ['commits', 'peers'];

  it('takes several names, and what was not said stands at its default', () => {
    const { names, options } = readArguments(['commits', 'peers', '--in-flight', '1,64'], known);
    expect(names).toEqual(['commits', 'peers']);
    expect(options).toMatchObject({ rounds: 3, seconds: 4, times: 30, inFlight: [1, 64], counts: null });
  });

  it('is short where it should be quick, unless told how long', () => {
    const { options } = readArguments(['commits', '--quick', '--seconds', '2.5'], known);
    expect(options).toMatchObject({ rounds: 1, seconds: 2.5, times: 2 });
  });

  it.each([
    [['fly'], "no benchmark 'fly'"],
    [[], 'which benchmark'],
    [['commits', '--rounds', '0'], '--rounds'],
    [['commits', '--rounds', '1.5'], '--rounds'],
    [['commits', '--seconds', 'x'], '--seconds'],
    [['commits', '--in-flight', '1,,2'], '--in-flight'],
    [['commits', '--nonsense'], 'nonsense'],
  ])('refuses %j with words', (argv, words) => {
    expect(() => readArguments(argv, known)).toThrow(words);
  });

  it('chooses parts by words of their names', () => {
    const { options } = readArguments(['commits', '--only', 'kill,cut'], known);
    expect(['kill', 'stop', 'cut the leader'].map((part) => wanted(options, part))).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('figures', () => {
  it('are summed up by median and ends, without rounds that measured nothing', () => {
    const samples = [3, Number.NaN, 1, 20];
    expect(summarise({ name: 'a', unit: '/s', better: 'more', samples })).toMatchObject({
      median: 3,
      min: 1,
      max: 20,
    });
  });

  it('give a ratio of medians, NaN where one is missing', () => {
    const samples = new Samples();
    for (const value of [8, 10, 12]) samples.add('ours', value, '/s', 'more');
    samples.add('theirs', 4, '/s', 'more');
    expect(ratio(samples.figures(), 'ours', 'theirs')).toBe(2.5);
    expect(ratio(samples.figures(), 'ours', 'missing')).toBeNaN();
    expect([samples.cell('ours'), samples.cell('missing'), samples.spread('ours')]).toEqual([
      10,
      '-',
      '8-12',
    ]);
  });

  const of = (name: string, better: 'more' | 'less', samples: number[]): Summary =>
    summarise({ name, unit: 'ms', better, samples });

  it('differ only where the spreads of two runs do not overlap', () => {
    const before = [of('rate', 'more', [90, 100, 110]), of('p99', 'less', [5, 6, 7]), of('cpu', 'less', [1])];
    const now = [of('rate', 'more', [109, 120, 130]), of('p99', 'less', [8, 9, 9]), of('new', 'less', [1])];
    expect(compare(before, now)).toEqual([
      { name: 'rate', unit: 'ms', before: 100, now: 120, ratio: 1.2, verdict: 'same' },
      { name: 'p99', unit: 'ms', before: 6, now: 9, ratio: 1.5, verdict: 'worse' },
    ]);
    expect(compare([of('rate', 'more', [1])], [of('rate', 'more', [2])])[0]?.verdict).toBe('better');
  });

  it('are taken from plain rows, too', () => {
    const { figures } = reportOf({ rows: [{ group: 10, perSecond: 500, p50: 2, spread: [400, 600] }] });
    expect(figures).toEqual([
      { name: 'group 10, perSecond', unit: '', better: 'more', samples: [400, 500, 600] },
      { name: 'group 10, p50', unit: '', better: 'less', samples: [2] },
    ]);
  });
});

describe('statistics', () => {
  it('percentiles, and a table whose figures stand right', () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(samples, 0), percentile(samples, 0.5), percentile(samples, 0.99)]).toEqual([
      1, 51, 100,
    ]);
    expect(median([])).toBeNaN();
    expect(
      table([
        ['name', 'x'],
        ['a', 10],
      ]),
    ).toBe('name   x\na     10');
  });

  it('says when others use the machine', () => {
    expect(unquiet({ load: 0.4, cores: 2 })).toBeNull();
    expect(unquiet({ load: 1.7, cores: 2 })).toContain('not quiet');
  });
});
