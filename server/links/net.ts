import { connect as connectTcp, createServer, isIP, type Server, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  createServer as createTlsServer,
  type PeerCertificate,
} from 'node:tls';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import {
  LINK_CONNECT_MS,
  LINK_GATEWAYS,
  LINK_HANDSHAKE_BYTES,
  LINK_HANDSHAKE_MS,
  LINK_PENDING,
} from '../limits.ts';
import type { ActingWorld } from '../world-service.ts';
import { decodePeer, encodeParts, worldOf } from './codec.ts';
import type { Frame } from './frames.ts';
import { GATEWAY_BOUNDS, type GatewayBounds, GatewayLink } from './gateway-link.ts';
import { Greeting } from './greeting.ts';
import { Handshake, type Identity, isGateway } from './handshake.ts';
import { LINK_BOUNDS, type LinkBounds } from './link.ts';
import { type LinkLog, Peer } from './peer.ts';
import type { LinkEvents, Links, PeerMessage, PeerStatus } from './types.ts';
import { Wire } from './wire.ts';

export interface LinkAddress {
  readonly host: string;
  readonly port: number;
}

/** PEM texts. Every region shows a certificate of `ca`, for its region name or its host. */
export interface LinkTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/**
 * Which store each region has. A region that comes back with another one has lost its votes and would make two regions
 * disagree, so it is refused (protocol 9.5, T81).
 */
export interface PeerStores {
  readonly store: string;
  peerStore(region: string): string | null;
  rememberPeer(region: string, store: string): Promise<void>;
}

export interface LinkOptions {
  /** Index of this region in `regions`; so are all devices below. */
  readonly self: number;
  readonly regions: readonly string[];
  /** Where each region listens for its peers; looked up at each dial. */
  readonly peers: readonly LinkAddress[];
  /** Where this one does, if that differs from what the others dial. */
  readonly listen?: LinkAddress;
  readonly secret: string;
  /** Digest of region names, order and weights; must be equal. */
  readonly cluster: string;
  /** Of the program, for the peers' logs. */
  readonly version: string;
  /** This region's data folder: tells its own store and remembers those of its peers. */
  readonly folder: PeerStores;
  readonly tls?: LinkTls;
  readonly logger: LinkLog;
  /** The worlds that gateways in processes of their own may act on; without it there are none. */
  readonly world?: (name: string) => ActingWorld | undefined;
  /** For tests; limits.ts otherwise. */
  readonly bounds?: Partial<
    LinkBounds & {
      readonly handshakeMs: number;
      readonly pending: number;
      readonly protocol: number;
      readonly gateways: number;
      readonly gateway: GatewayBounds;
    }
  >;
}

export interface NetLinks extends Links {
  /** Where it listens; the port is the one that was taken where 0 was asked for. */
  address(): LinkAddress;
}

/** Least time between two warnings about strangers and messages that cannot be sent. */
const WARNINGS_MS = 1_000;

