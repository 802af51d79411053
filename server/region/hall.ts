/** The worlds of one thread: opened, told the time, given what comes for them. A region has one hall, or one on each worker. */
import { worlds } from '../../game-logic/worlds/index.ts';
import type { RegionConfig, WorldEntry } from '../config.ts';
import type { ConsensusConfig } from '../consensus/types.ts';
import { DRAIN_HAND_OVER_MS, SESSION_IDLE_LIVES, TICK_BUSY_MS, TICK_IDLE_MS } from '../limits.ts';
import type { PeerMessage } from '../links/types.ts';
import type { HostInput } from '../replica/types.ts';
import type { Storage } from '../storage/types.ts';
import { consensusConfig } from './consensus-config.ts';
import { LocalWorld } from './local-world.ts';
import { Rota } from './rota.ts';
import { Turns } from './turns.ts';
import { type WorldLog, WorldRunner } from './world-runner.ts';

export interface HallOptions {
  readonly config: RegionConfig;
  readonly worlds: readonly WorldEntry[];
  readonly log: WorldLog;
  readonly storage: (entry: WorldEntry) => Storage;
  readonly send: (world: string, to: number, message: PeerMessage) => void;
  /** Milliseconds to the farthest peer and back; 0 while nothing is known. */
  readonly roundTrip: () => number;
  /** A copy of a world stopped for good, and this process should leave. */
  readonly stopped: (world: string, reason: string) => void;
}

interface World {
  readonly runner: WorldRunner;
  readonly local: LocalWorld;
}

export class Hall {
  readonly #options: HallOptions;
  readonly #worlds = new Map<string, World>();
  readonly #rota = new Rota<World>();
  readonly #turns = new Turns();
  #ticker: NodeJS.Timeout | undefined;
  #failed = false;

  private constructor(options: HallOptions) {
    this.#options = options;
  }

  /** Resolves when every world stands where its log ends. Rejects with the first world's error; the others are closed. */
  static async open(options: HallOptions): Promise<Hall> {
    const hall = new Hall(options);
    try {
      await Promise.all(options.worlds.map((entry) => hall.#open(entry)));
      return hall;
    } catch (error) {
      await hall.close();
      throw error;
    }
  }

  async #open(entry: WorldEntry): Promise<void> {
    const { config, log, storage, send, stopped } = this.#options;
    const { name } = entry;
    const definition = worlds.get(entry.definition);
    if (definition === undefined)
      throw new Error(`there is no definition '${entry.definition}' for world '${name}'`);
    const consensus: ConsensusConfig = consensusConfig(config, config.regions.indexOf(config.region));
    const runner = await WorldRunner.open({
      name,
      definition,
      regions: config.regions,
      consensus,
      sessionIdleMs: SESSION_IDLE_LIVES * config.tokenMs,
      storage: storage(entry),
      send: (to, message) => send(name, to, message),
      turns: (turn) => this.#turns.add(turn),
      woken: () => this.#rota.wake(this.#worlds.get(name) as World),
      stopped,
      log,
    });
    const local = new LocalWorld(runner, config.regions, (error) =>
      log.error({ event: 'listener', world: name, err: error }, 'a listener of applied commands threw'),
    );
    const world = { runner, local };
    this.#worlds.set(name, world);
    this.#rota.wake(world);
  }

  /** In the order in which they were given. */
  get services(): LocalWorld[] {
    return this.#options.worlds.map(({ name }) => (this.#worlds.get(name) as World).local);
  }

  service(world: string): LocalWorld | undefined {
    return this.#worlds.get(world)?.local;
  }

  /** From a peer. A world that only others serve is no error: worlds may be added region by region. */
  receive(world: string, from: number, message: PeerMessage): void {
    this.#worlds.get(world)?.runner.take({ kind: 'peer', from, message });
  }

  /** What concerns every world. */
  tellAll(input: HostInput): void {
    for (const { runner } of this.#worlds.values()) runner.take(input);
  }

  /** From now on the worlds are told the time. */
  begin(): void {
    if (!this.#failed) this.#tick();
  }

  #tick(): void {
    let busy = false;
    const now = performance.now();
    const roundTrip = this.#options.roundTrip();
    this.#rota.due(now);
    for (const world of this.#rota.awake) {
      const { runner, local } = world;
      const until = local.idle ? runner.dueAt : Number.NEGATIVE_INFINITY;
      if (until > now) {
        runner.sleep();
        this.#rota.sleep(world, until);
        continue;
      }
      // Behind with its turns, a world is not told of every moment that it missed.
      if (!runner.scheduled) runner.take({ kind: 'tick', roundTrip });
      local.expire(now);
      busy ||= runner.busy;
    }
    this.#ticker = setTimeout(() => this.#tick(), busy ? TICK_BUSY_MS : TICK_IDLE_MS);
  }

  /** No world is told the time any more, and none is given anything. */
  halt(): void {
    clearTimeout(this.#ticker);
  }

  /** Fail stop for all worlds at once: nothing is written, voted or sent any more. It is for the caller to say so, once. */
  fail(reason: string): void {
    this.halt();
    this.#failed = true;
    for (const { runner } of this.#worlds.values()) {
      try {
        runner.fail(reason, true);
      } catch {
        // Whoever was to be told threw: the world had stopped by then, and the others must.
      }
    }
  }

  /** Leadership of the worlds led here, to another region; gives up after a while. */
  async handOverAll(to: string): Promise<void> {
    const { log } = this.#options;
    const late = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_HAND_OVER_MS).unref());
    const handOver = async ({ runner, local }: World) => {
      if (runner.failure !== null || local.status().role !== 'leader') return;
      await local.handOver(to).catch((error: unknown) => {
        log.warn({ event: 'hand-over', world: local.name, err: error }, 'leadership was not handed on');
      });
    };
    await Promise.race([Promise.all([...this.#worlds.values()].map(handOver)), late]);
  }

  /** Takes no further action; resolves when what is under way is done and durable. */
  async drain(): Promise<void> {
    this.tellAll({ kind: 'drain' });
    for (const { runner } of this.#worlds.values()) await runner.flushed();
  }

  async close(): Promise<void> {
    this.halt();
    await Promise.allSettled([...this.#worlds.values()].map(({ runner }) => runner.close()));
  }
}
