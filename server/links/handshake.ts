import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Body, decodeMessage, encodeMessage, type Hello } from '../../schemas/generated/peer.ts';
import { LINK_QUOTED } from '../limits.ts';

/** Why a link is refused, by either side. Codes are for programs, details for people. */
export type RejectCode =
  | 'wrong-secret'
  | 'wrong-version'
  | 'wrong-cluster'
  /** Its name is not one of the regions, or not the one that was dialled. */
  | 'not-a-peer'
  | 'self'
  /** Its store is not the one it had before: it may have forgotten its votes. */
  | 'wrong-store'
  /** Both dialled at once, and the other connection is kept. No fault. */
  | 'busy'
  | 'malformed';

const CODES: ReadonlySet<string> = new Set<RejectCode>([
  'wrong-secret',
  'wrong-version',
  'wrong-cluster',
  'not-a-peer',
  'self',
  'wrong-store',
  'busy',
  'malformed',
]);

export interface Identity {
  readonly region: string;
  readonly regions: readonly string[];
  readonly cluster: string;
  /** Number of the wire; must be equal. */
  readonly protocol: number;
  /** Of the program; told, not compared. */
  readonly version: string;
  readonly store: string;
  readonly secret: string;
  /** A reason to refuse a peer that proved the secret, or null. */
  readonly accept?: (region: string, store: string) => string | null;
  /** Takes gateways, too. */
  readonly gateways?: boolean;
  /** Whether a connection to this region is being made from here, and is the one to keep. */
  readonly busy?: (region: string) => boolean;
}

/**
 * A process that serves clients and has no vote says so by its name: `gateway:` and up to 32 letters, digits, _ or -. No
 * region is called so, for a colon cannot stand in its name.
 */
export const isGateway = (name: string): boolean => /^gateway:[A-Za-z0-9_-]{1,32}$/.test(name);

export type Outcome =
  | { readonly kind: 'more' }
  /** Both proved the secret. The acceptor takes the link for up when the dialler's first frame comes. */
  | { readonly kind: 'done'; readonly region: string; readonly store: string; readonly version: string }
  /** `heard`: the other side said so. */
  | {
      readonly kind: 'rejected';
      readonly code: RejectCode;
      readonly detail: string;
      readonly heard: boolean;
    };

export interface Step {
  /** Message to send in a handshake frame, if any. */
  readonly send: Uint8Array | null;
  readonly outcome: Outcome;
}

const NONCE_BYTES = 32;
/** The sides prove different things, so nobody's proof can be sent back to it as an answer. */
const LABEL = { dialler: 'throughline link, dialler', acceptor: 'throughline link, acceptor' } as const;
export type Role = keyof typeof LABEL;

/** A stranger's words, short enough for a log. */
function quote(words: string, times = 1): string {
  return words.length > times * LINK_QUOTED ? `${words.slice(0, times * LINK_QUOTED)}…` : words;
}

function encode(body: Body): Uint8Array {
  return encodeMessage({ world: '', body }, true);
}

/**
 * Mutual proof of the cluster's secret, as a pure machine: bytes in, bytes and an outcome out.
 *
 * dialler: hello → acceptor: hello → dialler: proof → acceptor: proof. A proof is an HMAC-SHA256 over the role and both
 * hellos as they stood on the wire: both nonces, both names, cluster, versions, stores. The acceptor proves itself only
 * to a dialler that did. Nothing but these four messages is read before.
 */
export class Handshake {
  readonly #identity: Identity;
  readonly #role: Role;
  /** The region that was dialled; null for an acceptor. */
  readonly #expected: string | null;
  readonly #own: Uint8Array;
  #theirs: { readonly bytes: Uint8Array; readonly hello: Hello } | null = null;
  #over = false;

  constructor(identity: Identity, role: Role, expected: string | null) {
    this.#identity = identity;
    this.#role = role;
    this.#expected = expected;
    const { region, cluster, protocol, version, store } = identity;
    const nonce = randomBytes(NONCE_BYTES);
    this.#own = encode({ kind: 'hello', protocol, version, cluster, region, store, nonce });
  }

  /** What a dialler sends first; null for an acceptor, which waits. */
  first(): Uint8Array | null {
    return this.#role === 'dialler' ? this.#own : null;
  }

  /** The other side's name as it says itself, unproved; null before its hello. */
  get claimed(): string | null {
    return this.#theirs?.hello.region ?? null;
  }

