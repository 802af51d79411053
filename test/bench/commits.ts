/**
 * `commits`: issued warehouse transfers per second and their latency by actions in flight. Three server processes on loopback
 * with real stable storage; up to 64 sockets spread over the three regions; the generator shares the machine.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Cluster } from '../cluster/harness.ts';
import type { LoadOrder, LoadReport } from './load.ts';
import type { BenchOptions } from './main.ts';
import { median, percentile, round, table } from './statistics.ts';

const IN_FLIGHT = [1, 16, 64, 256, 1024, 4096];
const WAREHOUSES = 100;
const SOCKETS = 64;

export async function commits(options: BenchOptions): Promise<object> {
  const cluster = await Cluster.start();
  try {
    await stock(cluster.servers[0]?.url ?? '');
    const rows = [];
    for (const inFlight of options.inFlight ?? IN_FLIGHT) {
      const rounds = [];
      for (let index = 0; index < options.rounds; index += 1) {
        rounds.push(await measure(cluster, inFlight, options.seconds));
        process.stderr.write(`${inFlight} in flight, round ${index + 1}: ${rounds.at(-1)?.perSecond} /s\n`);
      }
      rows.push(summary(inFlight, rounds));
    }
    console.log(
      table([
        ['in flight', 'issued/s', 'p50 ms', 'p99 ms', 'CPU s/10k servers', 'CPU s/10k load'],
        ...rows.map((row) => [
          row.inFlight,
          row.perSecond,
          row.p50,
          row.p99,
          row.serverCpuPer10k,
          row.loadCpuPer10k,
        ]),
      ]),
    );
    return {
      rows,
      rounds: options.rounds,
      seconds: options.seconds,
      regions: cluster.servers.length,
      sockets: SOCKETS,
    };
  } finally {
    await cluster.stop();
  }
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
    p50: of((one) => one.p50, 2),
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

async function measure(cluster: Cluster, inFlight: number, seconds: number): Promise<Round> {
  const order: LoadOrder = {
    // Few actions in flight measure a client beside the leader; more spread over all regions.
    urls: (inFlight === 1 ? [await cluster.leader()] : cluster.servers).map(({ url }) =>
      url.replace('http', 'ws'),
    ),
    sockets: Math.min(SOCKETS, inFlight),
    inFlight,
    warehouses: WAREHOUSES,
    warmUpMs: 1_000,
    measureMs: seconds * 1_000,
  };
  const before = cpuSecondsOf(cluster);
  const started = performance.now();
  const report = await load(order);
  const elapsed = (performance.now() - started) / 1_000;
  // Server CPU covers warm-up and joins too; scale it to the measured share of the run.
  const cpu = (cpuSecondsOf(cluster) - before) * (report.seconds / elapsed);
  const samples = Float64Array.from(report.latencies);
  return {
    perSecond: Math.round(report.answered / report.seconds),
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
    serverCpuPer10k: (cpu / report.answered) * 1e4,
    loadCpuPer10k: (report.cpuSeconds / report.answered) * 1e4,
    failed: report.failed,
  };
}

function load(order: LoadOrder): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  return new Promise((resolve, reject) => {
    child.once('message', (report) => resolve(report as LoadReport));
    child.once('exit', (code) => reject(new Error(`the load generator ended with code ${code}`)));
    child.send(order);
  });
}

/** User and system time of the server processes, from Linux' /proc; clock ticks are 10 ms. */
function cpuSecondsOf({ servers }: Cluster): number {
  return servers.reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
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
