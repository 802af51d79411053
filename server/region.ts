/** One region server: the only file that knows all rooms. Values go one way, from links and clients to worlds and back. */
import { readFileSync } from 'node:fs';
import { worlds } from '../game-logic/worlds/index.ts';
import type { Admin } from './admin/types.ts';
import { type Address, clusterDigest, formatAddress, type RegionConfig, type WorldEntry } from './config.ts';
import type { ConsensusConfig } from './consensus/types.ts';
import type { Gateway } from './gateway/types.ts';
import {
  DRAIN_HAND_OVER_MS,
  FAULT_REFUSALS_MS,
  SESSION_IDLE_LIVES,
  TAIL_COMMANDS,
  TICK_BUSY_MS,
  TICK_IDLE_MS,
} from './limits.ts';
import { createLinks } from './links/net.ts';
import type { Links, PeerMessage } from './links/types.ts';
import type { Logger } from './log.ts';
import { AtMostEvery } from './region/at-most.ts';
import { ClusterFaults, refusalOf } from './region/cluster-faults.ts';
import { consensusConfig, linkBounds, weightsOf } from './region/consensus-config.ts';
import { hits, parseFault, type SelfKill } from './region/fault.ts';
import { LinkFaults } from './region/link-faults.ts';
import { LocalWorld } from './region/local-world.ts';
import { Rota } from './region/rota.ts';
import { Turns } from './region/turns.ts';
import { WorldRunner } from './region/world-runner.ts';
import { type DataFolder, openDataFolder } from './storage/identity.ts';
import { type LevelStore, openLevelStore } from './storage/level-store.ts';

/** A killed process must have its last frame on the wire, and nothing after it. */
const KILL_AFTER_MS = 50;

interface World {
  readonly runner: WorldRunner;
  readonly local: LocalWorld;
}

export class Region {
  readonly #config: RegionConfig;
  readonly #log: Logger;
  readonly #self: number;
  readonly #failed: (reason: string) => void;
  readonly #fault: SelfKill | undefined;
  readonly #worlds = new Map<string, World>();
  readonly #rota = new Rota<World>();
  readonly #turns = new Turns();
  #folder: DataFolder | null = null;
  #store: LevelStore | null = null;
  #links: Links | null = null;
  #gateway: Gateway | null = null;
  #admin: Admin | null = null;
  #faults: ClusterFaults | undefined;
  readonly #refusals = new AtMostEvery(FAULT_REFUSALS_MS);
  #ticker: NodeJS.Timeout | undefined;
  /** Set by a fault that kills this process: nothing goes in or out any more. */
  #frozen = false;
  #leaving = false;
  addresses = { listen: '', admin: '', peer: '' };

  private constructor(config: RegionConfig, log: Logger, failed: (reason: string) => void) {
    this.#config = config;
    this.#log = log;
    this.#failed = failed;
    this.#self = config.regions.indexOf(config.region);
    this.#fault = config.fault === undefined ? undefined : parseFault(config.fault);
  }

