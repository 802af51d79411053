/**
 * `commits`: issued warehouse transfers per second and their latency by actions in flight. Three server processes on loopback
 * with real stable storage; up to 64 connections spread over the three regions; the generators share the machine.
 */
import { LOOPBACK_SECRET } from '../../server/config.ts';
import { Cluster, type Server } from '../cluster/harness.ts';
import type { BenchOptions } from './args.ts';
import { type Floor, measureFloor } from './floor.ts';
import { load } from './generators.ts';
import { atLeast, atMost, CPU_PER_10K, type Goal, goalCell, goalList } from './goals.ts';
import type { LinkOrder } from './load/link-channel.ts';
import type { LoadOrder, LoadReport } from './load.ts';
import { progress } from './processes.ts';
import { median, percentile, round, table } from './statistics.ts';

const IN_FLIGHT = [1, 16, 64, 256, 1024, 4096];
const WAREHOUSES = 100;
const SOCKETS = 64;
/** Connections where each carries many sessions, as a gateway's does. */
const LINKS = 6;
/** Code that has not run a few thousand times yet is slow: nobody's first second is measured. */
const WARM_UP: Partial<LoadOrder> = { inFlight: 256, sockets: 64, warmUpMs: 0, measureMs: 3_000 };

export async function commits(options: BenchOptions): Promise<object> {
  const cluster = await Cluster.start();
  try {
    await stock(cluster.servers[0]?.url ?? '');
    if (!options.quick) await load({ ...orderOf(cluster, cluster.servers, 256, options), ...WARM_UP }, 1);
    const rows = [];
    const floors: Floor[] = [];
    for (const inFlight of options.inFlight ?? IN_FLIGHT) {
      const rounds: Round[] = [];
      for (let index = 0; index < options.rounds; index += 1) {
        if (inFlight === 1) floors.push(await measureFloor());
        rounds.push(await measure(cluster, inFlight, options));
        progress(`${inFlight} in flight, round ${index + 1}: ${rounds.at(-1)?.perSecond} /s`);
      }
      rows.push(summary(inFlight, rounds));
    }
    const floor = medianOf(floors);
    console.log(
      table([
        ['in flight', 'issued/s', 'p50 ms', 'p99 ms', 'CPU s/10k servers', 'CPU s/10k load', 'goal'],
        ...rows.map((row) => [
          row.inFlight,
          row.perSecond,
          row.p50,
          row.p99,
          row.serverCpuPer10k,
          row.loadCpuPer10k,
          goalCell(goalsOf(row, floor, options)),
        ]),
      ]),
    );
    const lone = rows.find(({ inFlight }) => inFlight === 1);
    if (floor !== null && lone !== undefined)
      console.log(
        `a lone synced action's floor: two loopback round trips of ${round(floor.roundTrip, 3)} ms and a flush of ` +
          `${round(floor.flush, 3)} ms make ${round(floor.lone, 3)} ms; p50 is ${round(lone.p50 / floor.lone)} times that`,
      );
    return {
      rows,
      floor,
      goals: goalList(rows.flatMap((row) => goalsOf(row, floor, options))),
      rounds: options.rounds,
      seconds: options.seconds,
      regions: cluster.servers.length,
      over: options.over,
      rate: options.rate,
      connections: options.over === 'ws' ? SOCKETS : LINKS,
    };
  } finally {
    await cluster.stop();
  }
}

/** Issued a second: over the peer port at 4,096 in flight, over 64 sockets pipelined, over 64 sockets with one each. */
const LINK_AT_4096 = 300_000;
const PIPELINED = 100_000;
const ONE_EACH = 15_000;
/** p50 of a lone action, as a multiple of its floor. */
const ABOVE_FLOOR = 1.3;

function goalsOf(row: ReturnType<typeof summary>, floor: Floor | null, { over, rate }: BenchOptions) {
  const { inFlight, perSecond, p50, serverCpuPer10k } = row;
  const goals: (Goal | null)[] = [];
  // In the open model the rate is given.
  const issued = (bound: number) => atLeast(`>= ${bound}/s`, perSecond, bound);
  if (rate === null && over === 'link' && inFlight === 4_096) goals.push(issued(LINK_AT_4096));
  if (rate === null && over === 'ws' && inFlight >= 1_024) goals.push(issued(PIPELINED));
  if (rate === null && over === 'ws' && inFlight === SOCKETS) goals.push(issued(ONE_EACH));
  if (inFlight === 256) goals.push(atMost(`<= ${CPU_PER_10K} CPU s`, serverCpuPer10k, CPU_PER_10K));
  if (inFlight === 1 && floor !== null)
    goals.push(atMost(`p50 <= ${ABOVE_FLOOR} x floor`, p50, ABOVE_FLOOR * floor.lone));
  return goals;
}

