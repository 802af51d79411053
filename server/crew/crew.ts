/** The worker threads of a region, as its main thread knows them: which world is on which, and what goes to and fro. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Address, RegionConfig, WorldEntry } from '../config.ts';
import { ThroughlineError } from '../errors.ts';
import type { Reception } from '../gateway/reception.ts';
import type { GatewayStats } from '../gateway/types.ts';
import {
  CREW_LAST_WORDS_MS,
  CREW_QUEUE_BYTES,
  CREW_STILL_LOOKS,
  CREW_WAY_MS,
  GATEWAY_HEADER_BYTES,
} from '../limits.ts';
import type { Logger } from '../log.ts';
import { OpenAsks } from '../region/open-asks.ts';
import type { WorldsOfRegion } from '../region/worlds.ts';
import type { HostInput } from '../replica/types.ts';
import type { Storage } from '../storage/types.ts';
import type { WorldStatus } from '../world-service.ts';
import { createCounters, Line, type Port } from './line.ts';
import { answerStorage } from './line-storage.ts';
import type { ToMain, ToWorker, WorkerStart } from './messages.ts';
import { ownCopy } from './packed.ts';
import { RemoteWorld } from './remote-world.ts';
import { decodeError } from './wire-error.ts';

export interface CrewOptions {
  readonly config: RegionConfig;
  readonly log: Logger;
  readonly storage: (entry: WorldEntry) => Storage;
  /** One encoded message of a world to a peer. */
  readonly send: (device: number, bytes: Uint8Array) => void;
  /** What a peer sent could not be read. */
  readonly reject: (device: number, reason: string) => void;
  readonly roundTrip: () => number;
  /** A copy of a world stopped for good, and this process should leave. */
  readonly stopped: (world: string, reason: string) => void;
  /** A worker ended without being told to. */
  readonly failed: (reason: string) => void;
  /** For tests: a thread that is none, and a shorter patience. */
  readonly hire?: (start: WorkerStart) => Thread;
  readonly wayMs?: number;
  readonly stillLooks?: number;
}

/** What is needed of a Worker. */
export type Thread = Pick<Worker, 'postMessage' | 'on' | 'performance' | 'terminate'>;

interface Hand {
  readonly index: number;
  readonly worker: Thread;
  readonly line: Line<ToWorker, ToMain>;
  /** Actions that came over the peer port and wait for their outcome. */
  readonly asks: OpenAsks;
  readonly worlds: readonly RemoteWorld[];
  door: Address | null;
  /** Looks since it last said that it is there. */
  looks: number;
  /** It does not even end when it is told to. */
  still: boolean;
}

/** Beside this file, from source as in a bundle. */
const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

export class Crew implements WorldsOfRegion {
  readonly #options: CrewOptions;
  readonly #hands: Hand[] = [];
  readonly #byWorld = new Map<string, { readonly hand: Hand; readonly world: RemoteWorld }>();
  readonly #storages = new Map<string, Storage>();
  #reception: Reception | null = null;
  #open = false;
  #way: NodeJS.Timeout | undefined;
  #lastWay = 0;
  #leaving = false;

  private constructor(options: CrewOptions) {
    this.#options = options;
    const { config } = options;
    // uWebSockets.js asks the process, once, when the first thread loads it; what a worker sets is the worker's own.
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(GATEWAY_HEADER_BYTES);
    for (const entry of config.worlds) this.#storages.set(entry.name, options.storage(entry));
    for (let index = 1; index <= config.workers; index++) {
      const worlds = config.worlds.filter((_, i) => i % config.workers === index - 1);
      this.#hands.push(this.#hire(index, worlds));
    }
  }

  /** Resolves when every world stands where its log ends. */
  static async start(options: CrewOptions): Promise<Crew> {
    const crew = new Crew(options);
    try {
      await crew.#all('open');
      return crew;
    } catch (error) {
      await crew.close();
      throw error;
    }
  }