class Net implements NetLinks {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #listen: LinkAddress;
  readonly #identity: Identity;
  readonly #peers: (Peer | null)[];
  readonly #server: Server;
  /** Connections that have not proved themselves, by remote address and port, oldest first; how to end each. */
  readonly #strangers = new Map<string, (reason: string) => void>();
  readonly #handshakeMs: number;
  readonly #mostPending: number;
  readonly #mostGateways: number;
  readonly #gateways = new Set<GatewayLink>();
  #closed = false;
  /** The last message and its bytes: one message for several peers is encoded once. */
  #encoded: {
    readonly world: string;
    readonly message: PeerMessage;
    readonly parts: readonly Uint8Array[];
  } | null = null;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    const { self, regions, peers, cluster, version, folder, secret, bounds = {} } = options;
    const own = options.listen ?? peers[self];
    if (own === undefined) throw new RangeError(`device ${self} has no address among ${peers.length} peers`);
    this.#listen = own;
    this.#handshakeMs = bounds.handshakeMs ?? LINK_HANDSHAKE_MS;
    this.#mostPending = bounds.pending ?? LINK_PENDING;
    this.#identity = {
      region: regions[self] ?? '',
      regions,
      cluster,
      protocol: bounds.protocol ?? PROTOCOL_VERSION,
      version,
      store: folder.store,
      secret,
      accept: (region, store) => this.#objection(region, store),
      busy: (region) => this.#named(region)?.dialling === true,
      gateways: options.world !== undefined,
    };
    this.#peers = regions.map((_, device) => (device === self ? null : this.#peer(device)));
    this.#server = this.#listener();
    this.#mostGateways = bounds.gateways ?? LINK_GATEWAYS;
    this.#server.maxConnections = 2 * (regions.length + this.#mostPending) + this.#mostGateways;
  }

  async start(): Promise<void> {
    const { host, port } = this.#listen;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#warn('listen', error.message));
    for (const peer of this.#peers) peer?.start();
  }

  address(): LinkAddress {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') return this.#listen;
    return { host: bound.address, port: bound.port };
  }

  send(world: string, device: number, message: PeerMessage): void {
    const peer = this.#peers[device];
    if (peer === null || peer === undefined) throw new RangeError(`there is no link to device ${device}`);
    if (!peer.reachable) return;
    const parts = this.#encode(world, message);
    if (parts !== null) peer.send(parts);
  }

  forward(device: number, bytes: Uint8Array): void {
    const peer = this.#peers[device];
    if (peer?.reachable === true) peer.send([bytes]);
  }

  reject(device: number, reason: string): void {
    this.#peers[device]?.reject(reason);
  }

  status(): readonly PeerStatus[] {
    return this.#options.regions.flatMap((region, device) => {
      const peer = this.#peers[device];
      if (peer === null || peer === undefined) return [];
      const { connected, rttMs, dropped } = peer;
      return [{ region, connected, rttMs, dropped }];
    });
  }

  roundTrip(): number {
    let most = 0;
    for (const peer of this.#peers) if (peer?.connected === true) most = Math.max(most, peer.leastRttMs);
    return most;
  }

  cut(devices: readonly number[] | null): void {
    this.#peers.forEach((peer, device) => {
      peer?.setCut(devices?.includes(device) === true);
    });
  }

  note(device: number, text: string): void {
    this.#peers[device]?.note(text);
  }

  delay(device: number, ms: number): void {
    this.#peers[device]?.setDelay(ms);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const peer of this.#peers) peer?.close();
    for (const gateway of [...this.#gateways]) gateway.finish();
    for (const end of [...this.#strangers.values()]) end('closing');
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Null, logged, for what the schema cannot hold: one message's fault must not stop the rest. */
  #encode(world: string, message: PeerMessage): readonly Uint8Array[] | null {
    const last = this.#encoded;
    if (last !== null && last.message === message && last.world === world) return last.parts;
    try {
      const parts = encodeParts(world, message);
      // Kept for this turn only: a megabyte should not wait for the next message.
      if (last === null) queueMicrotask(() => (this.#encoded = null));
      this.#encoded = { world, message, parts };
      return parts;
    } catch (error) {
      this.#warn('unencodable', `${message.kind} for ${world}: ${(error as Error).message}`);
      return null;
    }
  }

  #peer(device: number): Peer {
    const { self, logger, bounds } = this.#options;
    const events = this.#events;
    return new Peer({
      self,
      device,
      identity: this.#identity,
      bounds: { ...LINK_BOUNDS, ...bounds },
      handshakeMs: this.#handshakeMs,
      connect: () => this.#connect(device),
      decode: (bytes) => {
        const elsewhere = events.raw?.(worldOf(bytes), device, bytes) === true;
        return elsewhere ? null : decodePeer(bytes, device, self);
      },
      deliver: ({ world, message }) => events.message(world, device, message),
      link: (up) => events.link(device, up),
      note: (text) => events.note?.(device, text),
      silent: (silent) => events.silent?.(device, silent),
      log: logger,
    });
  }

  #connect(device: number): Socket {
    const { peers, regions, tls } = this.#options;
    const { host, port } = peers[device] ?? { host: '', port: 0 };
    const name = regions[device] ?? '';
    const socket =
      tls === undefined
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({
            host,
            port,
            ...tls,
            minVersion: 'TLSv1.3',
            servername: isIP(host) === 0 ? host : '',
            checkServerIdentity: (_, certificate) => belongs(certificate, name, host),
          });
    const timer = setTimeout(
      () => socket.destroy(new Error('no connection within the time limit')),
      LINK_CONNECT_MS,
    );
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
    return socket;
  }

  #listener(): Server {
    const { tls } = this.#options;
    if (tls === undefined) {
      return createServer({ noDelay: true }, (socket) => {
        this.#admit(socket);
        this.#greet(socket);
      });
    }
    const options = {
      ...tls,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: this.#handshakeMs,
    } as const;
    const server = createTlsServer(options, (socket) => this.#greet(socket));
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#warn('tls', error.message, socket.remoteAddress);
      socket.destroy();
    });
    return server;
  }

  /** A bounded number of strangers: one more ends the oldest. */
  #admit(socket: Socket): void {
    const key = keyOf(socket);
    const oldest = this.#strangers.values().next().value;
    if (this.#strangers.size >= this.#mostPending) oldest?.('too many connections without a handshake');
    const end = () => void socket.destroy();
    this.#strangers.set(key, end);
    socket.once('close', () => {
      if (this.#strangers.get(key) === end) this.#strangers.delete(key);
    });
  }

  #greet(socket: Socket): void {
    const key = keyOf(socket);
    if (this.#closed || !this.#strangers.has(key)) {
      socket.destroy();
      return;
    }
    const wire = new Wire(socket, LINK_HANDSHAKE_BYTES);
    const greeting = new Greeting({
      wire,
      handshake: new Handshake(this.#identity, 'acceptor', null),
      role: 'acceptor',
      deadlineMs: this.#handshakeMs,
      mute: (region) => this.#named(region)?.cut === true,
      settled: (result, first) => {
        this.#strangers.delete(key);
        if (result.kind === 'done' && isGateway(result.region)) this.#serve(result.region, wire, first);
        else if (result.kind === 'done') this.#named(result.region)?.accepted(wire, first);
        else if (result.kind === 'rejected' && result.code !== 'busy') {
          this.#warn(result.code, result.detail, wire.remote);
        }
      },
    });
    // In the place that it had: the age counts from the connection.
    this.#strangers.set(key, (reason) => greeting.abort(reason));
  }

  #serve(name: string, wire: Wire, first: Frame | null): void {
    const { world, bounds, logger } = this.#options;
    if (this.#closed || world === undefined || this.#gateways.size >= this.#mostGateways) {
      this.#warn('gateways', `${name} is one gateway too many`, wire.remote);
      wire.close();
      return;
    }
    const gateway: GatewayLink = new GatewayLink({
      wire,
      world,
      bounds: { ...GATEWAY_BOUNDS, ...bounds?.gateway },
      closed: (reason) => {
        this.#gateways.delete(gateway);
        logger.info(
          { event: 'link', code: 'gateway-down', gateway: name, detail: reason },
          `${name} is gone`,
        );
      },
    });
    this.#gateways.add(gateway);
    logger.info({ event: 'link', code: 'gateway-up', gateway: name }, `${name} acts through this region`);
    if (first !== null) gateway.frame(first);
  }

  #objection(region: string, store: string): string | null {
    const { folder } = this.#options;
    const known = folder.peerStore(region);
    if (known === null) {
      folder.rememberPeer(region, store).catch((error: unknown) => this.#warn('io', String(error)));
    } else if (known !== store) {
      return (
        `${region} had store ${known} and now has ${store}: it may have forgotten votes and cannot take part as it was. ` +
        'Put its old data folder back'
      );
    }
    return null;
  }

  #named(region: string): Peer | null {
    return this.#peers[this.#options.regions.indexOf(region)] ?? null;
  }

  #said = '';
  #saidAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;
  /** Strangers may knock as often as they like, under any name: the same words are logged once, others once a second. */
  #warn(code: string, detail: string, from?: string): void {
    const words = `${code} ${detail}`;
    const now = performance.now();
    if (words === this.#said || now - this.#saidAt < WARNINGS_MS) {
      this.#unsaid++;
      return;
    }
    const fields = { event: 'link', code, detail, from, suppressed: this.#unsaid };
    this.#said = words;
    this.#saidAt = now;
    this.#unsaid = 0;
    this.#options.logger.warn(fields, `peer port: ${detail}`);
  }
}

/** Names a connection while it is open; a TLS socket and the one under it have the same. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
}

/** A certificate of the cluster's authority is good for the region's name or for its host. */
function belongs(certificate: PeerCertificate, region: string, host: string): Error | undefined {
  const byName = checkServerIdentity(region, certificate);
  return byName === undefined ? undefined : checkServerIdentity(host, certificate);
}

/** Links over TCP, or TLS where `tls` is given. Nothing is bound or dialled before `start`. */
export function createLinks(options: LinkOptions, events: LinkEvents): NetLinks {
  return new Net(options, events);
}
