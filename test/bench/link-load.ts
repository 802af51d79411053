/** The load of `peers` over the peer port, where a gateway in a process of its own would stand: few connections with many sessions. */
import { Histogram } from '../../bots/histogram.ts';
import { LOOPBACK_SECRET } from '../../server/config.ts';
import type { Endpoint } from './lines/line.ts';
import type { LoadReport } from './lines/load-main.ts';
import { WorldLine } from './lines/world-line.ts';
import type { LoadOrder as LinkLoadOrder, LoadReport as LinkLoadReport } from './load.ts';
import { ask } from './processes.ts';
import type { Throughline } from './systems/throughline.ts';

const LINKS = 6;
const WAREHOUSES = 100;

/** The warehouses that this generator trades with. */
export async function prepareLinks(endpoint: Endpoint): Promise<void> {
  const line = await WorldLine.open(endpoint);
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
  times: { readonly warmUpMs: number; readonly measureMs: number },
): Promise<LoadReport> {
  const { servers, peerPorts } = running;
  const peers = at.map((index) => ({
    region: servers[index]!.region,
    host: '127.0.0.1',
    port: peerPorts[index]!,
  }));
  const regions = servers.map(({ region }) => region);
  const order: LinkLoadOrder = {
    urls: at.map((index) => servers[index]!.url.replace('http', 'ws')),
    link: { regions, peers, secret: LOOPBACK_SECRET },
    sockets: Math.min(LINKS, inFlight),
    ...{ inFlight, warehouses: WAREHOUSES, ...times },
  };
  const report = await ask<LinkLoadOrder, LinkLoadReport>('./load.ts', order);
  const latencies = new Histogram();
  for (const latency of report.latencies) latencies.record(latency);
  const { answered: acknowledged, failed, seconds, cpuSeconds } = report;
  return { acknowledged, failed, seconds, cpuSeconds, latencies: latencies.data() };
}
