import { expect, it } from 'vitest';
import { reasonOf } from './reasons.ts';
import { percent, reportOf, sum } from './report.ts';

const place = (line: number, column = 0, end = line) => ({
  start: { line, column },
  end: { line: end, column: 80 },
});

it('tells an assertion from an alarm from code that nothing reaches', () => {
  const source = [
    'const a = 1;',
    "if (a > 1) fail('I1', 'no', { a });",
    'if (a > 2)',
    "  fail('I2', 'no', { a });",
    "if (a > 3) step.alarms.push('bad peer');",
    'if (a > 4) forget();',
  ].join('\n');
  const report = reportOf(
    {
      path: '/x.ts',
      statementMap: { 0: place(1), 1: place(2, 11), 2: place(4), 3: place(5, 11), 4: place(6, 11) },
      s: { 0: 7, 1: 0, 2: 0, 3: 0, 4: 0 },
      branchMap: {
        0: { loc: place(2), locations: [place(2), place(2)] },
        1: { loc: place(6), locations: [place(6), { start: {}, end: {} }] },
      },
      b: { 0: [0, 7], 1: [0, 7] },
    },
    source,
  );
  expect(report.gaps.map(({ line, why }) => [line, why])).toEqual([
    [2, 'stop'],
    [4, 'stop'],
    [5, 'alarm'],
    [6, 'code'],
  ]);
  expect(report.lines).toEqual({ covered: 1, all: 5 });
  expect(report.honestLines).toEqual({ covered: 1, all: 3 });
  expect(report.branches).toEqual({ covered: 2, all: 4 });
  expect(report.honestBranches).toEqual({ covered: 2, all: 3 });
  expect(percent(sum([report.lines, report.lines]))).toBe(20);
});

it('knows the reason of a line by its text, wherever it stands', () => {
  expect(reasonOf('server/leader/queue.ts', 'if (lines === undefined || line === null) return;')).toMatch(
    /callers/,
  );
  expect(reasonOf('server/leader/queue.ts', 'this.count--;')).toBeUndefined();
  expect(reasonOf('server/leader/other.ts', 'line === null')).toBeUndefined();
});
