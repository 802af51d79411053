/**
 * `elections`: servers under as many writes as they can take, beside a process that keeps a core busy for nothing: how often does another take the
 * lead although nobody failed?
 */
import { type BenchOptions, wanted } from './args.ts';
import { type Report, Samples } from './figures.ts';
import { type Goal, goalCell, goalList, noneIn } from './goals.ts';
import type { LoadOrder, LoadReport } from './lines/load-main.ts';
import { prepare } from './lines/open-line.ts';
import { ask, progress, startHelper } from './processes.ts';
import { round, table } from './statistics.ts';
import { etcd } from './systems/etcd.ts';
import type { BreakableSystem } from './systems/system.ts';
import { throughline } from './systems/throughline.ts';

const LINES = 64;
const IN_FLIGHT = 1_024;
/** One generator's run; the leadership is looked at between two of them. */
const RUN_MS = 30_000;
export const FAST_ELECTION_MS = '80';
const DEFAULTS = 'Throughline, defaults';

export async function elections(options: BenchOptions): Promise<Report> {
  const fast = { args: ['--election-ms', FAST_ELECTION_MS] };
  const subjects: { readonly name: string; readonly system: BreakableSystem }[] = [
    { name: DEFAULTS, system: throughline() },
    { name: `Throughline, --election-ms ${FAST_ELECTION_MS}`, system: throughline(fast) },
    ...(options.peers ? [{ name: 'etcd, defaults', system: etcd() }] : []),
    ...(options.peers
      ? [{ name: 'etcd, 20/200 ms', system: etcd({ heartbeatMs: 20, electionMs: 200 }) }]
      : []),
  ];
  const samples = new Samples();
  const rows: (string | number)[][] = [];
  const notes: string[] = [];
  const goals: Goal[] = [];
  for (const { name, system } of subjects.filter((each) => wanted(options, each.name))) {
    const missing = system.missing();
    if (missing !== null) {
      notes.push(`left out: ${missing}`);
      continue;
    }
    const { changes, perSecond, failed } = await soak(name, system, options.minutes * 60_000);
    samples.add(`${name}: needless elections`, changes, `in ${options.minutes} min`, 'less');
    samples.add(`${name}: writes/s`, perSecond, '/s', 'more');
    const own = name === DEFAULTS ? goalList([noneIn('none', changes, perSecond)]) : [];
    goals.push(...own);
    rows.push([name, options.minutes, changes, round(perSecond, 0), failed, goalCell(own)]);
  }
  const head = ['system', 'minutes', 'needless elections', 'writes/s', 'writes that failed', 'goal'];
  return { figures: samples.figures(), tables: [table([head, ...rows])], notes, details: { goals } };
}

async function soak(name: string, system: BreakableSystem, milliseconds: number) {
  const running = await system.start();
  const spinner = startHelper('./lines/spin-main.ts');
  let [acknowledged, failed, seconds] = [0, 0, 0];
  try {
    await prepare(system.kind, running.endpoints[await running.leader()]!);
    const before = await running.leadership();
    let changes = 0;
    for (let left = milliseconds; left > 0; left -= RUN_MS) {
      const report = await ask<LoadOrder, LoadReport>('./lines/load-main.ts', {
        ...{ kind: system.kind, endpoints: running.endpoints, lines: LINES, inFlight: IN_FLIGHT },
        ...{ warmUpMs: 0, measureMs: Math.min(RUN_MS, left) },
      });
      acknowledged += report.acknowledged;
      seconds += report.seconds;
      failed += Object.values(report.failed).reduce((sum, count) => sum + count, 0);
      changes = (await running.leadership()) - before;
      progress(`${name}: ${Math.round(seconds)} s, ${changes} elections`);
    }
    return { changes, perSecond: acknowledged / seconds, failed };
  } finally {
    await spinner.stop();
    await running.stop();
  }
}