  /** Takes the body of a handshake frame. After `done` the other side may still reject, nothing else. */
  take(bytes: Uint8Array): Step {
    let body: Body;
    try {
      body = decodeMessage(bytes, true).body;
    } catch (error) {
      return this.#refuse('malformed', (error as Error).message);
    }
    if (body.kind === 'reject') return this.#rejected(body.code, body.detail);
    if (this.#over) return this.#refuse('malformed', `a ${body.kind} after the end of the handshake`);
    if (body.kind === 'hello' && this.#theirs === null) {
      this.#theirs = { bytes: bytes.slice(), hello: body };
      return this.#hello(body);
    }
    if (body.kind === 'proof' && this.#theirs !== null) return this.#proof(body.mac, this.#theirs.hello);
    return this.#refuse('malformed', `a ${body.kind} out of place`);
  }

  #hello(hello: Hello): Step {
    const { protocol, cluster, region, regions } = this.#identity;
    const its = quote(hello.region);
    if (hello.protocol !== protocol) {
      return this.#refuse(
        'wrong-version',
        `${region} speaks version ${protocol} of the wire, ${its} (${quote(hello.version)}) speaks ${hello.protocol}`,
      );
    }
    if (hello.nonce.length !== NONCE_BYTES) {
      return this.#refuse('malformed', `a nonce of ${hello.nonce.length} bytes`);
    }
    if (hello.cluster !== cluster) {
      return this.#refuse(
        'wrong-cluster',
        `${region} belongs to cluster ${cluster}, ${its} to ${quote(hello.cluster)}; a cluster is the list of its regions, their order and weights`,
      );
    }
    if (hello.region === region) return this.#refuse('self', `both ends call themselves ${region}`);
    if (!regions.includes(hello.region) && !this.#serves(hello.region)) {
      return this.#refuse('not-a-peer', `${its} is not one of ${regions.join(', ')}`);
    }
    if (this.#expected !== null && hello.region !== this.#expected) {
      return this.#refuse('not-a-peer', `dialled ${this.#expected}, found ${its}: check --peers`);
    }
    if (this.#role === 'acceptor' && this.#identity.busy?.(hello.region) === true) {
      return this.#refuse('busy', `${region} has dialled ${hello.region}`);
    }
    if (this.#role === 'acceptor') return { send: this.#own, outcome: { kind: 'more' } };
    return { send: encode({ kind: 'proof', mac: this.#mac('dialler') }), outcome: { kind: 'more' } };
  }

  #proof(mac: Uint8Array, hello: Hello): Step {
    const expected = this.#mac(this.#role === 'dialler' ? 'acceptor' : 'dialler');
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
      return this.#refuse(
        'wrong-secret',
        `${hello.region} and ${this.#identity.region} do not share a secret`,
      );
    }
    // From here on the other side is who it says it is.
    // A gateway has no votes that it could forget.
    const accept = this.#serves(hello.region) ? undefined : this.#identity.accept;
    const objection = accept?.(hello.region, hello.store) ?? null;
    if (objection !== null) return this.#refuse('wrong-store', objection);
    this.#over = true;
    const { region, store, version } = hello;
    const send = this.#role === 'acceptor' ? encode({ kind: 'proof', mac: this.#mac('acceptor') }) : null;
    return { send, outcome: { kind: 'done', region, store, version } };
  }

  /** Regions take gateways; gateways and diallers do not. */
  #serves(name: string): boolean {
    return this.#role === 'acceptor' && this.#identity.gateways === true && isGateway(name);
  }

  #mac(role: Role): Buffer {
    const theirs = this.#theirs?.bytes ?? new Uint8Array(0);
    const [dialler, acceptor] = this.#role === 'dialler' ? [this.#own, theirs] : [theirs, this.#own];
    return createHmac('sha256', this.#identity.secret)
      .update(`${LABEL[role]}\0`)
      .update(createHash('sha256').update(dialler).digest())
      .update(createHash('sha256').update(acceptor).digest())
      .digest();
  }

  #refuse(code: RejectCode, detail: string): Step {
    this.#over = true;
    return {
      send: encode({ kind: 'reject', code, detail }),
      outcome: { kind: 'rejected', code, detail, heard: false },
    };
  }

  #rejected(code: string, detail: string): Step {
    this.#over = true;
    const known = CODES.has(code) ? (code as RejectCode) : 'malformed';
    return { send: null, outcome: { kind: 'rejected', code: known, detail: quote(detail, 8), heard: true } };
  }
}