  #hire(index: number, worlds: readonly WorldEntry[]): Hand {
    const { config, log } = this.#options;
    const counters = createCounters();
    const start: WorkerStart = { config, worlds, index, logLevel: log.level, counters };
    const { hire = hireThread } = this.#options;
    const worker = hire(start);
    const line = new Line<ToWorker, ToMain>(worker as unknown as Port, counters, 0, {
      take: (notice) => this.#take(hand, notice),
      answer: (method, [world, ...args]) =>
        answerStorage(this.#storages.get(world as string) as Storage, method, args),
    });
    const asks = new OpenAsks();
    const statuses = this.#statuses(line);
    const remote = worlds.map(({ name }) => new RemoteWorld(name, line, asks, statuses));
    const hand: Hand = { index, worker, line, asks, worlds: remote, door: null, looks: 0, still: false };
    for (const world of remote) this.#byWorld.set(world.name, { hand, world });
    worker.on('error', (error) => this.#gone(hand, error.stack ?? error.message));
    worker.on('exit', (code) => this.#gone(hand, `ended with code ${code}`));
    return hand;
  }

  /** Asked for by many in one turn, all worlds of a worker are one call. */
  #statuses(line: Line<ToWorker, ToMain>): () => Promise<ReadonlyMap<string, WorldStatus>> {
    let last: Promise<ReadonlyMap<string, WorldStatus>> | null = null;
    return () => {
      if (last === null) {
        last = line
          .call<readonly WorldStatus[]>('statuses', [])
          .then((statuses) => new Map(statuses.map((status) => [status.world, status])));
        setImmediate(() => {
          last = null;
        });
      }
      return last;
    };
  }

  #gone(hand: Hand, reason: string): void {
    const error = new ThroughlineError('no-quorum', 'this copy of the world stopped', { kind: 'unknown' });
    hand.line.close(error);
    hand.asks.settleAll(error);
    if (!this.#leaving) this.#options.failed(`worker ${hand.index}: ${reason}`);
  }

  #take(hand: Hand, notice: ToMain): void {
    switch (notice.kind) {
      case 'send':
        for (const device of notice.devices) this.#options.send(device, notice.bytes);
        return;
      case 'answered': {
        const { id, error, answer } = notice;
        hand.asks.settle(id, error === null ? null : asThroughline(decodeError(error)), answer);
        return;
      }
      case 'failed':
        this.#options.failed(`worker ${hand.index}: ${notice.reason}`);
        return;
      case 'stopped':
        this.#options.stopped(notice.world, notice.reason);
        return;
      case 'nonsense':
        this.#options.reject(notice.from, notice.reason);
        return;
      case 'log':
        this.#options.log.pass(notice.text);
        return;
    }
  }

  // ---- what the region asks of it -----------------------------------------------------------------------------------------

  /** In the order in which they were given. */
  get services(): RemoteWorld[] {
    return this.#options.config.worlds.map(({ name }) => this.#byWorld.get(name)?.world as RemoteWorld);
  }

  service(world: string): RemoteWorld | undefined {
    return this.#byWorld.get(world)?.world;
  }

  receive(): void {
    // Whatever is known here was taken as it came.
  }

  /** One that finds no room is lost, as on a link: who sent it sends again. */
  receiveRaw(world: string, from: number, bytes: Uint8Array): boolean {
    const found = this.#byWorld.get(world);
    if (found === undefined) return false;
    const { line } = found.hand;
    if (line.underWay > CREW_QUEUE_BYTES) return true;
    const own = ownCopy([bytes]);
    line.tell({ kind: 'peer', from, bytes: own }, [own.buffer]);
    return true;
  }

  tellAll(input: HostInput): void {
    for (const { line } of this.#hands) line.tell({ kind: 'all', input });
  }

  begin(): void {
    for (const { line } of this.#hands) line.tell({ kind: 'begin' });
    const look = () => {
      for (const hand of this.#hands) this.#lookAt(hand);
      this.#tellWay();
    };
    this.#way = setInterval(look, this.#options.wayMs ?? CREW_WAY_MS);
  }

  /** The main thread answers pings for all, so nobody else would find out. */
  #lookAt(hand: Hand): void {
    if (hand.line.closed) return;
    if (hand.looks++ === 0) {
      const there = () => {
        hand.looks = 0;
      };
      hand.line.call('here', []).then(there, there);
    } else if (hand.looks > (this.#options.stillLooks ?? CREW_STILL_LOOKS)) {
      hand.still = true;
      this.#mindSockets();
      this.#gone(hand, 'stands still');
    }
  }

  #tellWay(): void {
    const roundTrip = this.#options.roundTrip();
    if (roundTrip === this.#lastWay) return;
    this.#lastWay = roundTrip;
    for (const { line } of this.#hands) line.tell({ kind: 'way', roundTrip });
  }

  /** The workers' doors first: who comes to the reception is sent to them. */
  async openDoor(): Promise<Address> {
    const { config, log } = this.#options;
    const { listen, page, transport } = config;
    await Promise.all(
      this.#hands.map(async (hand) => {
        hand.door = await hand.line.call<Address>('serve', []);
      }),
    );
    const { Reception } = await import('../gateway/reception.ts');
    this.#reception = new Reception({
      ...{ host: listen.host, port: listen.port, pageDirectory: page, transport, logger: log },
      doorOf: (world) => this.#doorOf(world),
    });
    const address = await this.#reception.start();
    this.#open = true;
    return address;
  }