function medianOf(floors: readonly Floor[]): Floor | null {
  if (floors.length === 0) return null;
  const of = (pick: (floor: Floor) => number) => median(floors.map(pick));
  return {
    roundTrip: of(({ roundTrip }) => roundTrip),
    flush: of(({ flush }) => flush),
    lone: of(({ lone }) => lone),
  };
}

interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpuPer10k: number;
  readonly loadCpuPer10k: number;
  readonly failed: LoadReport['failed'];
}

function summary(inFlight: number, rounds: readonly Round[]) {
  const of = (pick: (round: Round) => number, digits: number) => round(median(rounds.map(pick)), digits);
  return {
    inFlight,
    perSecond: of((one) => one.perSecond, 0),
    p50: of((one) => one.p50, 3),
    p99: of((one) => one.p99, 2),
    serverCpuPer10k: of((one) => one.serverCpuPer10k, 3),
    loadCpuPer10k: of((one) => one.loadCpuPer10k, 3),
    spread: [
      Math.min(...rounds.map((one) => one.perSecond)),
      Math.max(...rounds.map((one) => one.perSecond)),
    ],
    failed: rounds.map((one) => one.failed).filter((failed) => Object.keys(failed).length > 0),
  };
}

async function measure(cluster: Cluster, inFlight: number, options: BenchOptions): Promise<Round> {
  // Few actions in flight measure a client beside the leader; more are spread over all regions.
  const servers = inFlight === 1 ? [await cluster.leader()] : cluster.servers;
  const order = orderOf(cluster, servers, inFlight, options);
  const report = await load(order, Math.min(options.generators, order.sockets));
  const samples = Float64Array.from(report.latencies);
  return {
    perSecond: Math.round(report.answered / report.seconds),
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
    serverCpuPer10k: (report.serverCpuSeconds / report.answered) * 1e4,
    loadCpuPer10k: (report.cpuSeconds / report.answered) * 1e4,
    failed: report.failed,
  };
}

function orderOf(
  cluster: Cluster,
  servers: readonly Server[],
  inFlight: number,
  { seconds, over, rate }: BenchOptions,
): LoadOrder {
  return {
    urls: servers.map(({ url }) => url.replace('http', 'ws')),
    ...(over === 'ws' ? {} : { link: linkOrder(cluster, servers) }),
    ...(rate === null ? {} : { rate }),
    sockets: Math.min(over === 'ws' ? SOCKETS : LINKS, inFlight),
    inFlight,
    warehouses: WAREHOUSES,
    warmUpMs: 1_000,
    measureMs: seconds * 1_000,
    pids: cluster.servers.map(({ pid }) => pid),
  };
}

function linkOrder(cluster: Cluster, servers: readonly Server[]): LinkOrder {
  const regions = cluster.servers.map(({ region }) => region);
  const peers = servers.map(({ region, lines }) => {
    const ready = lines.find(({ event }) => event === 'ready');
    const { hostname, port } = new URL(`tcp://${String(ready?.['peer'])}`);
    return { region, host: hostname, port: Number(port) };
  });
  return { regions, peers, secret: LOOPBACK_SECRET };
}

/** Opens the warehouses and fills them so far that no transfer is refused. */
async function stock(url: string): Promise<void> {
  const post = async (path: string, body: object, token?: string) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { token: string };
  };
  const { token } = await post('/v1/sessions', { world: 'warehouse' });
  for (let index = 0, sequence = 0; index < WAREHOUSES; index += 1) {
    await post(
      '/v1/worlds/warehouse/actions',
      { sequence: ++sequence, action: 'open', args: { id: `w${index}` } },
      token,
    );
    await post(
      '/v1/worlds/warehouse/actions',
      { sequence: ++sequence, action: 'inbound', args: { to: `w${index}`, amount: 1e9 } },
      token,
    );
  }
}
