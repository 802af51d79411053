import type { Answer } from '../../schemas/generated/client.ts';
import { encodeAnswers } from '../../schemas/generated/client.ts';
import { decodeMessage, type Execute } from '../../schemas/generated/peer.ts';
import { negative, positive } from '../answer-message.ts';
import { ThroughlineError } from '../errors.ts';
import {
  LINK_GATEWAY_ANSWERS,
  LINK_GATEWAY_OUTSTANDING,
  LINK_GATEWAY_SESSIONS,
  LINK_PING_MS,
  LINK_QUEUE_BYTES,
  LINK_SILENCE_MS,
} from '../limits.ts';
import type { ActAnswer, ActingWorld, Asker } from '../world-service.ts';
import { splitMessages } from './codec.ts';
import { FRAME, type Frame } from './frames.ts';
import type { Wire } from './wire.ts';

/** Bounds that a test may tighten. */
export interface GatewayBounds {
  readonly outstanding: number;
  readonly sessions: number;
  readonly queueBytes: number;
  readonly pingMs: number;
  readonly silenceMs: number;
}
export const GATEWAY_BOUNDS: GatewayBounds = {
  outstanding: LINK_GATEWAY_OUTSTANDING,
  sessions: LINK_GATEWAY_SESSIONS,
  queueBytes: LINK_QUEUE_BYTES,
  pingMs: LINK_PING_MS,
  silenceMs: LINK_SILENCE_MS,
};

export interface GatewayLinkOptions {
  readonly wire: Wire;
  readonly world: (name: string) => ActingWorld | undefined;
  readonly bounds: GatewayBounds;
  /** Once, however it ended. */
  readonly closed: (reason: string) => void;
}

/** Sessions of one world that act here. */
interface Here {
  readonly world: ActingWorld;
  readonly names: Set<string>;
}

const SESSION = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The server's end of a connection to a gateway in a process of its own: one that proved the cluster's secret and has no
 * vote. Frames of acts come in, each an ExecuteBatch without a ballot; what became of them leaves in frames of answers, one
 * a turn, in which `sequence` is the request's name. Sessions count as connected from their first act on.
 */
export class GatewayLink implements Asker {
  readonly #options: GatewayLinkOptions;
  readonly #sessions = new Map<string, Here>();
  readonly #timer: NodeJS.Timeout;
  #present = 0;
  #outstanding = 0;
  #answers: Answer[] = [];

  constructor(options: GatewayLinkOptions) {
    this.#options = options;
    const { wire, bounds } = options;
    this.#timer = setInterval(() => this.#tick(), bounds.pingMs);
    wire.hand({ frame: (frame) => this.frame(frame), closed: (reason) => this.#end(reason) });
  }

  frame({ kind, value, body }: Frame): void {
    const { wire } = this.#options;
    if (kind === FRAME.ping) wire.write(FRAME.pong, value, []);
    else if (kind === FRAME.acts) this.#acts(body);
    else if (kind !== FRAME.pong) this.fail(`a gateway sends frames of kind ${kind}`);
  }

  /** Ends the connection because of what came over it. */
  fail(reason: string): void {
    if (!this.#options.wire.open) return;
    this.#options.wire.close();
    this.#end(reason);
  }

  /** Hands what is to be said to the kernel, then closes. */
  finish(): void {
    if (!this.#options.wire.open) return;
    this.#flush();
    this.#options.wire.finish();
    this.#end('closing');
  }

  /** A world's word on the request `tag`; after the end there is nobody to tell. */
  answered(tag: number, error: ThroughlineError | null, answer: ActAnswer | undefined): void {
    this.#outstanding--;
    this.#say(error === null ? positive(tag, answer as ActAnswer) : negative(tag, error));
  }

  #acts(body: Uint8Array): void {
    try {
      for (const bytes of splitMessages(body)) {
        const { world, body } = decodeMessage(bytes, true);
        if (body.kind === 'executeBatch') this.#take(world, body.actions);
        else if (body.kind === 'presence') this.#left(world, body.left);
        else throw new Error(`a gateway sends ${body.kind}`);
        if (!this.#options.wire.open) return;
      }
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  #take(name: string, actions: readonly Execute[]): void {
    const world = this.#options.world(name);
    if (world === undefined) {
      const error = new ThroughlineError('no-such-world', `this server has no world '${name.slice(0, 64)}'`);
      for (const { request } of actions) this.#say(negative(request, error));
      return;
    }
    const here = this.#at(name, world);
    for (const { request, session, sequence, action, args } of actions) {
      const error = this.#outstanding >= this.#options.bounds.outstanding ? FULL : this.#admit(here, session);
      if (error !== null) {
        this.#say(negative(request, error));
        continue;
      }
      this.#outstanding++;
      world.act({ session, sequence, action, args }, this, request);
    }
  }

  #at(name: string, world: ActingWorld): Here {
    let here = this.#sessions.get(name);
    if (here === undefined) {
      here = { world, names: new Set<string>() };
      this.#sessions.set(name, here);
    }
    return here;
  }

  /** The session counts as connected from now on; why not, if it may not. */
  #admit(here: Here, session: string): ThroughlineError | null {
    if (here.names.has(session)) return null;
    if (!SESSION.test(session)) return NO_SESSION;
    if (this.#present >= this.#options.bounds.sessions) return CROWDED;
    here.names.add(session);
    this.#present++;
    here.world.connected(session);
    return null;
  }

  /** Sessions that said good-bye to their gateway. */
  #left(name: string, sessions: readonly string[]): void {
    const here = this.#sessions.get(name);
    if (here === undefined) return;
    for (const session of sessions) {
      if (!here.names.delete(session)) continue;
      this.#present--;
      here.world.disconnected(session, true);
    }
  }

  #say(answer: Answer): void {
    if (!this.#options.wire.open) return;
    if (this.#answers.length === 0) queueMicrotask(() => this.#flush());
    this.#answers.push(answer);
  }

  #flush(): void {
    const answers = this.#answers;
    const { wire, bounds } = this.#options;
    if (answers.length === 0 || !wire.open) return;
    this.#answers = [];
    for (let at = 0; at < answers.length; at += LINK_GATEWAY_ANSWERS) {
      const part =
        answers.length > LINK_GATEWAY_ANSWERS ? answers.slice(at, at + LINK_GATEWAY_ANSWERS) : answers;
      wire.write(FRAME.answers, 0, [encodeAnswers({ answers: part })]);
    }
    if (wire.queued > bounds.queueBytes) this.fail('a gateway does not take its answers');
  }

  #tick(): void {
    const { wire, bounds } = this.#options;
    const silent = performance.now() - wire.heardAt;
    if (silent > bounds.silenceMs) this.fail(`silent for ${Math.round(silent)} ms`);
    else wire.write(FRAME.ping, 0, []);
  }

  #end(reason: string): void {
    clearInterval(this.#timer);
    this.#answers = [];
    for (const { world, names } of this.#sessions.values())
      for (const session of names) world.disconnected(session, false);
    this.#sessions.clear();
    this.#options.closed(reason);
  }
}

const FULL = new ThroughlineError('overloaded', 'too many actions of this gateway wait for their outcome');
const CROWDED = new ThroughlineError('overloaded', 'too many sessions act through this gateway');
const NO_SESSION = new ThroughlineError('bad-request', 'a session is 1 to 64 of A-Z a-z 0-9 _ -');
