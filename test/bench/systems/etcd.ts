/** etcd from its Debian package: three members on loopback, each with a folder of its own. */
import { join } from 'node:path';
import { freePorts } from '../../cluster/harness.ts';
import type { Endpoint } from '../lines/line.ts';
import { start } from '../processes.ts';
import { Started, whenReady } from './started.ts';
import { type Breakable, type BreakableSystem, found, missingPackage, until } from './system.ts';

const PROGRAM = ['/usr/bin/etcd', '/usr/local/bin/etcd'];
const MEMBERS = 3;

export interface EtcdTiming {
  readonly heartbeatMs: number;
  readonly electionMs: number;
}
const DEFAULTS: EtcdTiming = { heartbeatMs: 100, electionMs: 1000 };

export function etcd(timing: EtcdTiming = DEFAULTS): BreakableSystem {
  const { heartbeatMs, electionMs } = timing;
  const own = timing === DEFAULTS ? 'defaults' : `heartbeat ${heartbeatMs} ms, election ${electionMs} ms`;
  return {
    kind: 'etcd',
    title: 'etcd',
    about: `three members, ${own}; KV/Put over gRPC by a client that makes its HTTP/2 frames by hand`,
    debian: 'etcd-server',
    missing: () => (found(...PROGRAM) === null ? missingPackage('etcd', 'etcd-server') : null),
    start: () => Etcd.start(timing),
  };
}

interface Status {
  readonly leader?: string;
  readonly raftTerm: string;
  readonly header: { readonly member_id: string; readonly revision: string };
}

class Etcd extends Started implements Breakable {
  readonly endpoints: readonly Endpoint[];
  readonly #args: readonly (readonly string[])[];

  private constructor(ports: readonly number[], { heartbeatMs, electionMs }: EtcdTiming) {
    super('etcd');
    const url = (port: number | undefined) => `http://127.0.0.1:${port}`;
    const cluster = Array.from({ length: MEMBERS }, (_, i) => `m${i}=${url(ports[i])}`).join(',');
    this.endpoints = Array.from({ length: MEMBERS }, (_, i) => ({
      host: '127.0.0.1',
      port: ports[MEMBERS + i]!,
    }));
    this.#args = this.endpoints.map(({ port }, i) => [
      ...[
        '--name',
        `m${i}`,
        '--data-dir',
        join(this.folder.path, `m${i}`),
        '--logger',
        'zap',
        '--log-level',
        'error',
      ],
      ...['--listen-peer-urls', url(ports[i]), '--initial-advertise-peer-urls', url(ports[i])],
      ...['--listen-client-urls', url(port), '--advertise-client-urls', url(port)],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
      ...['--heartbeat-interval', String(heartbeatMs), '--election-timeout', String(electionMs)],
    ]);
  }

  static async start(timing: EtcdTiming): Promise<Etcd> {
    const etcd = new Etcd(await freePorts(2 * MEMBERS), timing);
    return whenReady(etcd, () => {
      for (const index of etcd.endpoints.keys()) etcd.#spawn(index);
      return Promise.all(etcd.endpoints.map((_, index) => etcd.#serves(index)));
    });
  }

  async leader(): Promise<number> {
    const all = await Promise.all(this.endpoints.map((_, index) => this.#status(index).catch(() => null)));
    const leader = all.find((status) => status?.leader !== undefined)?.leader;
    return all.findIndex((status) => status?.header.member_id === leader && leader !== undefined);
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.children[index]?.process.kill(signal);
  }

  async restart(index: number): Promise<void> {
    await this.children[index]?.stop();
    this.#spawn(index);
    await this.#serves(index);
  }

  async leadership(): Promise<number> {
    return Number((await this.#status(await this.leader())).raftTerm);
  }

  async applied(index: number): Promise<number> {
    return Number((await this.#status(index)).header.revision);
  }

  #spawn(index: number): void {
    this.children[index] = start(found(...PROGRAM) ?? 'etcd', this.#args[index]!);
  }

  /** Knows a leader. */
  async #serves(index: number): Promise<void> {
    await until(`etcd m${index}`, this.children[index]!, async () => {
      const { leader } = await this.#status(index);
      return leader === undefined || leader === '0' ? null : true;
    });
  }

  async #status(index: number): Promise<Status> {
    const { host, port } = this.endpoints[index]!;
    const response = await fetch(`http://${host}:${port}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
      signal: AbortSignal.timeout(1_000),
    });
    return (await response.json()) as Status;
  }
}
