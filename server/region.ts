/** One region server: the only file that knows all rooms. Values go one way, from links and clients to worlds and back. */
import { readFileSync } from 'node:fs';
import type { Admin } from './admin/types.ts';
import { type Address, clusterDigest, formatAddress, type RegionConfig, type WorldEntry } from './config.ts';
import { FAULT_REFUSALS_MS, TAIL_COMMANDS } from './limits.ts';
import { createLinks } from './links/net.ts';
import type { Links, PeerMessage } from './links/types.ts';
import type { Logger } from './log.ts';
import { AtMostEvery } from './region/at-most.ts';
import { ClusterFaults, refusalOf } from './region/cluster-faults.ts';
import { linkBounds, weightsOf } from './region/consensus-config.ts';
import { hits, parseFault, type SelfKill } from './region/fault.ts';
import { LinkFaults } from './region/link-faults.ts';
import { OneThread } from './region/one-thread.ts';
import type { WorldsOfRegion } from './region/worlds.ts';
import { type DataFolder, openDataFolder } from './storage/identity.ts';
import { type LevelStore, openLevelStore } from './storage/level-store.ts';

/** A killed process must have its last frame on the wire, and nothing after it. */
const KILL_AFTER_MS = 50;

export class Region {
  readonly #config: RegionConfig;
  readonly #log: Logger;
  readonly #self: number;
  readonly #failed: (reason: string) => void;
  readonly #fault: SelfKill | undefined;
  #folder: DataFolder | null = null;
  #store: LevelStore | null = null;
  #links: Links | null = null;
  #worlds: WorldsOfRegion | null = null;
  #admin: Admin | null = null;
  #faults: ClusterFaults | undefined;
  readonly #refusals = new AtMostEvery(FAULT_REFUSALS_MS);
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
    const { data, region, regions } = this.#config;
    const cluster = clusterDigest(regions, weightsOf(this.#config));
    const loaded = performance.now();
    this.#folder = await openDataFolder(data, { cluster, region });
    const store = await openLevelStore(this.#folder);
    this.#store = store;
    const worlds = await this.#openWorlds(store);
    this.#worlds = worlds;
    const opened = performance.now();
    this.#links = this.#makeLinks(cluster, this.#folder, worlds);
    await this.#links.start();
    worlds.begin();
    // From here on what this region missed comes in. The doors are much code, first of all Colyseus': they come second.
    await this.#openAdmin(this.#links, worlds);
    this.addresses.listen = formatAddress(await worlds.openDoor());
    const ms = { load: loaded, worlds: opened - loaded, doors: performance.now() - opened };
    this.#log.info({ event: 'started', ms: rounded(ms) });
  }

  async #openWorlds(store: LevelStore): Promise<WorldsOfRegion> {
    const shared = {
      config: this.#config,
      storage: ({ name, definition }: WorldEntry) => store.world(name, TAIL_COMMANDS, definition),
      roundTrip: () => this.#links?.roundTrip() ?? 0,
      stopped: (world: string, reason: string) => this.#worldStopped(world, reason),
    };
    if (this.#config.workers === 0) {
      return await OneThread.start({
        ...shared,
        worlds: this.#config.worlds,
        log: this.#log,
        send: (world, to, message) => this.#send(world, to, message),
      });
    }
    const { Crew } = await import('./crew/crew.ts');
    return await Crew.start({
      ...shared,
      log: this.#log,
      send: (device, bytes) => this.#links?.forward(device, bytes),
      reject: (device, reason) => this.#links?.reject(device, reason),
      failed: (reason) => this.#failed(reason),
    });
  }

  #makeLinks(cluster: string, folder: DataFolder, worlds: WorldsOfRegion): Links {
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
          world: (name: string) => worlds.service(name),
        },
        ...(peerListen === undefined ? {} : { listen: peerListen }),
        ...(tls === undefined ? {} : { tls }),
        bounds: linkBounds(this.#config),
      },
      {
        ...(this.#config.workers === 0
          ? {}
          : {
              raw: (world: string, from: number, bytes: Uint8Array) => worlds.receiveRaw(world, from, bytes),
            }),
        message: (world, from, message) => {
          if (!this.#frozen) worlds.receive(world, from, message);
        },
        link: (device, up) => worlds.tellAll({ kind: 'link', device, up }),
        note: (device, text) => this.#hear(device, text),
        silent: (device, silent) => worlds.tellAll({ kind: 'silent', device, silent }),
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

  async #openAdmin(links: Links, worlds: WorldsOfRegion): Promise<void> {
    const { region, regions, admin, adminToken, allowFaults } = this.#config;
    const { createAdmin } = await import('./admin/admin.ts');
    if (allowFaults)
      this.#faults = new ClusterFaults(region, regions, new LinkFaults(region, regions, links), links);
    this.#admin = createAdmin({
      ...{ host: admin.host, port: admin.port, token: adminToken, region, regions, version: version() },
      ...{ worlds: worlds.services, peers: () => links.status(), faults: this.#faults, logger: this.#log },
      ...{ gateway: worlds, workers: worlds.busy },
    });
    this.addresses.admin = formatAddress(await this.#admin.start());
    this.addresses.peer = formatAddress(this.#config.peers[this.#self] as Address);
  }

  // ---- messages and time --------------------------------------------------------------------------------------------------

  #send(world: string, to: number, message: PeerMessage): void {
    if (this.#frozen) return;
    this.#links?.send(world, to, message);
    if (this.#fault !== undefined && hits(this.#fault, world, message)) this.#killSelf();
  }

  #killSelf(): void {
    this.#frozen = true;
    this.#worlds?.halt();
    this.#log.warn({ event: 'fault' }, 'killing myself as told');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), KILL_AFTER_MS);
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
    await Promise.all([this.#handOverAll(), this.#worlds?.closeDoor()]);
    await this.#worlds?.drain();
    await this.#close();
  }

  async #handOverAll(): Promise<void> {
    const next = this.#links
      ?.status()
      .find(({ connected, region }) => connected && region !== this.#config.region);
    if (next !== undefined) await this.#worlds?.handOverAll(next.region);
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#admin?.close(), this.#links?.close()]);
    await this.#worlds?.close().catch((error: unknown) => {
      this.#log.error({ event: 'worlds', err: error }, 'the worlds were not closed in order');
    });
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
