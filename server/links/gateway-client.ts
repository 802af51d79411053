import { type Answer, decodeAnswers } from '../../schemas/generated/client.ts';
import { type Execute, encodeMessage } from '../../schemas/generated/peer.ts';
import { type ErrorCode, HTTP_STATUS, ThroughlineError } from '../errors.ts';
import {
  EXECUTE_ACTIONS,
  EXECUTE_BYTES,
  LINK_FRAME_BYTES,
  LINK_GATEWAY_OUTSTANDING,
  LINK_HANDSHAKE_BYTES,
  LINK_HANDSHAKE_MS,
  LINK_PING_MS,
  LINK_SILENCE_MS,
} from '../limits.ts';
import type { ActRequest, Asker } from '../world-service.ts';
import { FRAME, type Frame } from './frames.ts';
import { type Greeted, Greeting } from './greeting.ts';
import { Handshake, type Identity } from './handshake.ts';
import { Wire } from './wire.ts';

export interface GatewayClientOptions {
  readonly socket: ConstructorParameters<typeof Wire>[0];
  /** Region that is dialled. */
  readonly region: string;
  /** Who dials: `region` is `gateway:` and a name. */
  readonly identity: Identity;
}

interface Open {
  readonly asker: Asker;
  readonly tag: number;
}

const MAX_REQUEST = 2 ** 32 - 1;

/** The asking end of gateway-link.ts: acts of one turn leave in one frame, each is answered once, whatever happens. */
export class GatewayClient {
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<string>;
  readonly #wire: Wire;
  readonly #open = new Map<number, Open>();
  readonly #timer: NodeJS.Timeout;
  #gone: (reason: string) => void = () => {};
  #request = 0;
  #queue = new Map<string, Execute[]>();
  #flushing = false;

  private constructor(wire: Wire) {
    this.#wire = wire;
    this.closed = new Promise((resolve) => {
      this.#gone = resolve;
    });
    this.#timer = setInterval(() => this.#tick(), LINK_PING_MS);
    wire.limit = LINK_FRAME_BYTES;
    wire.hand({ frame: (frame) => this.#frame(frame), closed: (reason) => this.#end(reason) });
    // The server takes the connection for up when something comes after the handshake.
    wire.write(FRAME.ping, 0, []);
  }

  /** Resolves after the mutual proof of the secret; rejects with what either side has against the other. */
  static connect({ socket, region, identity }: GatewayClientOptions): Promise<GatewayClient> {
    const wire = new Wire(socket, LINK_HANDSHAKE_BYTES);
    return new Promise((resolve, reject) => {
      const settled = (result: Greeted): void => {
        if (result.kind === 'done') resolve(new GatewayClient(wire));
        else if (result.kind === 'rejected') reject(new Error(`${result.code}: ${result.detail}`));
        else reject(new Error(result.reason));
      };
      new Greeting({
        wire,
        handshake: new Handshake(identity, 'dialler', region),
        role: 'dialler',
        deadlineMs: LINK_HANDSHAKE_MS,
        mute: () => false,
        settled,
      });
    });
  }

  get outstanding(): number {
    return this.#open.size;
  }

  /** As WorldService.act. */
  act(world: string, { session, sequence, action, args }: ActRequest, asker: Asker, tag: number): void {
    const full = this.#open.size >= LINK_GATEWAY_OUTSTANDING;
    if (full || !this.#wire.open) {
      const error = full
        ? new ThroughlineError('overloaded', 'too many actions of this gateway wait for their outcome')
        : new ThroughlineError('no-quorum', 'there is no connection to the region');
      queueMicrotask(() => asker.answered(tag, error, undefined));
      return;
    }
    do this.#request = this.#request >= MAX_REQUEST ? 1 : this.#request + 1;
    while (this.#open.has(this.#request));
    const request = this.#request;
    this.#open.set(request, { asker, tag });
    const queued = this.#queue.get(world);
    if (queued === undefined) this.#queue.set(world, [{ request, session, sequence, action, args }]);
    else queued.push({ request, session, sequence, action, args });
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** These sessions said good-bye. */
  left(world: string, sessions: readonly string[]): void {
    this.#flush();
    const body = { kind: 'presence', sessions: [], left: sessions } as const;
    this.#wire.write(FRAME.acts, 0, [encodeMessage({ world, body }, true)]);
  }

  /** What waits for an answer is answered `unknown`. */
  close(): void {
    if (!this.#wire.open) return;
    this.#flush();
    this.#wire.finish();
    this.#end('closed');
  }

  #flush(): void {
    this.#flushing = false;
    const queue = this.#queue;
    if (queue.size === 0) return;
    this.#queue = new Map();
    for (const [world, actions] of queue) {
      let part: Execute[] = [];
      let bytes = 0;
      for (const action of actions) {
        if (part.length >= EXECUTE_ACTIONS || bytes + action.args.length > EXECUTE_BYTES) {
          this.#send(world, part);
          part = [];
          bytes = 0;
        }
        part.push(action);
        bytes += action.args.length;
      }
      this.#send(world, part);
    }
  }

  #send(world: string, actions: readonly Execute[]): void {
    const body = { kind: 'executeBatch', ballot: 0, actions } as const;
    this.#wire.write(FRAME.acts, 0, [encodeMessage({ world, body }, true)]);
  }

  #frame({ kind, value, body }: Frame): void {
    if (kind === FRAME.ping) this.#wire.write(FRAME.pong, value, []);
    else if (kind === FRAME.answers) this.#answers(body);
    else if (kind !== FRAME.pong) this.#fail(`the region sends frames of kind ${kind}`);
  }

  #answers(body: Uint8Array): void {
    let answers: readonly Answer[];
    try {
      answers = decodeAnswers(body).answers;
    } catch (error) {
      this.#fail((error as Error).message);
      return;
    }
    for (const answer of answers) this.#answered(answer);
  }

  #answered({ sequence, outcome, number, result, duplicate, code, detail }: Answer): void {
    const open = this.#open.get(sequence);
    if (open === undefined) return;
    this.#open.delete(sequence);
    const { asker, tag } = open;
    if (outcome === 'issued') asker.answered(tag, null, { number, result, duplicate });
    else asker.answered(tag, errorOf(outcome, code, detail), undefined);
  }

  #tick(): void {
    const silent = performance.now() - this.#wire.heardAt;
    if (silent > LINK_SILENCE_MS) this.#fail(`silent for ${Math.round(silent)} ms`);
    else this.#wire.write(FRAME.ping, 0, []);
  }

  #fail(reason: string): void {
    if (!this.#wire.open) return;
    this.#wire.close();
    this.#end(reason);
  }

  #end(reason: string): void {
    clearInterval(this.#timer);
    const open = [...this.#open.values()];
    this.#open.clear();
    const error = new ThroughlineError('no-quorum', `the connection to the region is gone: ${reason}`, {
      kind: 'unknown',
    });
    for (const { asker, tag } of open) asker.answered(tag, error, undefined);
    this.#gone(reason);
  }
}

function errorOf(outcome: Answer['outcome'], code: string, detail: string): ThroughlineError {
  if (outcome === 'refused') return new ThroughlineError('refused', detail, { gameCode: code });
  const known = Object.hasOwn(HTTP_STATUS, code) ? (code as ErrorCode) : 'internal';
  return outcome === 'unknown'
    ? new ThroughlineError(known, detail, { kind: 'unknown' })
    : new ThroughlineError(known, detail);
}
