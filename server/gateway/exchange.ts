/** One HTTP request and the way to answer it, whatever carries it: uWebSockets.js (uws-exchange.ts) or Node (node-exchange.ts). */
import { ThroughlineError } from '../errors.ts';

export type HeaderFields = Readonly<Record<string, string>>;

export const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };
/** Bearer tokens and no cookies: any page may call. */
export const ANY_ORIGIN = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Retry-After',
};

export interface Exchange {
  /** In upper case. */
  readonly method: string;
  /** Without the query, not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: HeaderFields;
  readonly remoteAddress: string;
  /** The whole body, at most `bodyBytes` of it; rejects `too-large`, or `bad-request` when the sender went away. */
  body(): Promise<Uint8Array>;
  /** The sender went away: there is nobody to answer. */
  readonly gone: boolean;
  /** Called once, at once if gone already. */
  onGone(listener: () => void): void;
  /** Answers and ends. Does nothing when gone or answered. */
  send(status: number, headers: HeaderFields, body: string | Uint8Array): void;
  /** Begins an answer of unknown length. */
  stream(status: number, headers: HeaderFields): Outflow;
}

export interface Outflow {
  /** Empty chunks are ignored. False: the receiver is slow; write nothing until `drained`. */
  write(chunk: string): boolean;
  /** Resolves when there is room again, or when the receiver is gone. */
  drained(): Promise<void>;
  end(): void;
  /** Closes the connection, so that the receiver knows that the answer is not whole. */
  abort(): void;
}

/** Collects a body up to a bound; what is beyond is counted and thrown away. */
export class BodyReader {
  readonly #most: number;
  readonly #discard: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #outcome: Uint8Array | ThroughlineError | null = null;
  #settle: (() => void) | null = null;

  constructor(most: number, discard: number) {
    this.#most = most;
    this.#discard = discard;
  }

  /** `part` is kept: hand in a copy. Returns false when so much was thrown away that the sender should be cut off. */
  add(part: Uint8Array): boolean {
    this.#bytes += part.byteLength;
    if (this.#bytes <= this.#most) this.#parts.push(part);
    else this.#parts = [];
    if (this.#bytes <= this.#discard) return true;
    this.#end(tooLarge(this.#most));
    return false;
  }

  /** True while parts are still wanted: past the bound there is no use in copying them. */
  get wanted(): boolean {
    return this.#bytes <= this.#most;
  }

  done(): void {
    this.#end(this.#bytes > this.#most ? tooLarge(this.#most) : concat(this.#parts, this.#bytes));
  }

  gone(): void {
    this.#end(new ThroughlineError('bad-request', 'the body ended early'));
  }

  read(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        const outcome = this.#outcome;
        if (outcome instanceof Uint8Array) resolve(outcome);
        else reject(outcome as ThroughlineError);
      };
      if (this.#outcome === null) this.#settle = settle;
      else settle();
    });
  }

  #end(outcome: Uint8Array | ThroughlineError): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#parts = [];
    this.#settle?.();
  }
}

function tooLarge(most: number): ThroughlineError {
  return new ThroughlineError('too-large', `a body may have ${most} bytes`);
}

function concat(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
