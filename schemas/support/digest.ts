import type { Digest } from './types.ts';

/** The digest of no rows. */
export function emptyDigest(): Digest {
  return { low: 0, high: 0 };
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.low === b.low && a.high === b.high;
}

/** 16 hex digits, the high lane first. */
export function digestText(digest: Digest): string {
  return hex(digest.high) + hex(digest.low);
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0');
}
