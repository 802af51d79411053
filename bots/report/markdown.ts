/** The report as Markdown, for a pull request or a note. Pure. */
import { TRENDS } from '../messages.ts';
import { bytes, count, list, ms, percent } from './figures.ts';
import { MEANING } from './text.ts';
import type { Report } from './types.ts';

export function markdownReport(report: Report): string {
  const { verdict, thresholds, trends, counts, load, machine, faults, target, generator } = report;
  const { books } = verdict;
  const lines = [
    `# Load test: ${report.passed ? 'passed' : 'failed'}`,
    '',
    books === null
      ? `No verdict: ${verdict.complaints.join('; ')}.`
      : `**${books.lost} lost, ${books.doubled} doubled, ${books.misordered} misordered** of ${count(books.acknowledged)} acknowledgements, against commands ${count(books.first)} to ${count(books.last)}.`,
    ...verdict.complaints.map((complaint) => `- ✗ ${complaint}`),
    ...verdict.problems.map(({ kind, text }) => `- ✗ ${kind}: ${text}`),
    ...verdict.wrongs.map(({ number, what }) => `- ✗ stream, at ${number}: ${what}`),
    '',
    ...table(
      ['threshold', 'actual', ''],
      thresholds.map(({ text, actual, passed }) => [`\`${text}\``, actual.toFixed(2), passed ? '✓' : '✗']),
    ),
    ...table(
      ['trend', 'what', 'count', 'avg', 'min', 'med', 'max', 'p90', 'p95', 'p99'],
      TRENDS.filter((name) => trends[name].count > 0).map((name) => {
        const { count: many, avg, min, med, max, p90, p95, p99 } = trends[name];
        const show = name === 'correction' ? (value: number) => `${value.toFixed(2)} m` : ms;
        return [name, MEANING[name], count(many), ...[avg, min, med, max, p90, p95, p99].map(show)];
      }),
    ),
    ...table(
      ['fault', 'at', 'whom', 'no acknowledgement anywhere', 'by region'],
      faults.map(({ fault, atMs, regions, pauseMs, byRegion, problem }) => [
        `\`${fault}\``,
        `${(atMs / 1_000).toFixed(1)} s`,
        regions.join(', '),
        problem ?? ms(pauseMs),
        Object.entries(byRegion)
          .map(([region, pause]) => `${region} ${ms(pause)}`)
          .join(', '),
      ]),
    ),
    `- ${count(counts.acts)} acts, ${count(counts.issued)} acknowledged, ${count(counts.refused)} refused, ${count(counts.failed)} failed, ${count(counts.unsettled)} unsettled, ${count(counts.dropped)} dropped`,
    `- ${bytes(counts['bytes-down'])} down, ${bytes(counts['bytes-up'])} up; reconnects: ${list(report.reconnects) || 'none'}`,
    ...(counts.predictions > 0
      ? [
          `- mispredictions: ${percent(counts.mispredictions / counts.predictions)} of ${count(counts.predictions)}`,
        ]
      : []),
    `- ${load.bots} bots (${list(load.kinds)}), ${load.rate} acts/s each, ${load.seconds.toFixed(1)} s, seed ${load.seed}, ${load.workers} workers; ${generator.words}`,
    `- ${target.world} at ${target.urls.join(', ')}; Throughline ${report.version}`,
    `- ${machine.cpus} × ${machine.model}, ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node}; ${report.startedAt}`,
    `- \`${report.commandLine}\``,
    '',
  ];
  return lines.join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}
