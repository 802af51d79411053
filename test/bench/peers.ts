/**
 * `peers`: the same small writes to us and to etcd, ZooKeeper and Redis, on the same machine in the same run, one system after the
 * other within each round. Values of 64 bytes, up to 64 connections spread over the servers.
 */
import { Histogram } from '../../bots/histogram.ts';
import { type BenchOptions, wanted } from './args.ts';
import { type Report, ratio, Samples } from './figures.ts';
import { atLeast, atMost, CPU_PER_10K, type Goal, goalCell, goalList } from './goals.ts';
import type { Endpoint } from './lines/line.ts';
import type { LoadOrder, LoadReport } from './lines/load-main.ts';
import { prepare } from './lines/open-line.ts';
import { type LoadTimes, loadCeiling, loadOverLinks, prepareLinks } from './link-load.ts';
import { ask, progress } from './processes.ts';
import { median, percentileOf, round, table } from './statistics.ts';
import { Ceiling } from './systems/ceiling.ts';
import { etcd } from './systems/etcd.ts';
import { redis, redisStream } from './systems/redis.ts';
import { install, type Running, type System } from './systems/system.ts';
import { type Throughline, throughline } from './systems/throughline.ts';
import { zookeeper } from './systems/zookeeper.ts';

const IN_FLIGHT = [1, 16, 64, 256, 1024];
const LINES = 64;
/** Java compiles what is hot; everybody gets the same time. */
const WARM_UP_MS = 1_500;
const FIRST_WARM_UP_MS = 5_000;
/** Issued a second at 1,024 in flight, as a multiple of what others do. */
const SHARES = [
  ['ZooKeeper', 10],
  ['etcd', 20],
  ['Ceiling', 0.6],
] as const;
/** A lone action, as a share of what it takes others. */
const LONE_SHARE = 0.6;

type Side = 'websocket' | 'link' | 'ceiling' | 'other';

/** A system, and how it is loaded. */
interface Contender extends Omit<System, 'kind' | 'start'> {
  readonly side: Side;
  start(): Promise<Running>;
  /** What must be there before the first write. */
  prepare(running: Running): Promise<void>;
  load(running: Running, at: readonly number[], inFlight: number, times: LoadTimes): Promise<LoadReport>;
}

const leading = async (running: Running): Promise<Endpoint> =>
  running.endpoints[await running.leader()] ?? running.endpoints[0]!;

/** Loaded by the same generator as all others, through a line that speaks its language. */
function byLines(system: System): Contender {
  const { kind } = system;
  return {
    ...system,
    side: kind === 'throughline' ? 'websocket' : 'other',
    prepare: async (running) => prepare(kind, await leading(running)),
    load: ({ endpoints, pids }, at, inFlight, times) =>
      ask<LoadOrder, LoadReport>('./lines/load-main.ts', {
        ...{ kind, endpoints: at.map((index) => endpoints[index]!) },
        ...{ lines: Math.min(LINES, inFlight), inFlight, ...times, pids },
      }),
  };
}

/** Our servers again, loaded where a gateway of another process would: how much is the WebSockets'? */
const overLinks: Contender = {
  ...throughline(),
  side: 'link',
  title: 'Throughline, peer link',
  about: 'the same servers, loaded over the binary peer port, 6 connections with 64 sessions each',
  prepare: async (running) => prepareLinks(await leading(running)),
  load: (running, at, inFlight, times) => loadOverLinks(running as Throughline, at, inFlight, times),
};

const ceiling: Contender = {
  side: 'ceiling',
  title: 'Ceiling',
  about:
    'a plain system on the same runtime and store: no elections, no checks, no repeats, nothing survives; three processes, TCP, commands of 64 bytes',
  debian: null,
  missing: () => null,
  start: () => Ceiling.start(),
  prepare: async () => {},
  load: (running, _at, inFlight, times) => loadCeiling(running as Ceiling, inFlight, times),
};

export async function peers(options: BenchOptions): Promise<Report> {
  const notes: string[] = [];
  const all = [
    byLines(throughline()),
    ...[overLinks, ceiling],
    ...[etcd(), zookeeper, redis, redisStream].map(byLines),
  ];
  const systems = all.filter((system) => wanted(options, system.title) && available(system, options, notes));
  const samples = new Samples();
  const inFlight = options.inFlight ?? IN_FLIGHT;
  for (const system of systems) notes.push(`${system.title}: ${system.about}`);
  // Servers that only wait take no part: each system runs alone, started anew for each round.
  for (let index = 0; index < options.rounds; index++)
    for (const system of systems) await measureSystem(system, inFlight, options.seconds, samples, index);
  const goals = systems.flatMap((system) => inFlight.flatMap((count) => goalsOf(system, count, samples)));
  const tables = [resultTable(systems, inFlight, samples), ratioTable(systems, inFlight, samples)];
  notes.push(
    'not compared: NATS JetStream, whose version in Debian 12 (2.9) acknowledges before it is on the disk',
  );
  return { figures: samples.figures(), tables, notes, details: { goals: goalList(goals) } };
}

function available(system: Contender, options: BenchOptions, notes: string[]): boolean {
  if (system.missing() !== null && options.install) install(system);
  const missing = system.missing();
  if (missing === null) return true;
  notes.push(`left out: ${missing}`);
  progress(`left out: ${missing}`);
  return false;
}

