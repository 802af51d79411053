import type { PeerStores } from '../../server/links/net.ts';
import { createLinks, type LinkAddress, type LinkOptions, type NetLinks } from '../../server/links/net.ts';
import type { LinkEvents, PeerMessage } from '../../server/links/types.ts';

export const REGIONS = ['eu', 'us', 'ap'];
export const SECRET = 'a secret of the cluster';

/** Waits for a condition; fails with `what` after the deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 8_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function memoryStores(store: string): PeerStores {
  const known = new Map<string, string>();
  return {
    store,
    peerStore: (region) => known.get(region) ?? null,
    rememberPeer: async (region, its) => void known.set(region, its),
  };
}

export interface Logged {
  readonly code: string;
  readonly detail: string;
  readonly message: string;
}

/** One region's links and all that came out of them. */
export class Node {
  readonly links: NetLinks;
  readonly received: { readonly world: string; readonly from: number; readonly message: PeerMessage }[] = [];
  readonly events: string[] = [];
  /** Who fell silent, and who was heard again. */
  readonly silences: string[] = [];
  readonly notes: string[] = [];
  readonly logs: Logged[] = [];
  readonly device: number;
  /** Takes messages before they are looked into, where it says so. */
  raw: NonNullable<LinkEvents['raw']> = () => false;

  constructor(device: number, peers: LinkAddress[], change: Partial<LinkOptions> = {}) {
    this.device = device;
    const log = (fields: object, message: string): void => {
      const { code, detail } = fields as { readonly code?: string; readonly detail?: string };
      this.logs.push({ code: code ?? '', detail: detail ?? '', message });
    };
    this.links = createLinks(
      {
        self: device,
        regions: REGIONS,
        peers,
        listen: { host: '127.0.0.1', port: peers[device]?.port ?? 0 },
        secret: SECRET,
        cluster: 'c1',
        version: '1.2.3',
        folder: memoryStores(`store-${device}`),
        logger: { info: log, warn: log },
        ...change,
      },
      {
        raw: (world, from, bytes) => this.raw(world, from, bytes),
        message: (world, from, message) => void this.received.push({ world, from, message }),
        note: (from, text) => void this.notes.push(`${from}: ${text}`),
        link: (peer, up) => void this.events.push(`${peer} ${up ? 'up' : 'down'}`),
        silent: (peer, silent) => void this.silences.push(`${peer} ${silent ? 'silent' : 'heard'}`),
      },
    );
  }

  get codes(): string[] {
    return this.logs.map((line) => line.code);
  }
  connected(): string[] {
    return this.links
      .status()
      .filter((peer) => peer.connected)
      .map((peer) => peer.region);
  }
}

/** Regions on loopback ports that were free; stopped together. */
export class Cluster {
  readonly peers: LinkAddress[] = REGIONS.map(() => ({ host: '127.0.0.1', port: 0 }));
  readonly nodes: Node[] = [];

  /** Starts one region; its port is known to the others from then on, and kept by a later start. */
  async start(device: number, change: Partial<LinkOptions> = {}): Promise<Node> {
    const node = new Node(device, this.peers, change);
    this.nodes.push(node);
    await node.links.start();
    this.peers[device] = node.links.address();
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.links.close()));
  }
}

/** A message that tells its place in a sequence. */
export const numbered = (sequence: number): PeerMessage => ({ kind: 'my-next-bal', ballot: sequence });

export function sequences(node: Node, from?: number): number[] {
  return node.received.flatMap(({ from: sender, message }) =>
    message.kind === 'my-next-bal' && (from === undefined || sender === from) ? [message.ballot] : [],
  );
}
