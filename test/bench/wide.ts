/**
 * `wide`: three regions 80, 150 and 220 ms of round trip apart; a client in each acts, all look. Each region leads in turn, once with votes to
 * everybody (claim 3, what three regions do) and once with votes to the leader only (claim 2). Beside each measured time stands the one that
 * the delays alone make.
 */
import { Histogram } from '../../bots/histogram.ts';
import { type BenchOptions, wanted } from './args.ts';
import { type Report, Samples } from './figures.ts';
import { atMost, type Goal, goalCell, goalList } from './goals.ts';
import type { WideOrder, WideReport } from './lines/wide-main.ts';
import { ask, progress } from './processes.ts';
import { median, percentileOf, round, table } from './statistics.ts';
import { throughline } from './systems/throughline.ts';
import { type Route, votesToAll, votesToLeader } from './theory.ts';

/** Round trips in ms. */
const ROUND_TRIPS: { readonly [pair: string]: number } = { 'eu-us': 80, 'us-ap': 150, 'eu-ap': 220 };
const REGIONS = ['eu', 'us', 'ap'];
/** More than two of the longest round trips. */
const ELECTION_MS = '700';

type Voting = 'all' | 'leader';
const THEORY: { readonly [voting in Voting]: (route: Route) => number } = {
  all: votesToAll,
  leader: votesToLeader,
};
const CLAIM: { readonly [voting in Voting]: string } = { all: 'claim 3', leader: 'claim 2' };

/** What a time may be over the theory and still be explained: flushes, processors, and delays that timers keep to the next millisecond. */
const EXPLAINED_MS = 10;

/** One time of the table. */
interface Measured {
  readonly voting: Voting;
  readonly leader: number;
  readonly from: number;
  readonly to: number;
  readonly seen: boolean;
  readonly p50: number;
  readonly p99: number;
  readonly theory: number;
}

export async function wide(options: BenchOptions): Promise<Report> {
  const samples = new Samples();
  const oneWay = REGIONS.map((a) =>
    REGIONS.map((b) => (ROUND_TRIPS[`${a}-${b}`] ?? ROUND_TRIPS[`${b}-${a}`] ?? 0) / 2),
  );
  const acts = Math.max(3, Math.round(options.seconds * 2));
  const measured: Measured[] = [];
  for (const voting of ['all', 'leader'] as const)
    if (wanted(options, CLAIM[voting])) measured.push(...(await measure(voting, oneWay, acts)));
  const rows = measured.map((each) => describe(each, measured, samples));
  const head = [
    'voting',
    'leader',
    'client',
    'what',
    'p50 ms',
    'p99 ms',
    'theory',
    'over it',
    'saved',
    'goal',
  ];
  const goals = goalList(measured.map(goalOf));
  return {
    figures: samples.figures(),
    tables: [table([head, ...rows])],
    notes: explain(measured, acts),
    details: { goals },
  };
}

async function measure(voting: Voting, oneWay: Route['oneWay'], acts: number): Promise<Measured[]> {
  const running = await throughline({ args: ['--election-ms', ELECTION_MS, '--voting', voting] }).start();
  try {
    const halves = Object.entries(ROUND_TRIPS).map(([pair, ms]) => [pair, ms / 2] as const);
    await running.delay(Object.fromEntries(halves));
    const measured: Measured[] = [];
    for (const leader of REGIONS.keys()) {
      await running.lead(leader);
      progress(`${CLAIM[voting]}: ${REGIONS[leader]} leads`);
      const { endpoints } = running;
      const report = await ask<WideOrder, WideReport>('./lines/wide-main.ts', { endpoints, acts });
      if ((await running.leader()) !== leader)
        throw new Error('another region took the lead: nothing to compare');
      for (const from of REGIONS.keys())
        for (const to of [from, ...[...REGIONS.keys()].filter((each) => each !== from)]) {
          const data = to === from ? report.issued[from] : report.seen[from]?.[to];
          if (data === undefined) continue;
          const times = Histogram.from(data);
          measured.push({
            ...{ voting, leader, from, to, seen: to !== from },
            ...{ p50: percentileOf(times, 50), p99: percentileOf(times, 99) },
            theory: THEORY[voting]({ oneWay, leader, from, to }),
          });
        }
    }
    return measured;
  } finally {
    await running.stop();
  }
}

const goalOf = ({ p50, theory }: Measured): Goal | null =>
  atMost(`theory + ${EXPLAINED_MS}`, p50, theory + EXPLAINED_MS);

function describe(each: Measured, all: readonly Measured[], samples: Samples): (string | number)[] {
  const { voting, leader, from, to, seen, p50, p99, theory } = each;
  const what = seen ? `act to seen in ${REGIONS[to]}` : 'act to issued';
  const name = `${CLAIM[voting]}, leader ${REGIONS[leader]}, client ${REGIONS[from]}: ${what}`;
  samples.add(`${name} p50`, p50, 'ms', 'less');
  samples.add(`${name} p99`, p99, 'ms', 'less');
  const other = all.find(
    (one) => one.voting !== voting && one.leader === leader && one.from === from && one.to === to,
  );
  // What votes to everybody save, where both were measured.
  const saved =
    voting === 'all' && other !== undefined
      ? `${round(other.p50 - p50, 0)} of ${round(other.theory - theory, 0)}`
      : '';
  return [
    ...[CLAIM[voting], REGIONS[leader] ?? '', REGIONS[from] ?? '', what, round(p50, 1), round(p99, 1)],
    ...[theory, round(p50 - theory, 1), saved, goalCell([goalOf(each)])],
  ];
}

function explain(measured: readonly Measured[], acts: number): string[] {
  const over = (seen: boolean) => {
    const values = measured.filter((each) => each.seen === seen).map(({ p50, theory }) => p50 - theory);
    return `${round(median(values), 1)} ms (${round(Math.min(...values), 1)} to ${round(Math.max(...values), 1)})`;
  };
  const trips = Object.entries(ROUND_TRIPS).map(([pair, ms]) => `${pair} ${ms}`);
  return [
    `round trips ${trips.join(', ')} ms; ${acts} acts each; what a server says leaves half of that later`,
    'claim 3: act to the leader, its command to all, votes to everybody: a region knows once it has the command and a majority of votes, its own included',
    'claim 2: votes to the leader only, who tells everybody: a region other than the leader knows later by what the vote takes to the leader',
    'saved: what votes to everybody make the same time shorter, measured of what it is in theory',
    `act to issued is ${over(false)} over the theory: at each hop the delay is a timer, late by 1 ms and more, and the votes wait for a flush`,
    `act to seen is ${over(true)} over it: the same; a gateway passes a lone command on at once`,
  ];
}
