/** GET /metrics: a handful of figures in Prometheus' text, taken when they are asked for. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { WorldStatus } from '../world-service.ts';
import type { AdminOptions, GatewayFigures, WorkerShare } from './types.ts';

type Totals = Readonly<Record<string, number>>;
type Sources = Pick<AdminOptions, 'region' | 'worlds' | 'peers' | 'gateway' | 'workers'>;

/** Figure of one world: its name, what it means, where it comes from. */
const WORLD: readonly (readonly [string, string, (status: WorldStatus) => number])[] = [
  ['commands_voted', 'Last command on stable storage here', (status) => status.voted],
  ['commands_issued', 'Last command known to be issued', (status) => status.issued],
  ['commands_applied', 'Last command applied here', (status) => status.applied],
  ['leader', '1 where this region leads the world', (status) => (status.role === 'leader' ? 1 : 0)],
  ['ballot_round', 'Round of the ballot in force', (status) => status.ballot.round],
  ['sessions', 'Sessions in the world', (status) => status.sessions],
  ['rows', 'Rows in the world', (status) => status.rows],
  ['queued', 'Actions that wait for the leader here', (status) => status.queued],
  ['in_window', 'Commands proposed and not issued', (status) => status.inWindow],
  ['log_first', 'First command still held', (status) => status.log.first],
  ['log_bytes', 'Bytes of the log', (status) => status.log.bytes],
];

const GATEWAY: readonly (readonly [string, string, (figures: GatewayFigures) => number])[] = [
  ['clients', 'Connected clients', (figures) => figures.clients],
  ['clients_live', 'Clients on the live stream', (figures) => figures.live],
  ['outbox_bytes', 'Bytes that clients have not taken yet', (figures) => figures.outboxBytes],
  ['outstanding', 'Actions that wait for their outcome', (figures) => figures.outstanding],
  ['http_requests', 'HTTP requests under way', (figures) => figures.httpRequests],
  ['followers', 'HTTP streams that follow the commands', (figures) => figures.followers],
];

const GATEWAY_TOTALS: readonly (readonly [string, string, (figures: GatewayFigures) => number])[] = [
  ['frames_total', 'Frames of commands published', (figures) => figures.frames],
  ['frame_bytes_total', 'Bytes of these frames, each counted once', (figures) => figures.frameBytes],
  ['slowed_total', 'Times a live client was too slow and had to catch up', (figures) => figures.slowed],
  ['snapshots_total', 'Snapshots given to clients', (figures) => figures.snapshots],
];

export class Metrics {
  readonly #registry = new Registry();
  readonly #delay: IntervalHistogram;
  readonly #sources: Sources;
  /** As of the scrape under way: looking at every client's outbox is not free, and much may have to be asked of other threads. */
  #statuses: readonly WorldStatus[] = [];
  #figures: GatewayFigures | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#registry.setDefaultLabels({ region: sources.region });
    this.#delay = monitorEventLoopDelay({ resolution: 10 });
    this.#delay.enable();
    this.#addWorlds();
    this.#addPeers(sources);
    if (sources.gateway !== undefined) this.#addGateway();
    if (sources.workers !== undefined) this.#addWorkers(sources.workers);
    this.#addProcess();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const { worlds, gateway } = this.#sources;
    const [statuses, figures] = await Promise.all([
      Promise.all(worlds.map((world) => world.status())),
      gateway?.stats(),
    ]);
    this.#statuses = statuses;
    this.#figures = figures;
    return await this.#registry.metrics();
  }

  close(): void {
    this.#delay.disable();
    this.#registry.clear();
  }

  #addWorlds(): void {
    for (const [name, help, of] of WORLD) {
      this.#gauge(`throughline_${name}`, help, ['world'], (gauge) => {
        for (const status of this.#statuses) gauge.set({ world: status.world }, of(status));
      });
    }
  }

  #addPeers({ peers }: Sources): void {
    this.#gauge('throughline_peer_connected', '1 while the peer is connected', ['peer'], (gauge) => {
      for (const peer of peers()) gauge.set({ peer: peer.region }, peer.connected ? 1 : 0);
    });
  }

  #addGateway(): void {
    const figures = () => this.#figures;
    const total = (name: string, help: string, label: string, take: (figures: GatewayFigures) => Totals) =>
      this.#total(`throughline_${name}`, help, label, () => {
        const taken = figures();
        return taken === undefined ? {} : take(taken);
      });
    for (const [name, help, of] of GATEWAY)
      this.#gauge(`throughline_${name}`, help, [], (gauge) => {
        const taken = figures();
        if (taken !== undefined) gauge.set(of(taken));
      });
    for (const [name, help, of] of GATEWAY_TOTALS) total(name, help, '', (taken) => ({ '': of(taken) }));
    total('actions_total', 'Actions of clients, by outcome', 'outcome', ({ actions }) => actions);
    total('cut_off_total', 'Clients cut off, by reason', 'reason', ({ cutOff }) => cutOff);
  }

  #addWorkers(workers: () => readonly WorkerShare[]): void {
    const help = 'Share of the time since its start that a worker thread was busy';
    this.#gauge('throughline_worker_busy', help, ['worker'], (gauge) => {
      for (const { index, share } of workers()) gauge.set({ worker: String(index) }, share);
    });
  }

  #addProcess(): void {
    const delay = this.#delay;
    this.#gauge(
      'throughline_event_loop_seconds',
      'Delay of the event loop since the last scrape',
      ['at'],
      (gauge) => {
        gauge.set({ at: 'p50' }, delay.percentile(50) / 1e9);
        gauge.set({ at: 'p99' }, delay.percentile(99) / 1e9);
        gauge.set({ at: 'max' }, delay.max / 1e9);
        delay.reset();
      },
    );
    this.#gauge('throughline_resident_bytes', 'Resident memory', [], (gauge) =>
      gauge.set(process.memoryUsage.rss()),
    );
    this.#total('throughline_cpu_seconds_total', 'Processor time', 'mode', () => {
      const { user, system } = process.cpuUsage();
      return { user: user / 1e6, system: system / 1e6 };
    });
  }

  #gauge(name: string, help: string, labelNames: string[], take: (gauge: Gauge) => void): void {
    new Gauge({
      ...{ name, help, labelNames, registers: [this.#registry] },
      collect() {
        take(this);
      },
    });
  }

  /** `label` names the keys of `take`; '' where there is one figure only. */
  #total(name: string, help: string, label: string, take: () => Totals): void {
    new Counter({
      ...{ name, help, labelNames: label === '' ? [] : [label], registers: [this.#registry] },
      collect() {
        this.reset();
        const figures = take();
        for (const key in figures) {
          if (label === '') this.inc(figures[key] ?? 0);
          else this.inc({ [label]: key }, figures[key] ?? 0);
        }
      },
    });
  }
}
