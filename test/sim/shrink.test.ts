import { describe, expect, it } from 'vitest';
import { Choices, Runaway } from './choices.ts';
import { parseSpans, printSpans, spansOf } from './kept.ts';
import { loadProduction } from './mutants/load.ts';
import * as production from './production.ts';
import { commandOf, runSpec } from './run.ts';
import { Shrinker } from './shrink.ts';

describe('kept choices', () => {
  it('are printed as spans, and read again', () => {
    const spans = spansOf([0, 1, 2, 7, 9, 10]);
    expect(printSpans(spans)).toBe('0-2,7,9-10');
    expect(parseSpans('0-2,7,9-10')).toEqual(spans);
    expect(parseSpans(printSpans([]))).toEqual([]);
    for (const wrong of ['', 'x', '3-1', '5,4', '1-2-3', '1,,2']) expect(parseSpans(wrong)).toBeUndefined();
  });

  it('are those of the seed; all others are the harmless one', () => {
    const draw = (choices: Choices) => Array.from({ length: 8 }, () => choices.below(1000));
    const all = draw(Choices.fromSeed('seed'));
    expect(draw(Choices.calmed('seed', null))).toEqual(all);
    const some = draw(Choices.calmed('seed', parseSpans('1-2,6')!));
    expect(some).toEqual(all.map((value, at) => ([1, 2, 6].includes(at) ? value : 0)));
    expect(() => draw(Choices.calmed('seed', null, 7))).toThrow(Runaway);
  });
});

describe('a failing run is made smaller', () => {
  const BROKEN = [
    {
      what: 'votes leave before they are on the disk',
      kind: 'wild',
      edit: {
        file: 'server/consensus/voting.ts',
        find: 'type Step, sendWritten }',
        replace: 'type Step, send as sendWritten }',
      },
    },
    {
      what: 'a vote is not a promise',
      kind: 'timed',
      edit: { file: 'server/consensus/voting.ts', find: 'paxos.nextBal = ballot;', replace: '' },
    },
  ] as const;

  it.each(BROKEN)('and breaks the same rule: $what', { timeout: 120_000 }, async ({ kind, edit, what }) => {
    const broken = await loadProduction([edit]);
    const specs = Array.from({ length: 200 }, (_, index) => ({ seed: `shrink-${index}`, steps: 1500, kind }));
    const spec = specs.find((candidate) => runSpec(broken, candidate).finding !== undefined)!;
    const { from, to, kept } = new Shrinker(broken, { runs: 120, ms: 30_000 }).shrink(spec)!;
    console.log(
      `${what}: ${from.report.steps} events, ${kept.from} choices, ${from.report.faults} faults -> ${to.report.steps} events, ${kept.to} choices, ${to.report.faults} faults\n  ${commandOf(to.spec)}`,
    );
    expect(to.finding?.rule).toBe(from.finding?.rule);
    expect(kept.to).toBeLessThan(kept.from / 2);
    expect(to.report.steps).toBeLessThanOrEqual(from.report.steps);
    // What is printed is the run, to the letter.
    const again = runSpec(broken, { ...to.spec, keep: parseSpans(printSpans(to.spec.keep!))! });
    expect(again.finding).toEqual(to.finding);
    expect(again.report).toEqual(to.report);
  });

  it('a run that does not fail is left alone', () => {
    expect(new Shrinker(production).shrink({ seed: 'healthy', steps: 300, kind: 'wild' })).toBeNull();
  });
});
