/** A load generator in a process of its own, closed model: lines that each keep some writes in flight. */
import { Histogram, type HistogramData } from '../../../bots/histogram.ts';
import { answer, cpuSeconds, pause } from '../processes.ts';
import type { Endpoint, Line, LineKind } from './line.ts';
import { openLine } from './open-line.ts';

export interface LoadOrder {
  readonly kind: LineKind;
  /** Lines are spread over these. */
  readonly endpoints: readonly Endpoint[];
  readonly lines: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  /** Measured for so long, or until so many were acknowledged. */
  readonly measureMs: number;
  readonly most?: number;
  /** Servers whose processor time is to be taken over exactly the measured time. */
  readonly pids?: readonly number[];
}

export interface LoadReport {
  readonly acknowledged: number;
  readonly failed: { readonly [word: string]: number };
  readonly seconds: number;
  readonly latencies: HistogramData;
  readonly cpuSeconds: number;
  /** Of `pids`; absent where nobody asked or the generator cannot tell. */
  readonly serverCpuSeconds?: number;
}

class Measurement {
  measuring = false;
  over = false;
  acknowledged = 0;
  readonly failed: { [word: string]: number } = {};
  readonly latencies = new Histogram();
  reached: () => void = () => {};
  most = Number.POSITIVE_INFINITY;

  record(ms: number, failure: string | null): void {
    if (!this.measuring) return;
    if (failure !== null) {
      this.failed[failure] = (this.failed[failure] ?? 0) + 1;
      return;
    }
    this.acknowledged += 1;
    this.latencies.record(ms);
    if (this.acknowledged === this.most) this.reached();
  }
}

/** A line that refuses everything would otherwise ask again within the same turn, for ever. */
const AFTER_FAILURE_MS = 10;

function keepAsking(line: Line, state: Measurement): void {
  const sent = performance.now();
  line.put((failure) => {
    state.record(performance.now() - sent, failure);
    if (state.over) return;
    if (failure === null) keepAsking(line, state);
    else setTimeout(() => keepAsking(line, state), AFTER_FAILURE_MS);
  });
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const { endpoints, inFlight } = order;
  const lines = await Promise.all(
    Array.from({ length: order.lines }, (_, i) => openLine(order.kind, endpoints[i % endpoints.length]!)),
  );
  const state = new Measurement();
  for (let i = 0; i < inFlight; i++) keepAsking(lines[i % lines.length]!, state);
  await pause(order.warmUpMs);
  const cpu = process.cpuUsage();
  const served = cpuSeconds(order.pids ?? []);
  const from = performance.now();
  state.most = order.most ?? Number.POSITIVE_INFINITY;
  state.measuring = true;
  await Promise.race([
    pause(order.measureMs),
    new Promise<void>((resolve) => {
      state.reached = resolve;
    }),
  ]);
  state.measuring = false;
  state.over = true;
  const seconds = (performance.now() - from) / 1_000;
  const used = process.cpuUsage(cpu);
  const serverCpuSeconds = cpuSeconds(order.pids ?? []) - served;
  for (const line of lines) line.close();
  const { acknowledged, failed, latencies } = state;
  const own = (used.user + used.system) / 1e6;
  return { acknowledged, failed, seconds, latencies: latencies.data(), cpuSeconds: own, serverCpuSeconds };
}

answer(run);