async function measureSystem(
  system: Contender,
  inFlight: readonly number[],
  seconds: number,
  samples: Samples,
  roundIndex: number,
): Promise<void> {
  const running = await system.start();
  try {
    await system.prepare(running);
    await measure(system, running, 64, FIRST_WARM_UP_MS, 100);
    for (const count of inFlight) {
      const result = await measure(system, running, count, WARM_UP_MS, seconds * 1_000);
      const name = figureName(system, count);
      samples.add(name('writes/s'), result.perSecond, '/s', 'more');
      samples.add(name('p50'), result.p50, 'ms', 'less');
      samples.add(name('p99'), result.p99, 'ms', 'less');
      samples.add(name('CPU'), result.cpuPer10k, 's/10k', 'less');
      samples.add(name('load CPU'), result.loadCpuPer10k, 's/10k', 'less');
      const failed =
        Object.keys(result.failed).length === 0 ? '' : ` failed: ${JSON.stringify(result.failed)}`;
      progress(
        `round ${roundIndex + 1} ${system.title} ${count}: ${Math.round(result.perSecond)}/s${failed}`,
      );
    }
  } finally {
    await running.stop();
  }
}

const figureName = (system: Contender, inFlight: number) => (what: string) =>
  `${system.title}, ${inFlight} in flight: ${what}`;

async function measure(
  system: Contender,
  running: Running,
  inFlight: number,
  warmUpMs: number,
  measureMs: number,
) {
  // A lone client stands beside the leader; many are spread over all servers.
  const everyone = [...running.endpoints.keys()];
  const near = inFlight === 1 ? [Math.max(0, await running.leader())] : everyone;
  const report = await system.load(running, near, inFlight, { warmUpMs, measureMs });
  const latencies = Histogram.from(report.latencies);
  const per10k = (seconds: number) => (seconds / report.acknowledged) * 1e4;
  return {
    perSecond: report.acknowledged / report.seconds,
    p50: percentileOf(latencies, 50),
    p99: percentileOf(latencies, 99),
    cpuPer10k: per10k(report.serverCpuSeconds ?? Number.NaN),
    loadCpuPer10k: per10k(report.cpuSeconds),
    failed: report.failed,
  };
}

function resultTable(systems: readonly Contender[], inFlight: readonly number[], samples: Samples): string {
  return table([
    ['system', 'in flight', 'writes/s', 'spread', 'p50 ms', 'p99 ms', 'CPU s/10k', 'of the load', 'goal'],
    ...systems.flatMap((system) =>
      inFlight.map((count) => {
        const name = figureName(system, count);
        return [
          ...[system.title, count, samples.cell(name('writes/s'), 0), samples.spread(name('writes/s'))],
          ...[samples.cell(name('p50'), 3), samples.cell(name('p99'), 2)],
          ...[samples.cell(name('CPU'), 3), samples.cell(name('load CPU'), 3)],
          goalCell(goalsOf(system, count, samples)),
        ];
      }),
    ),
  ]);
}

const isOurs = ({ side }: Contender): boolean => side === 'websocket' || side === 'link';

/** What we want of this figure; nothing where the other was not measured in this run. */
function goalsOf(system: Contender, count: number, samples: Samples): (Goal | null)[] {
  if (!isOurs(system)) return [];
  const known = (name: string) => median(samples.of(name).filter(Number.isFinite));
  const own = (what: string) => known(figureName(system, count)(what));
  const of = (title: string, what: string) => known(`${title}, ${count} in flight: ${what}`);
  const goals: (Goal | null)[] = [];
  if (system.side === 'link' && count === 1_024)
    for (const [title, share] of SHARES)
      goals.push(atLeast(`${share} x ${title}`, own('writes/s'), share * of(title, 'writes/s')));
  if (count === 256) goals.push(atMost(`<= ${CPU_PER_10K} CPU s`, own('CPU'), CPU_PER_10K));
  if (count !== 1) return goals;
  for (const title of ['etcd', 'ZooKeeper'])
    goals.push(
      atMost(`p50 <= ${LONE_SHARE} x ${title}`, own('p50'), LONE_SHARE * of(title, 'p50')),
      atMost(`p99 <= ${title}`, own('p99'), of(title, 'p99')),
    );
  return goals;
}

/** How many times as much we do, how much less it costs. */
function ratioTable(systems: readonly Contender[], inFlight: readonly number[], samples: Samples): string {
  const ours = systems.filter(isOurs);
  const others = systems.filter((system) => !isOurs(system));
  if (ours.length === 0 || others.length === 0) return '';
  const figures = samples.figures();
  const of = (our: Contender, other: Contender, count: number, what: string) =>
    round(ratio(figures, figureName(our, count)(what), figureName(other, count)(what)), 2);
  return table([
    ['beside', 'ours', 'in flight', 'writes/s x', 'p50 x', 'p99 x', 'CPU x'],
    ...others.flatMap((other) =>
      ours.flatMap((our) =>
        inFlight.map((count) => [
          ...[other.title, our.side === 'link' ? 'peer link' : 'WebSocket', count],
          ...['writes/s', 'p50', 'p99', 'CPU'].map((what) => of(our, other, count, what)),
        ]),
      ),
    ),
  ]);
}
