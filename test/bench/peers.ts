/**
 * `peers`: the same small writes to us and to etcd, ZooKeeper and Redis, on the same machine in the same run, one system after the
 * other within each round. Values of 64 bytes, up to 64 connections spread over the servers, one generator for all.
 */
import { Histogram } from '../../bots/histogram.ts';
import { type BenchOptions, wanted } from './args.ts';
import { type Report, ratio, Samples } from './figures.ts';
import type { LoadOrder, LoadReport } from './lines/load-main.ts';
import { prepare } from './lines/open-line.ts';
import { loadOverLinks, prepareLinks } from './link-load.ts';
import { ask, progress } from './processes.ts';
import { round, table } from './statistics.ts';
import { etcd } from './systems/etcd.ts';
import { redis, redisStream } from './systems/redis.ts';
import { install, type Running, type System, serverCpu } from './systems/system.ts';
import { Throughline, throughline } from './systems/throughline.ts';
import { zookeeper } from './systems/zookeeper.ts';

const IN_FLIGHT = [1, 16, 64, 256, 1024];
const LINES = 64;
/** Java compiles what is hot; everybody gets the same time. */
const WARM_UP_MS = 1_500;
const FIRST_WARM_UP_MS = 5_000;

/** Our servers again, loaded where a gateway of another process would: how much is the WebSockets'? */
const overLinks: System = {
  ...throughline(),
  title: 'Throughline, peer link',
  about: 'the same servers, loaded over the binary peer port, 6 connections with 64 sessions each',
};

export async function peers(options: BenchOptions): Promise<Report> {
  const notes: string[] = [];
  const all = [throughline(), overLinks, etcd(), zookeeper, redis, redisStream];
  const systems = all.filter((system) => wanted(options, system.title) && available(system, options, notes));
  const samples = new Samples();
  const inFlight = options.inFlight ?? IN_FLIGHT;
  for (const system of systems) notes.push(`${system.title}: ${system.about}`);
  // Servers that only wait take no part: each system runs alone, started anew for each round.
  for (let index = 0; index < options.rounds; index++)
    for (const system of systems) await measureSystem(system, inFlight, options.seconds, samples, index);
  const tables = [resultTable(systems, inFlight, samples), ratioTable(systems, inFlight, samples)];
  notes.push(
    'not compared: NATS JetStream, whose version in Debian 12 (2.9) acknowledges before it is on the disk',
  );
  return { figures: samples.figures(), tables, notes };
}

function available(system: System, options: BenchOptions, notes: string[]): boolean {
  if (system.missing() !== null && options.install) install(system);
  const missing = system.missing();
  if (missing === null) return true;
  notes.push(`left out: ${missing}`);
  progress(`left out: ${missing}`);
  return false;
}

async function measureSystem(
  system: System,
  inFlight: readonly number[],
  seconds: number,
  samples: Samples,
  roundIndex: number,
): Promise<void> {
  const running = await system.start();
  try {
    const first = running.endpoints[await running.leader()] ?? running.endpoints[0]!;
    await (system === overLinks ? prepareLinks(first) : prepare(system.kind, first));
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

const figureName = (system: System, inFlight: number) => (what: string) =>
  `${system.title}, ${inFlight} in flight: ${what}`;

async function measure(
  system: System,
  running: Running,
  inFlight: number,
  warmUpMs: number,
  measureMs: number,
) {
  // A lone client stands beside the leader; many are spread over all servers.
  const everyone = [...running.endpoints.keys()];
  const near = inFlight === 1 ? [Math.max(0, await running.leader())] : everyone;
  const [before, from] = [serverCpu(running), performance.now()];
  const times = { warmUpMs, measureMs };
  const report =
    system === overLinks && running instanceof Throughline
      ? await loadOverLinks(running, near, inFlight, times)
      : await ask<LoadOrder, LoadReport>('./lines/load-main.ts', {
          ...{ kind: system.kind, endpoints: near.map((index) => running.endpoints[index]!) },
          ...{ lines: Math.min(LINES, inFlight), inFlight, ...times, pids: running.pids },
        });
  // A generator that cannot tell: by its share of the time under load, which starting the generator is not part of.
  const busy = Math.min((performance.now() - from) / 1_000, warmUpMs / 1_000 + report.seconds);
  const cpu = report.serverCpuSeconds ?? (serverCpu(running) - before) * (report.seconds / busy);
  const latencies = Histogram.from(report.latencies);
  const per10k = (seconds: number) => (seconds / report.acknowledged) * 1e4;
  return {
    perSecond: report.acknowledged / report.seconds,
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    cpuPer10k: per10k(cpu),
    loadCpuPer10k: per10k(report.cpuSeconds),
    failed: report.failed,
  };
}

function resultTable(systems: readonly System[], inFlight: readonly number[], samples: Samples): string {
  return table([
    ['system', 'in flight', 'writes/s', 'spread', 'p50 ms', 'p99 ms', 'CPU s/10k servers', 'CPU s/10k load'],
    ...systems.flatMap((system) =>
      inFlight.map((count) => {
        const name = figureName(system, count);
        return [
          ...[system.title, count, samples.cell(name('writes/s'), 0), samples.spread(name('writes/s'))],
          ...[samples.cell(name('p50'), 3), samples.cell(name('p99'), 2)],
          ...[samples.cell(name('CPU'), 3), samples.cell(name('load CPU'), 3)],
        ];
      }),
    ),
  ]);
}

/** How many times as much we do, how much less it costs. */
function ratioTable(systems: readonly System[], inFlight: readonly number[], samples: Samples): string {
  const ours = systems.filter(({ kind }) => kind === 'throughline');
  const others = systems.filter(({ kind }) => kind !== 'throughline');
  if (ours.length === 0 || others.length === 0) return '';
  const figures = samples.figures();
  const of = (our: System, other: System, count: number, what: string) =>
    round(ratio(figures, figureName(our, count)(what), figureName(other, count)(what)), 2);
  return table([
    ['beside', 'ours', 'in flight', 'writes/s x', 'p50 x', 'p99 x', 'CPU x'],
    ...others.flatMap((other) =>
      ours.flatMap((our) =>
        inFlight.map((count) => [
          ...[other.title, our === overLinks ? 'peer link' : 'WebSocket', count],
          ...['writes/s', 'p50', 'p99', 'CPU'].map((what) => of(our, other, count, what)),
        ]),
      ),
    ),
  ]);
}
