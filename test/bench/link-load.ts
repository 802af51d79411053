/** Loads that do not come from the lines of `lines/`: over the peer port, where a gateway in a process of its own would stand, and to the plain system. */
import { Histogram } from '../../bots/histogram.ts';
import { LOOPBACK_SECRET } from '../../server/config.ts';
import type { Endpoint } from './lines/line.ts';
import type { LoadReport } from './lines/load-main.ts';
import { WorldLine } from './lines/world-line.ts';
import type { LoadOrder as OwnLoadOrder, LoadReport as OwnLoadReport } from './load.ts';
import { ask } from './processes.ts';
import type { Ceiling } from './systems/ceiling.ts';
import type { Throughline } from './systems/throughline.ts';

/** Few connections with many sessions, as a gateway has them. */
const LINKS = 6;
const LINES = 64;
export const WAREHOUSES = 100;

export interface LoadTimes {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The warehouses that the own generator trades with. */
export async function prepareLinks(endpoint: Endpoint, world?: string): Promise<void> {
  const line = await WorldLine.open(endpoint, world);
  try {
    await line.prepare(Array.from({ length: WAREHOUSES }, (_, index) => `w${index}`));
  } finally {
    line.close();
  }
}

/** `at`: the servers to speak to. */
export async function loadOverLinks(
  running: Throughline,
  at: readonly number[],
  inFlight: number,
  times: LoadTimes,
): Promise<LoadReport> {
  const { servers, peerPorts } = running;
  const peers = at.map((index) => ({
    region: servers[index]!.region,
    host: '127.0.0.1',
    port: peerPorts[index]!,
  }));
  const regions = servers.map(({ region }) => region);
  return load({
    urls: at.map((index) => servers[index]!.url.replace('http', 'ws')),
    link: { regions, peers, secret: LOOPBACK_SECRET },
    sockets: Math.min(LINKS, inFlight),
    ...{ inFlight, warehouses: WAREHOUSES, pids: running.pids, ...times },
  });
}

export function loadCeiling(running: Ceiling, inFlight: number, times: LoadTimes): Promise<LoadReport> {
  const { endpoints, pids } = running;
  const sockets = Math.min(LINES, inFlight);
  return load({
    ...{ urls: [], ceiling: endpoints[0]!, sockets, inFlight, warehouses: WAREHOUSES, pids, ...times },
  });
}

async function load(order: OwnLoadOrder): Promise<LoadReport> {
  const report = await ask<OwnLoadOrder, OwnLoadReport>('./load.ts', order);
  const latencies = new Histogram();
  for (const latency of report.latencies) latencies.record(latency);
  const { answered: acknowledged, failed, seconds, cpuSeconds, serverCpuSeconds } = report;
  return { acknowledged, failed, seconds, cpuSeconds, serverCpuSeconds, latencies: latencies.data() };
}
