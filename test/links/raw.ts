import { connect, createServer, type Server, type Socket } from 'node:net';
import { decodeMessage } from '../../schemas/generated/peer.ts';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import { FRAME, type Frame, type FrameKind, FrameReader, frameParts } from '../../server/links/frames.ts';
import { Handshake, type Identity, type Step } from '../../server/links/handshake.ts';
import type { LinkAddress } from '../../server/links/net.ts';
import { REGIONS, SECRET, until } from './support.ts';

export function identity(region: string, change: Partial<Identity> = {}): Identity {
  return {
    region,
    regions: REGIONS,
    cluster: 'c1',
    protocol: PROTOCOL_VERSION,
    version: '9.9.9',
    store: `raw-${region}`,
    secret: SECRET,
    ...change,
  };
}

/** A stranger or a peer, driven by hand: what a socket says, and raw bytes onto it. */
export class Raw {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  readonly #reader = new FrameReader(1 << 24);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (chunk) => {
      this.#reader.push(chunk, (frame) => {
        this.frames.push(frame);
        return true;
      });
    });
  }

  static dial(address: LinkAddress): Raw {
    return new Raw(connect(address));
  }

  /** A link to 'eu' as 'us', for the host of 'eu' up or about to be. */
  static async linked(address: LinkAddress): Promise<Raw> {
    const raw = Raw.dial(address);
    await raw.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    raw.send(FRAME.ping, new Uint8Array(0));
    return raw;
  }

  send(kind: FrameKind, body: Uint8Array, value = 0): void {
    this.socket.write(Buffer.concat(frameParts(kind, value, [body])));
  }

  /** The next handshake frame that was not yet taken, or null when the socket closes first. */
  async next(): Promise<Uint8Array | null> {
    await until('a handshake frame', () => this.closed || this.#handshakes().length > 0);
    const frame = this.#handshakes()[0];
    if (frame === undefined) return null;
    this.frames.splice(this.frames.indexOf(frame), 1);
    return frame.body;
  }

  /** Dials through a handshake to its end; the last step tells how it ended. */
  async shake(handshake: Handshake): Promise<Step> {
    const first = handshake.first();
    if (first !== null) this.send(FRAME.handshake, first);
    for (;;) {
      const body = await this.next();
      if (body === null) throw new Error('closed without a word');
      const step = handshake.take(body);
      if (step.send !== null) this.send(FRAME.handshake, step.send);
      if (step.outcome.kind !== 'more') return step;
    }
  }

  async rejection(): Promise<string> {
    const body = await this.next();
    if (body === null) return 'closed';
    const message = decodeMessage(body, true).body;
    return message.kind === 'reject' ? message.code : message.kind;
  }

  #handshakes(): Frame[] {
    return this.frames.filter((frame) => frame.kind === FRAME.handshake);
  }
}

/** A listener that takes connections as Raw. */
export class RawServer {
  readonly connections: Raw[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((socket) => void this.connections.push(new Raw(socket)));
  }

  async listen(): Promise<LinkAddress> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { host: '127.0.0.1', port: address.port };
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.connections) socket.destroy();
  }
}
