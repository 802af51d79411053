/** One region server: the only file that knows all rooms. Values go one way, from links and clients to worlds and back. */
import { readFileSync } from 'node:fs';
import { worlds } from '../game-logic/worlds/index.ts';
import type { Admin } from './admin/types.ts';
import { type Address, clusterDigest, formatAddress, type RegionConfig, type WorldEntry } from './config.ts';
import type { ConsensusConfig } from './consensus/types.ts';
import type { Gateway } from './gateway/types.ts';
import {
  DRAIN_HAND_OVER_MS,
  SESSION_IDLE_LIVES,
  TAIL_COMMANDS,
  TICK_BUSY_MS,
  TICK_IDLE_MS,
} from './limits.ts';
import { createLinks } from './links/net.ts';
import type { Links, PeerMessage } from './links/types.ts';
import type { Logger } from './log.ts';
import { consensusConfig, linkBounds, weightsOf } from './region/consensus-config.ts';
import { hits, parseFault, type SelfKill } from './region/fault.ts';
import { LinkFaults } from './region/link-faults.ts';
import { LocalWorld } from './region/local-world.ts';
import { Rota } from './region/rota.ts';
import { WorldRunner } from './region/world-runner.ts';
import { type DataFolder, openDataFolder } from './storage/identity.ts';
import { type LevelStore, openLevelStore } from './storage/level-store.ts';

const loadDoors = async () => {
  const [gateway, admin] = await Promise.all([import('./gateway/gateway.ts'), import('./admin/admin.ts')]);
  return { ...gateway, ...admin };
};
type Doors = Awaited<ReturnType<typeof loadDoors>>;

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
  #folder: DataFolder | null = null;
  #store: LevelStore | null = null;
  #links: Links | null = null;
  #gateway: Gateway | null = null;
  #admin: Admin | null = null;
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
    // Much code, first of all Colyseus': it is loaded while disk and peers are waited for.
    const doors = loadDoors();
    doors.catch(() => {});
    this.#folder = await openDataFolder(data, { cluster, region });
    const store = await openLevelStore(this.#folder);
    this.#store = store;
    await Promise.all(entries.map((entry) => this.#openWorld(entry, store)));
    this.#links = this.#makeLinks(cluster, this.#folder);
    await this.#links.start();
    this.#tick();
    await this.#openDoors(await doors);
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
      storage: store.world(name, TAIL_COMMANDS),
      send: (to, message) => this.#send(name, to, message),
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
        silent: (device, silent) => {
          for (const { runner } of this.#worlds.values()) runner.take({ kind: 'silent', device, silent });
        },
      },
    );
  }

  async #openDoors({ createGateway, createAdmin }: Doors): Promise<void> {
    const { region, regions, secret, guests, page, transport, listen, admin, adminToken } = this.#config;
    const services = this.#config.worlds.map(({ name }) => (this.#worlds.get(name) as World).local);
    this.#gateway = createGateway({
      ...{
        host: listen.host,
        port: listen.port,
        worlds: services,
        region,
        regions,
        secret,
        guests,
        transport,
      },
      ...{ pageDirectory: page, logger: this.#log, limits: { tokenMs: this.#config.tokenMs } },
    });
    const faults = new LinkFaults(region, regions, this.#links as Links);
    this.#admin = createAdmin({
      ...{ host: admin.host, port: admin.port, token: adminToken, region, regions, version: version() },
      ...{ worlds: services, peers: () => this.#links?.status() ?? [], gateway: this.#gateway },
      ...{ faults: this.#config.allowFaults ? faults : undefined, logger: this.#log },
    });
    const [clientPort, adminPort] = await Promise.all([this.#gateway.start(), this.#admin.start()]);
    const peer = formatAddress(this.#config.peers[this.#self] as Address);
    this.addresses = { listen: formatAddress(clientPort), admin: formatAddress(adminPort), peer };
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
      runner.take({ kind: 'tick', roundTrip });
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
    await Promise.all([...this.#worlds.values()].map(({ runner }) => runner.flushed()));
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

/** The package's version; the bundle lies one folder below the package. */
function version(): string {
  try {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
