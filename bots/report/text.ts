/** The end report for a terminal, laid out as k6 does it. Pure. */
import { TRENDS, type Trend } from '../messages.ts';
import { bytes, count, list, ms, percent, rate } from './figures.ts';
import type { Report } from './types.ts';

const WIDTH = 26;

export const MEANING: Readonly<Record<Trend, string>> = {
  issued: 'meant to act → acknowledged',
  executed: "meant to act → run by the leader (by the leader's clock)",
  seen: 'meant to act → in the stream of another region',
  connect: 'dialled → current',
  reconnect: 'line lost → current again',
  correction: 'foretold by the SDK → issued, where they differ',
  late: 'how late the generator took its turns',
};

export function textReport(report: Report): string {
  const lines = [
    '',
    ...verdictLines(report),
    ...thresholdLines(report),
    '',
    ...trendLines(report),
    '',
    ...countLines(report),
    ...faultLines(report),
    '',
    ...aboutLines(report),
    '',
  ];
  return lines.join('\n');
}

function dotted(name: string, value: string): string {
  return `  ${name}${'.'.repeat(Math.max(1, WIDTH - name.length))}: ${value}`;
}

function verdictLines({ verdict }: Report): string[] {
  const { books, sound, complaints, problems, wrongs, readFrom, digests } = verdict;
  const lines = [`  VERDICT  ${sound ? '✓ sound' : '✗ not sound'}`];
  if (books !== null) {
    const { lost, doubled, misordered, acknowledged, unchanged, first, last } = books;
    lines.push(
      `    ${lost} lost, ${doubled} doubled, ${misordered} misordered, ${books.denied} told no but done, ${books.invented} never asked for`,
      `    ${count(acknowledged)} acknowledgements (${count(unchanged)} changed nothing) against commands ${count(first)} to ${count(last)} of ${readFrom}`,
      `    ${count(books.unacknowledged)} in the sequence without an acknowledgement (allowed: their answer did not come in time)`,
    );
  }
  const known = digests.filter(([, digest]) => digest !== null);
  if (known.length > 0) {
    const equal = known.every(([, digest]) => digest === known[0]?.[1]);
    lines.push(
      `    digest at the end ${equal ? `${known[0]?.[1]} in` : 'DIFFERS between'} ${known.length} of ${digests.length} regions`,
    );
  }
  for (const complaint of complaints) lines.push(`    ✗ ${complaint}`);
  for (const { kind, text } of problems) lines.push(`    ✗ ${kind}: ${text}`);
  for (const { number, what } of wrongs) lines.push(`    ✗ stream, at ${number}: ${what}`);
  return lines;
}

function thresholdLines({ thresholds }: Report): string[] {
  if (thresholds.length === 0) return [];
  return [
    '',
    '  THRESHOLDS',
    ...thresholds.map(({ text, actual, passed }) => {
      const value = Number.isNaN(actual) ? 'nothing measured' : actual.toFixed(actual % 1 === 0 ? 0 : 2);
      return `    ${passed ? '✓' : '✗'} ${text}  (${value})`;
    }),
  ];
}

function trendLines({ trends }: Report): string[] {
  return TRENDS.filter((name) => trends[name].count > 0).map((name) => {
    const show = name === 'correction' ? (value: number) => `${value.toFixed(2)}m` : ms;
    const { avg, min, med, max, p90, p95, p99 } = trends[name];
    const values = { avg, min, med, max, 'p(90)': p90, 'p(95)': p95, 'p(99)': p99 };
    const text = Object.entries(values).map(([label, value]) => `${label}=${show(value).padEnd(8)}`);
    return dotted(name, text.join(' ').trimEnd());
  });
}

function countLines({ counts, codes, reconnects, load }: Report): string[] {
  const each = (value: number) => `${count(value).padEnd(10)} ${rate(value, load.seconds)}`;
  const lines = [dotted('acts', each(counts.acts)), dotted('acknowledged', each(counts.issued))];
  const named = (names: readonly (keyof typeof counts)[]) => {
    for (const name of names) if (counts[name] > 0) lines.push(dotted(name, count(counts[name])));
  };
  named(['refused', 'failed']);
  if (Object.keys(codes).length > 0) lines.push(dotted('  why', list(codes)));
  named(['unsettled', 'dropped', 'retries', 'duplicates', 'resyncs', 'repeats']);
  if (counts.predictions > 0)
    lines.push(
      dotted(
        'mispredictions',
        `${count(counts.mispredictions)} of ${count(counts.predictions)} foretold, ${percent(counts.mispredictions / counts.predictions)}`,
      ),
    );
  lines.push(
    dotted('commands delivered', each(counts.commands)),
    dotted(
      'frames down / up',
      `${rate(counts['frames-down'], load.seconds)} / ${rate(counts['frames-up'], load.seconds)}`,
    ),
    dotted('bytes down / up', `${bytes(counts['bytes-down'])} / ${bytes(counts['bytes-up'])}`),
    dotted('reconnects', Object.keys(reconnects).length === 0 ? '0' : list(reconnects)),
    dotted(
      'verified in full',
      `${count(counts.verified)} commands, once for each worker; ${count(counts.unchecked)} by number only`,
    ),
  );
  return lines;
}

function faultLines({ faults }: Report): string[] {
  if (faults.length === 0) return [];
  return [
    '',
    '  FAULTS, and how long no acknowledgement came: to anybody, and to the bots that were at a region when it came',
    ...faults.map(({ fault, regions, atMs, problem, pauseMs, byRegion }) => {
      const where = Object.entries(byRegion).map(([region, pause]) => `at ${region} ${ms(pause)}`);
      const what =
        problem === null ? [`anybody ${ms(pauseMs)}`, ...where].join(', ') : `NOT MADE: ${problem}`;
      return `    ${(atMs / 1_000).toFixed(1).padStart(5)} s  ${fault} (${regions.join(', ') || '–'})  ${what}`;
    }),
  ];
}

function aboutLines({ load, machine, generator, commandLine, version, target }: Report): string[] {
  const { stages, replay, kinds, rate: each, seconds, workers, seed, interrupted } = load;
  return [
    `  load       ${stages} bots (${list(kinds)})${replay ? '' : `, ${each} acts/s each`}, open model, ${seconds.toFixed(1)} s${interrupted ? ', interrupted' : ''}, seed ${seed}`,
    `  target     ${target.world} at ${target.urls.join(', ')}`,
    `  generator  ${workers} worker${workers === 1 ? '' : 's'}, ${generator.words}`,
    `  machine    ${machine.cpus} × ${machine.model}, ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node}, load ${machine.load}`,
    `  version    ${version}`,
    `  command    ${commandLine}`,
  ];
}
