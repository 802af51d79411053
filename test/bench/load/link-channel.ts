import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { PROTOCOL_VERSION } from '../../../schemas/protocol-version.ts';
import { clusterDigest } from '../../../server/config.ts';
import { FRAME, type Frame } from '../../../server/links/frames.ts';
import { Greeting } from '../../../server/links/greeting.ts';
import { Handshake } from '../../../server/links/handshake.ts';
import { Wire } from '../../../server/links/wire.ts';
import { scanAnswers } from './answers.ts';
import { type Channel, type ChannelEvents, MOST_ACTS } from './channel.ts';
import type { Templates } from './template.ts';

export interface LinkOrder {
  /** All regions, in their order. */
  readonly regions: readonly string[];
  /** Peer addresses of those to speak to. */
  readonly peers: readonly { readonly region: string; readonly host: string; readonly port: number }[];
  readonly secret: string;
}

/** Sequences that one lane may have under way have different low bits. */
const LANE = 2 * MOST_ACTS;
const HANDSHAKE_MS = 5_000;
const FRAME_MOST = 4 << 20;

/** A gateway in a process of its own, on a region's peer port; `lanes` sessions act through it. */
export class LinkChannel implements Channel {
  readonly lanes: number;
  readonly #sessions: readonly string[];
  readonly #templates: Templates;
  readonly #wire: Wire;
  #messages: Uint8Array[] = [];

  private constructor(wire: Wire, lanes: number, templates: Templates, events: ChannelEvents) {
    this.lanes = lanes;
    this.#sessions = Array.from({ length: lanes }, () => randomBytes(16).toString('base64url'));
    this.#templates = templates;
    this.#wire = wire;
    wire.limit = FRAME_MOST;
    const take = (request: number, failure: string | null) =>
      events.answered(Math.floor(request / LANE) - 1, request % LANE, failure);
    wire.hand({
      frame({ kind, value, body }: Frame) {
        if (kind === FRAME.ping) wire.write(FRAME.pong, value, []);
        if (kind !== FRAME.answers) return;
        scanAnswers(Buffer.from(body.buffer, body.byteOffset, body.length), 0, take);
        events.heard();
      },
      closed: (reason) => events.closed(reason),
    });
    wire.write(FRAME.ping, 0, []);
  }

  static open(
    { regions, peers, secret }: LinkOrder,
    at: number,
    lanes: number,
    templates: Templates,
    events: ChannelEvents,
  ): Promise<LinkChannel> {
    const { region, host, port } = peers[at % peers.length] as LinkOrder['peers'][number];
    const wire = new Wire(connect({ host, port, noDelay: true }), FRAME_MOST);
    const handshake = new Handshake(
      {
        ...{ region: `gateway:bench-${at}`, regions, store: '', version: 'bench', secret },
        cluster: clusterDigest(
          regions,
          regions.map(() => 1),
        ),
        protocol: PROTOCOL_VERSION,
      },
      'dialler',
      region,
    );
    return new Promise((resolve, reject) => {
      new Greeting({
        ...{ wire, handshake, role: 'dialler', deadlineMs: HANDSHAKE_MS, mute: () => false },
        settled: (result) => {
          if (result.kind === 'done') resolve(new LinkChannel(wire, lanes, templates, events));
          else reject(new Error(result.kind === 'broken' ? result.reason : result.detail));
        },
      });
    });
  }

  /** Of a sequence the answer brings back the low bits only. */
  send(lane: number, first: number, count: number): void {
    // Requests that wrap around need two messages.
    const whole = Math.min(count, LANE - (first % LANE));
    const request = (lane + 1) * LANE + (first % LANE);
    this.#write(this.#templates.fill(whole, first, request, this.#sessions[lane]));
    if (whole < count)
      this.#write(
        this.#templates.fill(count - whole, first + whole, (lane + 1) * LANE, this.#sessions[lane]),
      );
  }

  close(): void {
    this.#wire.finish();
  }

  #write(message: Uint8Array): void {
    this.#messages.push(message);
    if (this.#messages.length > 1) return;
    queueMicrotask(() => {
      this.#wire.write(FRAME.acts, 0, this.#messages);
      this.#messages = [];
    });
  }
}
