/**
 * Player tokens: JSON Web Tokens (HS256) that say which session of which world their bearer is, until when. The key comes
 * from the cluster's secret, so a token made in one region is good in all, and knowing a token tells nothing of the secret.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { ThroughlineError } from '../errors.ts';

export interface PlayerClaims {
  readonly session: string;
  readonly world: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

const SESSION = /^[A-Za-z0-9_-]{1,64}$/;

/** {"alg":"HS256"} */
const HEADER = 'eyJhbGciOiJIUzI1NiJ9';

/** A new session's name: 128 random bits, 22 characters. */
export function newSession(): string {
  return randomBytes(16).toString('base64url');
}

export class Tokens {
  readonly #signingKey: KeyObject;
  /** Imported once: made of bytes at each use it would be two thirds of the cost. */
  readonly #key: Promise<webcrypto.CryptoKey>;
  readonly #lifeMs: number;
  readonly #now: () => number;
  readonly #bound: number;
  /** Tokens found good. Insertion order is age: the oldest goes first. */
  readonly #known = new Map<string, PlayerClaims>();

  constructor(secret: string, lifeMs: number, bound: number, now: () => number = Date.now) {
    if (secret.length === 0) throw new Error('player tokens need a secret');
    const bytes = hkdfSync('sha256', secret, '', 'throughline player tokens 1', 32);
    this.#signingKey = createSecretKey(new Uint8Array(bytes));
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    this.#key = webcrypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify']);
    this.#lifeMs = lifeMs;
    this.#bound = bound;
    this.#now = now;
  }

  /** Here and at once, for a library's way over a thread of its own is a third of what a join allocates. */
  make(session: string, world: string): string {
    const exp = Math.floor((this.#now() + this.#lifeMs) / 1000);
    const claims = Buffer.from(JSON.stringify({ session, world, exp })).toString('base64url');
    const signed = `${HEADER}.${claims}`;
    return `${signed}.${createHmac('sha256', this.#signingKey).update(signed).digest('base64url')}`;
  }

  /** Rejects `unauthorized`. The signature is compared in constant time, by the platform's own verify. */
  async verify(token: string): Promise<PlayerClaims> {
    const known = this.#known.get(token);
    if (known !== undefined) {
      if (known.expires > this.#now()) return known;
      this.#known.delete(token);
    }
    const claims = await this.#check(token);
    this.#known.set(token, claims);
    if (this.#known.size > this.#bound) this.#known.delete(this.#known.keys().next().value as string);
    return claims;
  }

  /** More than half of its life is over: time to hand out a new one. */
  isOld(claims: PlayerClaims): boolean {
    return claims.expires - this.#now() < this.#lifeMs / 2;
  }

  async #check(token: string): Promise<PlayerClaims> {
    const payload = await this.#payload(token);
    const { session, world, exp } = payload;
    if (
      typeof session !== 'string' ||
      !SESSION.test(session) ||
      typeof world !== 'string' ||
      exp === undefined
    )
      throw new ThroughlineError('unauthorized', 'the token names no session, no world or no end');
    return { session, world, expires: exp * 1000 };
  }

  async #payload(
    token: string,
  ): Promise<{ readonly session?: unknown; readonly world?: unknown; exp?: number }> {
    try {
      const options = { algorithms: ['HS256'], currentDate: new Date(this.#now()) };
      return (await jwtVerify(token, await this.#key, options)).payload;
    } catch (cause) {
      if (cause instanceof errors.JWTExpired)
        throw new ThroughlineError('unauthorized', 'the token has expired');
      if (cause instanceof errors.JOSEError)
        throw new ThroughlineError('unauthorized', 'the token is not one of this cluster');
      throw cause;
    }
  }
}

/** The token of an `Authorization: Bearer …` header. Throws `unauthorized`. */
export function bearer(header: string | undefined): string {
  const found = /^Bearer +([^\s]+) *$/i.exec(header ?? '');
  if (found === null)
    throw new ThroughlineError('unauthorized', 'an Authorization header with a Bearer token is missing');
  return found[1] as string;
}