  /** For a world that nobody has the first worker's: it knows what to say. */
  #doorOf(world: string | null): Address | null {
    const hand = world === null ? undefined : this.#byWorld.get(world)?.hand;
    return (hand ?? this.#hands[0])?.door ?? null;
  }

  stats(): Promise<GatewayStats> | undefined {
    if (!this.#open) return undefined;
    return Promise.all(this.#hands.map(({ line }) => line.call<GatewayStats>('stats', []))).then(sumOf);
  }

  readonly busy = () =>
    this.#hands.map(({ index, worker }) => ({
      index,
      share: worker.performance.eventLoopUtilization().utilization,
    }));

  async handOverAll(to: string): Promise<void> {
    await this.#left('hand-over-all', to);
  }

  async closeDoor(): Promise<void> {
    this.#mindSockets();
    await this.#left('close-door');
    await this.#reception?.close();
  }

  async drain(): Promise<void> {
    await this.#left('drain');
  }

  halt(): void {
    clearInterval(this.#way);
    for (const { line } of this.#hands) line.tell({ kind: 'halt' });
  }

  async close(): Promise<void> {
    clearInterval(this.#way);
    this.#leaving = true;
    await Promise.allSettled([
      this.#reception?.close(),
      ...this.#hands.map(({ line }) => line.call('close', [])),
    ]);
    // One that stands still ends with the process.
    const others = this.#hands.filter(({ still }) => !still);
    await Promise.allSettled(others.map(({ worker }) => worker.terminate()));
    if (others.length === this.#hands.length) process.off('exit', endNow);
  }

  /** While the process leaves, until the sockets of all threads are closed. */
  #mindSockets(): void {
    if (!process.listeners('exit').includes(endNow)) process.once('exit', endNow);
  }

  async #all(method: string, ...args: readonly unknown[]): Promise<void> {
    await Promise.all(this.#hands.map(({ line }) => line.call(method, args)));
  }

  /** Of those that are left: one that is gone must not keep the others from ending in order. */
  async #left(method: string, ...args: readonly unknown[]): Promise<void> {
    const call = async ({ line }: Hand) => {
      try {
        await line.call(method, args);
      } catch (error) {
        if (!line.closed) throw error;
      }
    };
    await Promise.all(this.#hands.map(call));
  }
}

/**
 * To end a thread with sockets of uWebSockets.js, which process.exit does too, aborts the process with a dump. Where one is left
 * that cannot close them, the process ends without, when its last words are written: another thread does that.
 */
const endNow = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CREW_LAST_WORDS_MS);
  process.kill(process.pid, 'SIGKILL');
};

const hireThread = (start: WorkerStart): Thread =>
  new Worker(WORKER, { workerData: start, name: `worlds-${start.index}` });

const asThroughline = (error: Error): ThroughlineError =>
  error instanceof ThroughlineError ? error : new ThroughlineError('internal', error.message);

/** The figures of several doors as those of one. */
function sumOf(all: readonly GatewayStats[]): GatewayStats {
  const add = (a: unknown, b: unknown): unknown => {
    if (typeof a === 'number' && typeof b === 'number') return a + b;
    if (typeof a === 'boolean') return a || b;
    if (typeof a !== 'object' || a === null) return a;
    return Object.fromEntries(Object.entries(a).map(([key, value]) => [key, add(value, (b as Fields)[key])]));
  };
  return all.reduce((sum, one) => add(sum, one) as GatewayStats);
}

type Fields = Readonly<Record<string, unknown>>;
