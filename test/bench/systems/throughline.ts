/** Our own three region servers as processes, as the benchmarks see them. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { adminPost, Cluster, type ClusterOptions, type Server, statusOf } from '../../cluster/harness.ts';
import type { Endpoint } from '../lines/line.ts';
import { atEnd } from '../processes.ts';
import type { Breakable, BreakableSystem } from './system.ts';

export function throughline(
  options: ClusterOptions = {},
): Omit<BreakableSystem, 'start'> & { start(): Promise<Throughline> } {
  return {
    kind: 'throughline',
    title: 'Throughline',
    about: 'three region servers, defaults; transfers in the warehouse world over WebSocket',
    debian: null,
    missing: () => null,
    start: () => Throughline.start(options),
  };
}

export class Throughline implements Breakable {
  readonly cluster: Cluster;
  readonly endpoints: readonly Endpoint[];
  readonly #forget: () => void;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.endpoints = cluster.servers.map(({ listen }) => ({ host: '127.0.0.1', port: listen }));
    // The processes are the harness' business; its folders would stay after Ctrl-C.
    this.#forget = atEnd(() => {
      for (const folder of [cluster.folder, dirname(cluster.cli)])
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  static async start(options: ClusterOptions): Promise<Throughline> {
    const cluster = await Cluster.prepare(options);
    const throughline = new Throughline(cluster);
    try {
      await cluster.startAll();
      return throughline;
    } catch (error) {
      await throughline.stop();
      throw error;
    }
  }

  get servers(): readonly Server[] {
    return this.cluster.servers;
  }

  get pids(): number[] {
    return this.servers.filter(({ running }) => running).map(({ pid }) => pid);
  }

  /** Where the servers listen for each other, as each said when it was ready. */
  get peerPorts(): number[] {
    return this.servers.map(({ lines }) => {
      const peer = lines.find(({ event }) => event === 'ready')?.['peer'];
      return Number(String(peer).split(':').at(-1));
    });
  }

  async leader(world?: string): Promise<number> {
    return this.servers.indexOf(await this.cluster.leader(world));
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.servers[index]?.signal(signal);
  }

  async restart(index: number): Promise<void> {
    const server = this.servers[index]!;
    await server.stop('SIGKILL');
    await server.start();
  }

  /** Cuts one off from its peers, or heals it again; its clients stay connected. */
  async cut(index: number): Promise<void> {
    const one = this.servers[index]!;
    for (const other of this.servers)
      if (other !== one) await posted(one, '/api/faults', { cut: [one.region, other.region] });
  }

  heal(index: number): Promise<void> {
    return posted(this.servers[index]!, '/api/faults', { heal: true });
  }

  /** What each server says leaves its links this much later, so round trips of pairs are twice that. */
  async delay(pairs: { readonly [pair: string]: number }): Promise<void> {
    for (const server of this.servers) {
      const own = Object.entries(pairs).filter(([pair]) => pair.split('-').includes(server.region));
      if (own.length > 0) await posted(server, '/api/faults', { delayMs: Object.fromEntries(own) });
    }
  }

  /** Asks until the region leads: a hand-over may be refused while another is under way. */
  async lead(index: number, world = 'warehouse'): Promise<void> {
    const end = performance.now() + 20_000;
    const { region } = this.servers[index]!;
    for (;;) {
      const leader = await this.leader(world);
      if (leader === index) return;
      if (performance.now() > end) throw new Error(`${region} does not get to lead`);
      await adminPost(this.servers[leader]!, `/api/worlds/${world}/leader`, { region }).catch(() => {});
    }
  }

  async leadership(): Promise<number> {
    return (await statusOf(await this.cluster.leader())).ballot.round;
  }

  async applied(index: number): Promise<number> {
    return (await statusOf(this.servers[index]!)).applied;
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    this.#forget();
  }
}

async function posted(server: Server, path: string, body: object): Promise<void> {
  const response = await adminPost(server, path, body);
  if (!response.ok) throw new Error(`${server.region} ${path}: ${response.status} ${await response.text()}`);
}
