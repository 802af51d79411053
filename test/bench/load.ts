/**
 * A load generator in a process of its own: sessions that act in a warehouse world, in a closed model (each keeps some actions in
 * flight) or an open one (actions start when they are due, however the earlier ones fare). It reads answers only and keeps no
 * mirror, so that what it measures is the servers. Talks to its parent by IPC.
 */
import type { Endpoint } from './lines/line.ts';
import { CeilingChannel } from './load/ceiling-channel.ts';
import { type Channel, type ChannelEvents, MOST_ACTS } from './load/channel.ts';
import { LinkChannel, type LinkOrder } from './load/link-channel.ts';
import { Templates } from './load/template.ts';
import { WebSocketChannel } from './load/web-socket-channel.ts';
import { cpuSeconds, pause, type ThreadSeconds, threadSeconds, usedSince } from './processes.ts';

export interface LoadOrder {
  /** Client addresses, ws://host:port; sockets are spread over them. */
  readonly urls: readonly string[];
  /** Worlds that the sockets are dealt out among; absent: the one called warehouse. Not over peer ports. */
  readonly worlds?: readonly string[];
  /** Given: over peer ports instead. */
  readonly link?: LinkOrder;
  /** Given: to the plain system that `ceiling` runs. */
  readonly ceiling?: Endpoint;
  readonly sockets: number;
  readonly inFlight: number;
  /** Actions a second, whatever is in flight; absent: the closed model. */
  readonly rate?: number;
  readonly warehouses: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Servers whose processor time is to be taken over exactly the measured time. */
  readonly pids?: readonly number[];
}

export interface LoadReport {
  readonly answered: number;
  readonly failed: { readonly [code: string]: number };
  readonly seconds: number;
  /** Milliseconds from sending, in the open model from when it should have been sent, to the answer; a sample. */
  readonly latencies: readonly number[];
  readonly cpuSeconds: number;
  /** Of `pids`. */
  readonly serverCpuSeconds: number;
  /** Of each thread of each of `pids`, the main thread first. */
  readonly serverThreads: readonly (readonly number[])[];
}

/** Latencies kept: the memory and the report of long runs are bounded. */
const SAMPLES = 200_000;
const TICK_MS = 1;

class Measurement {
  measuring = false;
  over = false;
  answered = 0;
  readonly failed: { [code: string]: number } = {};
  readonly #kept = new Float64Array(SAMPLES);
  #seen = 0;

  record(latency: number, failure: string | null): void {
    if (!this.measuring) return;
    if (failure !== null) {
      this.failed[failure] = (this.failed[failure] ?? 0) + 1;
      return;
    }
    this.answered += 1;
    // A reservoir: each latency is kept with equal chance.
    const place = this.#seen < SAMPLES ? this.#seen : Math.floor(Math.random() * (this.#seen + 1));
    if (place < SAMPLES) this.#kept[place] = latency;
    this.#seen += 1;
  }

  get latencies(): number[] {
    return [...this.#kept.subarray(0, Math.min(this.#seen, SAMPLES))];
  }
}

/** One session. */
class Lane {
  readonly channel: Channel;
  readonly index: number;
  /** Start times by the low bits of the sequence, of which at most half are under way. */
  readonly #started = new Float64Array(2 * MOST_ACTS);
  #next = 1;
  outstanding = 0;
  /** Answered in this message, to be asked again. */
  due = 0;

  constructor(channel: Channel, index: number) {
    this.channel = channel;
    this.index = index;
  }

  ask(count: number, started: number): void {
    for (let i = 0; i < count; i++) this.#started[(this.#next + i) % this.#started.length] = started;
    this.channel.send(this.index, this.#next, count);
    this.#next += count;
    this.outstanding += count;
  }

  /** When the action was started. */
  answered(sequence: number): number {
    this.outstanding -= 1;
    return this.#started[sequence % this.#started.length] as number;
  }
}

/** Lanes of one channel, and what comes over it. */
class Ear implements ChannelEvents {
  readonly lanes: Lane[] = [];
  readonly #state: Measurement;
  readonly #again: boolean;
  #now = 0;
  #heard: Lane[] = [];

