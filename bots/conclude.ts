/** Makes the report of what was measured: complaints, thresholds, pauses, and whether the generator was the limit. Pure. */
import type { Comparison } from './compare.ts';
import { type Inflicted, longestSilence } from './faults.ts';
import type { Summary } from './histogram.ts';
import type { Merged } from './merge.ts';
import { COUNTERS, SLOT_MS, TRENDS, type Trend } from './messages.ts';
import type { Plan } from './plan.ts';
import { ms, percent } from './report/figures.ts';
import type { FaultReport, Report, SecondFigures } from './report/types.ts';
import { judge } from './thresholds.ts';

/** How long after a fault's end a pause still counts as its own, unless the next fault comes before. */
const AFTERMATH_MS = 5_000;
/** Turns later than this, or a worker busier than that, and the generator speaks about itself. */
const LATE_P99_MS = 10;
const BUSY_MOST = 0.8;
/** A worker that is late and computes less than this share of a processor was kept waiting by others. */
const IDLE_CPU = 0.5;

/** What thresholds can name besides trends. */
export const NUMBERS: readonly string[] = [
  ...COUNTERS.filter((name) => name !== 'issued'),
  ...[
    'acknowledged',
    'lost',
    'doubled',
    'misordered',
    'denied',
    'invented',
    'unacknowledged',
    'reconnects',
    'pause',
  ],
];

export interface Measured {
  readonly plan: Plan;
  readonly merged: Merged;
  readonly comparison: Comparison;
  readonly inflicted: readonly Inflicted[];
  readonly series: readonly SecondFigures[];
  /** Busiest worker over the whole run, and in its worst second. */
  readonly busy: number;
  readonly worst: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  readonly kinds: { readonly [kind: string]: number };
  readonly machine: Report['machine'];
  readonly startedAt: string;
}

export function conclude(measured: Measured): Report {
  const { plan, merged, comparison } = measured;
  const { verdict } = comparison;
  const faults = pauses(measured);
  const complaints = complaintsOf(measured, faults);
  const numbers = new Map<string, number>(
    Object.entries(merged.counts).filter(([name]) => name !== 'issued'),
  );
  numbers.set('acknowledged', merged.counts.issued);
  for (const name of ['lost', 'doubled', 'misordered', 'denied', 'invented', 'unacknowledged'] as const)
    numbers.set(name, verdict === null ? Number.NaN : verdict[name]);
  numbers.set(
    'reconnects',
    Object.values(merged.reconnects).reduce((sum, value) => sum + value, 0),
  );
  numbers.set('pause', Math.max(0, ...faults.map(({ pauseMs }) => pauseMs)));
  const thresholds = plan.thresholds.map((threshold) => judge(threshold, { trends: merged.trends, numbers }));
  const trends = Object.fromEntries(
    TRENDS.map((name) => [name, merged.trends.get(name)?.summary()]),
  ) as Record<Trend, Summary>;
  const { problems = [], ...books } = verdict ?? {};
  return {
    passed: complaints.length === 0 && thresholds.every(({ passed }) => passed),
    version: plan.version,
    commandLine: plan.commandLine,
    startedAt: measured.startedAt,
    machine: measured.machine,
    target: { urls: plan.urls, world: plan.world },
    load: {
      ...{
        bots: plan.bots,
        kinds: measured.kinds,
        rate: plan.rate,
        seconds: measured.seconds,
        stages: plan.stages,
        replay: plan.replay !== null,
      },
      ...{ seed: plan.seed, workers: plan.workers, zipf: plan.zipf, interrupted: measured.interrupted },
    },
    thresholds,
    trends,
    counts: merged.counts,
    codes: merged.codes,
    reconnects: merged.reconnects,
    faults,
    verdict: {
      sound: complaints.length === 0,
      complaints,
      readFrom: comparison.from,
      books: verdict === null ? null : (books as Report['verdict']['books']),
      problems,
      wrongs: merged.wrongs,
      digests: comparison.digests,
    },
    generator: { ...generatorOf(measured), cpuSeconds: merged.cpuSeconds },
    series: measured.series,
  };
}

function complaintsOf({ merged, comparison }: Measured, faults: readonly FaultReport[]): string[] {
  const { verdict, failure, digests } = comparison;
  const complaints: string[] = [];
  if (verdict === null) complaints.push(`the sequence could not be compared: ${failure}`);
  else {
    const names = ['lost', 'doubled', 'misordered', 'denied', 'invented'] as const;
    for (const name of names) if (verdict[name] > 0) complaints.push(`${verdict[name]} ${name}`);
  }
  if (merged.counts.wrong > 0) complaints.push(`${merged.counts.wrong} wrong in what bots were sent`);
  const known = new Set(digests.flatMap(([, digest]) => (digest === null ? [] : [digest])));
  if (known.size > 1) complaints.push(`regions differ: digests ${[...known].join(', ')} at equal numbers`);
  if (merged.counts.acts > 0 && merged.counts.issued === 0) complaints.push('nothing was acknowledged');
  for (const { fault, problem } of faults)
    if (problem !== null) complaints.push(`${fault} was not made: ${problem}`);
  return complaints;
}

/** How long each fault kept answers from coming: to everybody, and to those who were at a region when it came. */
export function pauses({
  inflicted,
  merged,
  seconds,
}: {
  readonly inflicted: readonly Inflicted[];
  readonly merged: Pick<Merged, 'answered' | 'groups'>;
  readonly seconds: number;
}): FaultReport[] {
  const all = new Float64Array(Math.max(0, ...[...merged.answered.values()].map(({ length }) => length)));
  for (const slots of merged.answered.values())
    slots.forEach((value, at) => {
      all[at] = (all[at] ?? 0) + value;
    });
  const none = new Float64Array(all.length);
  const runMs = seconds * 1_000;
  return inflicted.map(({ fault, regions, at, problem }, index): FaultReport => {
    const endMs = at + (fault.to - fault.from) * 1_000;
    const next = inflicted[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    const to = Math.min(endMs + AFTERMATH_MS, Math.max(next, at + SLOT_MS));
    const silence = (slots: ArrayLike<number>, end: number) => longestSilence(slots, at, to, end, SLOT_MS);
    // The next fault groups the bots anew.
    const groups = Object.keys(merged.groups.get(fault.from) ?? {}).map(
      (region) => [region, silence(merged.answered.get(region) ?? none, Math.min(runMs, next))] as const,
    );
    const byRegion = Object.fromEntries(groups);
    return { fault: fault.text, regions, atMs: at, endMs, problem, pauseMs: silence(all, runMs), byRegion };
  });
}

function generatorOf({ merged, busy, worst, plan, seconds }: Measured) {
  const late = merged.trends.get('late')?.percentile(99) ?? 0;
  const limit = late > LATE_P99_MS || busy > BUSY_MOST;
  const cpu = seconds > 0 ? merged.cpuSeconds / seconds / plan.workers : 0;
  const facts =
    `turns late by ${ms(late)} at p99, event loop busy ${percent(busy)} (worst second ${percent(worst)}), ` +
    `${percent(cpu)} of a processor each`;
  const advice =
    cpu < IDLE_CPU
      ? 'this machine has too much else to do'
      : plan.workers === 1
        ? 'try more --workers, or fewer bots'
        : 'use fewer bots or another machine';
  const words = limit ? `THE GENERATOR LIMITS THESE FIGURES (${advice}): ${facts}` : facts;
  return { busy, worst, limit, words };
}
