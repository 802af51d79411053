/**
 * `wide`: three regions 80, 150 and 220 ms of round trip apart; a client in each acts, all look. Each region leads in turn. Beside the measured
 * times stand those that the delays alone make, for votes to everybody (claim 3, what three regions do) and to the leader only (claim 2).
 */
import { Histogram } from '../../bots/histogram.ts';
import type { BenchOptions } from './args.ts';
import { type Report, Samples } from './figures.ts';
import type { WideOrder, WideReport } from './lines/wide-main.ts';
import { ask, progress } from './processes.ts';
import { round, table } from './statistics.ts';
import { throughline } from './systems/throughline.ts';
import { type Route, votesToAll, votesToLeader } from './theory.ts';

/** Round trips in ms. */
const ROUND_TRIPS: { readonly [pair: string]: number } = { 'eu-us': 80, 'us-ap': 150, 'eu-ap': 220 };
const REGIONS = ['eu', 'us', 'ap'];
/** More than two of the longest round trips. */
const ELECTION_MS = '700';

export async function wide(options: BenchOptions): Promise<Report> {
  const samples = new Samples();
  const rows: (string | number)[][] = [];
  const oneWay = REGIONS.map((a) =>
    REGIONS.map((b) => (ROUND_TRIPS[`${a}-${b}`] ?? ROUND_TRIPS[`${b}-${a}`] ?? 0) / 2),
  );
  const acts = Math.max(3, Math.round(options.seconds * 2));
  const running = await throughline({ args: ['--election-ms', ELECTION_MS] }).start();
  try {
    const halves = Object.entries(ROUND_TRIPS).map(([pair, ms]) => [pair, ms / 2] as const);
    await running.delay(Object.fromEntries(halves));
    for (const leader of REGIONS.keys()) {
      await running.lead(leader);
      progress(`${REGIONS[leader]} leads`);
      const { endpoints } = running;
      const report = await ask<WideOrder, WideReport>('./lines/wide-main.ts', { endpoints, acts });
      if ((await running.leader()) !== leader)
        throw new Error('another region took the lead: nothing to compare');
      for (const from of REGIONS.keys())
        rows.push(...describe(report, { oneWay, leader, from, to: from }, samples));
    }
  } finally {
    await running.stop();
  }
  const head = ['leader', 'client', 'what', 'p50 ms', 'p99 ms', 'claim 3', 'claim 2', 'over claim 3'];
  const notes = [
    `round trips ${Object.entries(ROUND_TRIPS)
      .map(([pair, ms]) => `${pair} ${ms}`)
      .join(', ')} ms; ${acts} acts each; what a server says leaves half of that later`,
    'claim 3: act to the leader, its command to all, votes to everybody: a region knows once it has the command and a majority of votes, its own included',
    'claim 2: votes to the leader only, who tells everybody; the servers have no switch for it with three regions, so it is arithmetic here',
  ];
  return { figures: samples.figures(), tables: [table([head, ...rows])], notes };
}

function describe(report: WideReport, route: Route, samples: Samples): (string | number)[][] {
  const { leader, from } = route;
  const names = `leader ${REGIONS[leader]}, client ${REGIONS[from]}`;
  const row = (what: string, data: WideReport['issued'][number] | undefined, to: number) => {
    if (data === undefined) return [];
    const times = Histogram.from(data);
    const [p50, p99] = [times.percentile(50), times.percentile(99)];
    const [all, counted] = [votesToAll({ ...route, to }), votesToLeader({ ...route, to })];
    samples.add(`${names}: ${what} p50`, p50, 'ms', 'less');
    samples.add(`${names}: ${what} p99`, p99, 'ms', 'less');
    return [
      [
        REGIONS[leader] ?? '',
        REGIONS[from] ?? '',
        what,
        round(p50, 1),
        round(p99, 1),
        all,
        counted,
        round(p50 - all, 1),
      ],
    ];
  };
  return [
    ...row('act to issued', report.issued[from], from),
    ...REGIONS.flatMap((region, to) =>
      to === from ? [] : row(`act to seen in ${region}`, report.seen[from]?.[to], to),
    ),
  ];
}