  constructor(state: Measurement, again: boolean) {
    this.#state = state;
    this.#again = again;
  }

  answered(lane: number, sequence: number, failure: string | null): void {
    const to = this.lanes[lane];
    if (to === undefined) return;
    if (this.#now === 0) this.#now = performance.now();
    this.#state.record(this.#now - to.answered(sequence), failure);
    if (to.due === 0) this.#heard.push(to);
    to.due += 1;
  }

  heard(): void {
    const now = this.#now;
    this.#now = 0;
    const heard = this.#heard;
    this.#heard = [];
    for (const lane of heard) {
      const { due } = lane;
      lane.due = 0;
      if (this.#again && !this.#state.over) lane.ask(due, now);
    }
  }

  closed(reason: string): void {
    if (this.#state.over) return;
    console.error(`a connection closed: ${reason}`);
    process.exit(1);
  }
}

async function openLanes(order: LoadOrder, state: Measurement): Promise<Lane[]> {
  const { urls, link, ceiling, sockets, warehouses, worlds = ['warehouse'] } = order;
  const perSocket = Math.ceil(order.inFlight / sockets / (MOST_ACTS / 2));
  const templates = link === undefined ? Templates.acts(warehouses) : Templates.executes(warehouses);
  const lanes: Lane[] = [];
  for (let index = 0; index < sockets; index += 1) {
    const ear = new Ear(state, order.rate === undefined);
    const world = worlds[index % worlds.length] as string;
    const url = urls[Math.floor(index / worlds.length) % urls.length] as string;
    const channel = ceiling
      ? await CeilingChannel.open(ceiling, ear)
      : link === undefined
        ? await WebSocketChannel.open(endpoint(url), world, templates, ear)
        : await LinkChannel.open(link, index, perSocket, templates, ear);
    for (let lane = 0; lane < channel.lanes; lane++) ear.lanes.push(new Lane(channel, lane));
    lanes.push(...ear.lanes);
  }
  return lanes;
}

function endpoint(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** What is due is started, late or not; what finds no session free keeps its time. */
function startSteadily(lanes: readonly Lane[], rate: number, state: Measurement): void {
  const from = performance.now();
  let done = 0;
  let turn = 0;
  const timer = setInterval(() => {
    if (state.over) {
      clearInterval(timer);
      return;
    }
    const due = ((performance.now() - from) / 1_000) * rate;
    for (let tried = 0; done < due && tried < lanes.length; turn++) {
      const lane = lanes[turn % lanes.length] as Lane;
      if (lane.outstanding >= MOST_ACTS) tried += 1;
      else {
        lane.ask(1, from + (done / rate) * 1_000);
        done += 1;
        tried = 0;
      }
    }
  }, TICK_MS);
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const state = new Measurement();
  const lanes = await openLanes(order, state);
  if (order.rate !== undefined) startSteadily(lanes, order.rate, state);
  else {
    const share = Math.floor(order.inFlight / lanes.length);
    for (const [index, lane] of lanes.entries()) {
      const count = share + (index < order.inFlight % lanes.length ? 1 : 0);
      if (count > 0) lane.ask(count, performance.now());
    }
  }
  await pause(order.warmUpMs);
  const cpu = process.cpuUsage();
  const { pids = [] } = order;
  const served = cpuSeconds(pids);
  const threads = pids.map(threadSeconds);
  const from = performance.now();
  state.measuring = true;
  await pause(order.measureMs);
  state.measuring = false;
  const seconds = (performance.now() - from) / 1_000;
  const used = process.cpuUsage(cpu);
  const serverCpuSeconds = cpuSeconds(pids) - served;
  const serverThreads = pids.map((pid, i) => usedSince(threads[i] as ThreadSeconds, threadSeconds(pid)));
  state.over = true;
  for (const { channel } of lanes) channel.close();
  const { answered, failed, latencies } = state;
  const own = (used.user + used.system) / 1e6;
  return { answered, failed, seconds, latencies, cpuSeconds: own, serverCpuSeconds, serverThreads };
}

process.once('disconnect', () => process.exit(0));
process.once('message', (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