  /** Resolves when it serves. `failed` is told when a world stopped and the process should leave. */
  static async start(config: RegionConfig, log: Logger, failed: (reason: string) => void): Promise<Region> {
    const region = new Region(config, log, failed);
    try {
      await region.#start();
      return region;
    } catch (error) {
      await region.#close();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { data, region, regions, worlds: entries } = this.#config;
    const cluster = clusterDigest(regions, weightsOf(this.#config));
    const loaded = performance.now();
    this.#folder = await openDataFolder(data, { cluster, region });
    const store = await openLevelStore(this.#folder);
    this.#store = store;
    await Promise.all(entries.map((entry) => this.#openWorld(entry, store)));
    const opened = performance.now();
    this.#links = this.#makeLinks(cluster, this.#folder);
    await this.#links.start();
    this.#tick();
    // From here on what this region missed comes in. The doors are much code, first of all Colyseus': they come second.
    await this.#openAdmin(this.#links);
    await this.#openGateway();
    const ms = { load: loaded, worlds: opened - loaded, doors: performance.now() - opened };
    this.#log.info({ event: 'started', ms: rounded(ms) });
  }

  async #openWorld({ name, definition: defined }: WorldEntry, store: LevelStore): Promise<void> {
    const definition = worlds.get(defined);
    if (definition === undefined) throw new Error(`there is no definition '${defined}' for world '${name}'`);
    const { regions } = this.#config;
    const consensus: ConsensusConfig = consensusConfig(this.#config, this.#self);
    const runner = await WorldRunner.open({
      name,
      definition,
      regions,
      consensus,
      sessionIdleMs: SESSION_IDLE_LIVES * this.#config.tokenMs,
      storage: store.world(name, TAIL_COMMANDS, defined),
      send: (to, message) => this.#send(name, to, message),
      turns: (turn) => this.#turns.add(turn),
      woken: () => this.#rota.wake(this.#worlds.get(name) as World),
      stopped: (world, reason) => this.#worldStopped(world, reason),
      log: this.#log,
    });
    const local = new LocalWorld(runner, regions, (error) =>
      this.#log.error({ event: 'listener', world: name, err: error }, 'a listener of applied commands threw'),
    );
    const world = { runner, local };
    this.#worlds.set(name, world);
    this.#rota.wake(world);
  }

  #makeLinks(cluster: string, folder: DataFolder): Links {
    const { regions, peers, secret, peerListen, tls } = this.#config;
    return createLinks(
      {
        ...{
          self: this.#self,
          regions,
          peers,
          secret,
          cluster,
          version: version(),
          folder,
          logger: this.#log,
          world: (name: string) => this.#worlds.get(name)?.local,
        },
        ...(peerListen === undefined ? {} : { listen: peerListen }),
        ...(tls === undefined ? {} : { tls }),
        bounds: linkBounds(this.#config),
      },
      {
        message: (world, from, message) => this.#receive(world, from, message),
        link: (device, up) => {
          for (const { runner } of this.#worlds.values()) runner.take({ kind: 'link', device, up });
        },
        note: (device, text) => this.#hear(device, text),
        silent: (device, silent) => {
          for (const { runner } of this.#worlds.values()) runner.take({ kind: 'silent', device, silent });
        },
      },
    );
  }

  #hear(device: number, text: string): void {
    const { allowFaults, regions } = this.#config;
    if (allowFaults) this.#faults?.heard(device, text);
    else {
      const refusal = refusalOf(text);
      if (refusal === null) return;
      if (this.#refusals.due(device, performance.now()))
        this.#log.warn(
          { event: 'fault', from: regions[device] },
          'a fault was asked for, which is not allowed here',
        );
      this.#links?.note(device, refusal);
    }
  }

  get #services(): LocalWorld[] {
    return this.#config.worlds.map(({ name }) => (this.#worlds.get(name) as World).local);
  }

  async #openAdmin(links: Links): Promise<void> {
    const { region, regions, admin, adminToken, allowFaults } = this.#config;
    const { createAdmin } = await import('./admin/admin.ts');
    if (allowFaults)
      this.#faults = new ClusterFaults(region, regions, new LinkFaults(region, regions, links), links);
    this.#admin = createAdmin({
      ...{ host: admin.host, port: admin.port, token: adminToken, region, regions, version: version() },
      ...{ worlds: this.#services, peers: () => links.status(), faults: this.#faults, logger: this.#log },
      gateway: { stats: () => (this.addresses.listen === '' ? undefined : this.#gateway?.stats()) },
    });
    this.addresses.admin = formatAddress(await this.#admin.start());
    this.addresses.peer = formatAddress(this.#config.peers[this.#self] as Address);
  }

  async #openGateway(): Promise<void> {
    const { region, regions, secret, guests, page, transport, listen, tokenMs } = this.#config;
    const { createGateway } = await import('./gateway/gateway.ts');
    this.#gateway = createGateway({
      ...{ host: listen.host, port: listen.port, worlds: this.#services, region, regions, secret, guests },
      ...{ transport, pageDirectory: page, logger: this.#log, limits: { tokenMs } },
    });
    this.addresses.listen = formatAddress(await this.#gateway.start());
  }

  // ---- messages and time --------------------------------------------------------------------------------------------------

  #receive(world: string, from: number, message: PeerMessage): void {
    if (this.#frozen) return;
    // A world that only others serve is no error: worlds may be added region by region.
    this.#worlds.get(world)?.runner.take({ kind: 'peer', from, message });
  }

  #send(world: string, to: number, message: PeerMessage): void {
    if (this.#frozen) return;
    this.#links?.send(world, to, message);
    if (this.#fault !== undefined && hits(this.#fault, world, message)) this.#killSelf();
  }

  #killSelf(): void {
    this.#frozen = true;
    this.#log.warn({ event: 'fault' }, 'killing myself as told');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), KILL_AFTER_MS);
  }

  #tick(): void {
    let busy = false;
    const now = performance.now();
    const roundTrip = this.#links?.roundTrip() ?? 0;
    this.#rota.due(now);
    for (const world of this.#rota.awake) {
      if (this.#frozen) return;
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

  #worldStopped(world: string, reason: string): void {
    // The other regions go on with this world; here its clients are better off elsewhere.
    this.#failed(`world ${world} stopped: ${reason}`);
  }

  // ---- leaving ------------------------------------------------------------------------------------------------------------

  /** Hands leadership on, tells clients to move, lets what is under way end, flushes, closes. */
  async drain(): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    await Promise.all([this.#handOverAll(), this.#gateway?.drain()]);
    for (const { runner } of this.#worlds.values()) runner.take({ kind: 'drain' });
    // One after another: each looks once in a pass of the event loop whether it is done, and there may be thousands.
    for (const { runner } of this.#worlds.values()) await runner.flushed();
    await this.#close();
  }

  async #handOverAll(): Promise<void> {
    const next = this.#links
      ?.status()
      .find(({ connected, region }) => connected && region !== this.#config.region);
    if (next === undefined) return;
    const late = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_HAND_OVER_MS).unref());
    const handOver = async ({ local }: World) => {
      if (local.status().role !== 'leader') return;
      await local.handOver(next.region).catch((error: unknown) => {
        this.#log.warn({ event: 'hand-over', world: local.name, err: error }, 'leadership was not handed on');
      });
    };
    await Promise.race([Promise.all([...this.#worlds.values()].map(handOver)), late]);
  }

  async #close(): Promise<void> {
    clearTimeout(this.#ticker);
    await Promise.allSettled([this.#gateway?.close(), this.#admin?.close(), this.#links?.close()]);
    await Promise.allSettled([...this.#worlds.values()].map(({ runner }) => runner.close()));
    await this.#store?.close().catch((error: unknown) => {
      this.#log.error({ event: 'store', err: error }, 'the store was not closed in order');
    });
  }
}

/** For the log, where a tenth of a millisecond is noise. */
const rounded = (ms: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(ms).map(([name, value]) => [name, Math.round(value)]));

/** The package's version; the bundle lies one folder below the package. */
function version(): string {
  try {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
