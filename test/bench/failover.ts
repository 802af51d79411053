/**
 * `failover`: the leader is killed, frozen or cut off while clients act at all regions. The pause is the longest time in which no client at a
 * surviving region was acknowledged anything.
 */
import { type BenchOptions, wanted } from './args.ts';
import { FAST_ELECTION_MS } from './elections.ts';
import { type Report, Samples } from './figures.ts';
import { atMost, type Goal, goalCell, goalList } from './goals.ts';
import { prepare } from './lines/open-line.ts';
import { pause, progress, sharedClock } from './processes.ts';
import { Pulse } from './pulse.ts';
import { median, round, table } from './statistics.ts';
import { etcd } from './systems/etcd.ts';
import type { Breakable, BreakableSystem } from './systems/system.ts';
import { Throughline, throughline } from './systems/throughline.ts';
import { zookeeper } from './systems/zookeeper.ts';

/** 3 x 10 clients, 40 actions a second each: 1,200 a second, 800 of them at survivors. */
const LINES = 10;
const EVERY_MS = 25;
/** The pause is over when acknowledgements came for this long; the search for its end is given up after the second. */
const OVER_MS = 700;
const GIVE_UP_MS = 40_000;
/** Between the repair of one fault and the next fault; elections in it were needless. */
const CALM_MS = 500;

type Fault = 'SIGKILL' | 'SIGSTOP' | 'cut';
const FAULTS: readonly Fault[] = ['SIGKILL', 'SIGSTOP', 'cut'];

/** What we want with the defaults, in ms. */
const GOALS: { readonly [fault in Fault]: { readonly median: number; readonly worst: number } } = {
  SIGKILL: { median: 50, worst: 200 },
  SIGSTOP: { median: 250, worst: 500 },
  cut: { median: 250, worst: 500 },
};

const DEFAULTS = 'Throughline, defaults';

function goalsOf(name: string, fault: Fault, pauses: readonly number[]): Goal[] {
  if (name !== DEFAULTS) return [];
  const goal = GOALS[fault];
  return goalList([
    atMost(`median <= ${goal.median}`, median(pauses), goal.median),
    atMost(`worst <= ${goal.worst}`, Math.max(...pauses), goal.worst),
  ]);
}

interface Subject {
  readonly name: string;
  readonly system: BreakableSystem;
}

export async function failover(options: BenchOptions): Promise<Report> {
  const subjects: Subject[] = [
    { name: DEFAULTS, system: throughline() },
    {
      name: `Throughline, --election-ms ${FAST_ELECTION_MS}`,
      system: throughline({ args: ['--election-ms', FAST_ELECTION_MS] }),
    },
  ];
  if (options.peers) {
    subjects.push({ name: 'etcd, defaults', system: etcd() });
    subjects.push({ name: 'etcd, 20/200 ms', system: etcd({ heartbeatMs: 20, electionMs: 200 }) });
    subjects.push({ name: 'ZooKeeper, defaults', system: zookeeper });
  }
  const samples = new Samples();
  const notes: string[] = [];
  const rows: (string | number)[][] = [];
  const goals: Goal[] = [];
  for (const { name, system } of subjects) {
    const missing = system.missing();
    if (missing !== null) notes.push(`left out: ${missing}`);
    else if (FAULTS.some((fault) => wanted(options, `${name} ${fault}`)))
      rows.push(...(await measureSubject(name, system, options, samples, goals)));
  }
  notes.push(
    `${3 * LINES} clients act every ${EVERY_MS} ms; the pause is of all clients at the two surviving servers together`,
  );
  const head = ['system', 'fault', 'times', 'median ms', 'worst ms', 'best ms', 'needless elections', 'goal'];
  return { figures: samples.figures(), tables: [table([head, ...rows])], notes, details: { goals } };
}

async function measureSubject(
  name: string,
  system: Subject['system'],
  options: BenchOptions,
  samples: Samples,
  goals: Goal[],
): Promise<(string | number)[][]> {
  const running = await system.start();
  let pulse: Pulse | null = null;
  const rows: (string | number)[][] = [];
  try {
    const { kind } = system;
    await prepare(kind, running.endpoints[await running.leader()]!);
    pulse = await Pulse.start({ kind, endpoints: running.endpoints, lines: LINES, everyMs: EVERY_MS });
    for (const fault of FAULTS) {
      if ((fault === 'cut' && !(running instanceof Throughline)) || !wanted(options, `${name} ${fault}`))
        continue;
      const pauses: number[] = [];
      let needless = 0;
      for (let index = 0; index < options.times; index++) {
        const broken = await breakOnce(running, pulse, fault);
        pauses.push(broken.pauseMs);
        needless += broken.needless;
        samples.add(`${name}: pause on ${fault}`, broken.pauseMs, 'ms', 'less');
        progress(`${name} ${fault} ${index + 1}: ${round(broken.pauseMs, 0)} ms`);
      }
      samples.add(`${name}: needless elections, ${fault}`, needless, '', 'less');
      const own = goalsOf(name, fault, pauses);
      goals.push(...own);
      const figures = summary(samples, `${name}: pause on ${fault}`);
      rows.push([name, fault, pauses.length, ...figures, needless, goalCell(own)]);
    }
  } finally {
    await pulse?.stop();
    await running.stop();
  }
  return rows;
}

function summary(samples: Samples, name: string): (string | number)[] {
  const all = samples.of(name);
  return [samples.cell(name, 0), round(Math.max(...all), 0), round(Math.min(...all), 0)];
}

async function breakOnce(running: Breakable, pulse: Pulse, fault: Fault) {
  const everyone = running.endpoints.map((_, index) => index);
  await pulse.steady(everyone);
  const calm = await running.leadership();
  await pause(CALM_MS);
  const leader = await running.leader();
  const needless = (await running.leadership()) - calm;
  const survivors = everyone.filter((index) => index !== leader);
  const from = sharedClock();
  if (fault !== 'cut') running.signal(leader, fault);
  else if (running instanceof Throughline) await running.cut(leader);
  const pauseMs = await pauseSince(pulse, survivors, from);
  if (fault === 'SIGKILL') await running.restart(leader);
  else if (fault === 'SIGSTOP') running.signal(leader, 'SIGCONT');
  else if (running instanceof Throughline) await running.heal(leader);
  return { pauseMs, needless };
}

/** Waits for the end of the pause, which a time of steady acknowledgements shows. */
async function pauseSince(pulse: Pulse, at: readonly number[], from: number): Promise<number> {
  await pause(OVER_MS);
  for (;;) {
    const now = sharedClock();
    const recent = await pulse.ask({ at, from: now - OVER_MS / 1_000, to: now });
    const flows = recent.acknowledged > 0 && recent.pauseMs < OVER_MS / 2;
    if (flows || now - from > GIVE_UP_MS / 1_000) return (await pulse.ask({ at, from, to: now })).pauseMs;
    await pause(100);
  }
}
