/**
 * `cores`: what worker threads bring. Several worlds under load at once, all led by the same server, which deals them out among 0, 1, 2
 * or more workers. A server is full when its busiest thread is: actions issued per second of that thread are what it would reach with cores
 * enough, and say so also where load and servers share fewer cores than they have busy threads.
 */
import { availableParallelism } from 'node:os';
import { type BenchOptions, wanted } from './args.ts';
import { type Report, Samples } from './figures.ts';
import { load } from './generators.ts';
import { atLeast, type Goal, goalCell, goalList } from './goals.ts';
import { prepareLinks, WAREHOUSES } from './link-load.ts';
import type { LoadOrder } from './load.ts';
import { progress } from './processes.ts';
import { median, percentile, round, table } from './statistics.ts';
import { type Throughline, throughline } from './systems/throughline.ts';

const WORLDS = 4;
const WORKERS = [0, 1, 2, 4];
const IN_FLIGHT = 1_024;
const SOCKETS_PER_WORLD = 16;
const WARM_UP_MS = 1_500;
/** A server's code is cold when it was just started. */
const FIRST_WARM_UP_MS = 5_000;
/** Issued per second of the busiest thread with 2 workers, as a multiple of that with none. */
const GAIN = 1.5;

export async function cores(options: BenchOptions): Promise<Report> {
  const samples = new Samples();
  const machine = availableParallelism();
  const useful = (workers: number) => workers <= 2 || machine > 2;
  const levels = WORKERS.filter((workers) => useful(workers) && wanted(options, title(workers)));
  const worlds = options.counts?.[0] ?? WORLDS;
  const inFlight = options.inFlight?.[0] ?? IN_FLIGHT;
  const notes = [
    `${worlds} worlds, all led by one server, ${inFlight} actions in flight in all; "if full" is issued/s divided by the share of a core that ` +
      'the busiest thread of any server had: what that thread would serve with a core of its own',
    `three servers and the load share ${machine} cores here: issued/s and latencies say what is left for each, not what workers bring`,
  ];
  for (let index = 0; index < options.rounds; index++)
    for (const workers of levels) await measure(workers, worlds, inFlight, options, samples, notes);
  const goal = goalOf(samples);
  return {
    figures: samples.figures(),
    tables: [resultTable(levels, goal, samples)],
    notes,
    details: { goals: goalList([goal]), worlds, inFlight },
  };
}

const title = (workers: number): string => `${workers} workers`;
const PER_BUSY = 'issued per second of the busiest thread';

/** Servers that only wait take no part: started anew for each round. */
async function measure(
  workers: number,
  count: number,
  inFlight: number,
  options: BenchOptions,
  samples: Samples,
  notes: string[],
): Promise<void> {
  const names = ['warehouse', ...Array.from({ length: count - 1 }, (_, index) => `yard-${index + 1}`)];
  const worlds = names.map((name) => `${name}=warehouse`).join(',');
  const running = await throughline({ worlds, workers }).start();
  try {
    const leader = await running.leader();
    await gather(running, leader, names);
    for (const name of names) await prepareLinks(running.endpoints[leader]!, name);
    const order: LoadOrder = {
      urls: running.servers.map(({ url }) => url.replace('http', 'ws')),
      ...{ worlds: names, warehouses: WAREHOUSES, pids: running.servers.map(({ pid }) => pid) },
      ...{ sockets: Math.min(inFlight, SOCKETS_PER_WORLD * count), inFlight },
      ...{ warmUpMs: WARM_UP_MS, measureMs: options.seconds * 1_000 },
    };
    if (!options.quick) await load({ ...order, warmUpMs: FIRST_WARM_UP_MS, measureMs: 100 }, 1);
    await gather(running, leader, names);
    await loaded(running, leader, order, workers, options, samples);
    for (const name of names)
      if ((await running.leader(name)) !== leader)
        notes.push(`${title(workers)}: another server led ${name} after a round; its figures are blurred`);

    const lone = {
      ...order,
      urls: [order.urls[leader]!],
      worlds: names.slice(0, 1),
      sockets: 1,
      inFlight: 1,
    };
    const { latencies } = await load(lone, 1);
    samples.add(`${title(workers)}: lone p50`, percentile([...latencies], 0.5), 'ms', 'less');
  } finally {
    await running.stop();
  }
}

async function gather(running: Throughline, leader: number, names: readonly string[]): Promise<void> {
  for (const name of names) await running.lead(leader, name);
}

async function loaded(
  running: Throughline,
  leader: number,
  order: LoadOrder,
  workers: number,
  { generators }: BenchOptions,
  samples: Samples,
): Promise<void> {
  const report = await load(order, Math.min(generators, order.sockets));
  const { answered, seconds, failed, serverCpuSeconds, serverThreads } = report;
  const threads = serverThreads[leader] ?? [];
  const busiest = Math.max(...serverThreads.flat());
  const add = (what: string, value: number, unit: string, better: 'more' | 'less') =>
    samples.add(`${title(workers)}: ${what}`, value, unit, better);
  const latencies = Float64Array.from(report.latencies);
  add('issued/s', answered / seconds, '/s', 'more');
  add('p50', percentile(latencies, 0.5), 'ms', 'less');
  add('p99', percentile(latencies, 0.99), 'ms', 'less');
  add('CPU', (serverCpuSeconds / answered) * 1e4, 's/10k', 'less');
  add('load CPU', (report.cpuSeconds / answered) * 1e4, 's/10k', 'less');
  add('leader', threads.reduce((sum, each) => sum + each, 0) / seconds, 'cores', 'less');
  add('main thread of the leader', (threads[0] ?? Number.NaN) / seconds, 'cores', 'less');
  add('busiest thread', busiest / seconds, 'cores', 'less');
  add(PER_BUSY, answered / busiest, '/s', 'more');
  const lost = Object.keys(failed).length === 0 ? '' : ` failed: ${JSON.stringify(failed)}`;
  progress(
    `${title(workers)}: ${Math.round(answered / seconds)}/s, threads of ${running.servers[leader]!.region}: ` +
      `${shares(threads, seconds)}${lost}`,
  );
}

/** Those that do anything, in cores. */
const shares = (threads: readonly number[], seconds: number): string =>
  threads
    .map((used) => round(used / seconds))
    .filter((share) => share >= 0.01)
    .join(' ');

function goalOf(samples: Samples): Goal | null {
  const perBusy = (workers: number) => median(samples.of(`${title(workers)}: ${PER_BUSY}`));
  if (Number.isNaN(perBusy(2))) return null;
  return atLeast(`>= ${GAIN} x 0 workers if full`, perBusy(2), GAIN * perBusy(0));
}

function resultTable(levels: readonly number[], goal: Goal | null, samples: Samples): string {
  const columns = [
    ['issued/s', 'issued/s', 0],
    ['p50 ms', 'p50', 2],
    ['p99 ms', 'p99', 2],
    ['CPU s/10k', 'CPU', 3],
    ['leader cores', 'leader', 2],
    ['main', 'main thread of the leader', 2],
    ['busiest', 'busiest thread', 2],
    ['issued/s if full', PER_BUSY, 0],
    ['lone p50 ms', 'lone p50', 3],
  ] as const;
  return table([
    ['workers', ...columns.map(([head]) => head), 'spread if full', 'goal'],
    ...levels.map((workers) => [
      workers,
      ...columns.map(([, what, digits]) => samples.cell(`${title(workers)}: ${what}`, digits)),
      samples.spread(`${title(workers)}: ${PER_BUSY}`),
      workers === 2 ? goalCell([goal]) : '',
    ]),
  ]);
}
