/** The reports of several worker processes as one. Sums and histograms merge exactly. Pure. */
import { Histogram } from './histogram.ts';
import {
  COUNTERS,
  type Counter,
  type Counts,
  type DoneReport,
  type SecondReport,
  TRENDS,
  type Trend,
} from './messages.ts';
import type { SecondFigures } from './report/types.ts';

export interface Merged {
  readonly counts: Counts;
  readonly trends: ReadonlyMap<Trend, Histogram>;
  readonly codes: { readonly [code: string]: number };
  readonly reconnects: { readonly [kind: string]: number };
  /** Acknowledgements by region in slots of SLOT_MS; see DoneReport. */
  readonly answered: ReadonlyMap<string, Float64Array>;
  /** Acting bots by region when a fault came, by its time in seconds. */
  readonly groups: ReadonlyMap<number, { readonly [region: string]: number }>;
  readonly wrongs: DoneReport['wrongs'];
  readonly last: number;
  readonly cpuSeconds: number;
}

export function mergeDone(reports: readonly DoneReport[]): Merged {
  const trends = new Map<Trend, Histogram>(TRENDS.map((name) => [name, new Histogram()]));
  for (const report of reports) for (const name of TRENDS) trends.get(name)?.add(report.trends[name]);
  const answered = new Map<string, Float64Array>();
  for (const report of reports)
    for (const [region, slots] of report.answered) {
      const sum = answered.get(region) ?? new Float64Array(slots.length);
      slots.forEach((value, at) => {
        sum[at] = (sum[at] ?? 0) + value;
      });
      answered.set(region, sum);
    }
  const groups = new Map<number, { [region: string]: number }>();
  for (const [at, bots] of reports.flatMap((report) => report.groups))
    groups.set(at, sumNames([Object.entries(groups.get(at) ?? {}), bots]));
  return {
    counts: sumCounts(reports.map(({ counts }) => counts)),
    trends,
    codes: sumNames(reports.map(({ codes }) => codes)),
    reconnects: sumNames(reports.map(({ reconnects }) => reconnects)),
    answered,
    groups,
    wrongs: reports.flatMap(({ wrongs }) => wrongs),
    last: reports.reduce((most, { number }) => Math.max(most, number), 0),
    cpuSeconds: reports.reduce((sum, { cpu }) => sum + cpu, 0),
  };
}

/** The same second of all workers. */
export function mergeSecond(reports: readonly SecondReport[]): SecondFigures {
  const histogram = new Histogram();
  for (const { issued } of reports) histogram.add(issued);
  const counts = sumCounts(reports.map((report) => report.counts));
  const newest = reports.reduce<SecondReport | null>(
    (best, report) => (best === null || report.number > best.number ? report : best),
    null,
  );
  return {
    second: reports[0]?.second ?? 0,
    acts: counts.acts,
    issued: counts.issued,
    refused: counts.refused,
    failed: counts.failed,
    live: reports.reduce((sum, { live }) => sum + live, 0),
    ...{ p50: histogram.percentile(50), p95: histogram.percentile(95) },
    ...{ p99: histogram.percentile(99), max: histogram.max },
    ...{ bytesDown: counts['bytes-down'], bytesUp: counts['bytes-up'] },
    leader: newest?.leader ?? null,
    number: newest?.number ?? 0,
  };
}

function sumCounts(all: readonly Counts[]): Counts {
  const sum = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
  for (const counts of all) for (const name of COUNTERS) sum[name] += counts[name];
  return sum;
}

function sumNames(all: readonly (readonly (readonly [string, number])[])[]): { [name: string]: number } {
  const sum: { [name: string]: number } = {};
  for (const names of all) for (const [name, value] of names) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
