/**
 * How long a client waits before it tries again, and how long before it gives something up. Pure, and for one client; what
 * it is made for is a thousand of them that lose the same server in the same instant: they must not come back as one, and
 * those who meet a slow server must not make it slower by leaving it and coming again.
 */
import type { ClientLimits } from './limits.ts';

/** Beyond this many doublings nothing grows, so that no number overflows. */
const DOUBLINGS = 16;
/** A dial is given more time after failures, up to this many doublings. */
const DIAL_DOUBLINGS = 2;
/** So is a region that does not get an act executed. */
const STUCK_DOUBLINGS = 2;
/** … and this much of it again by dice, so that those who wait since the same moment leave one by one. */
const STUCK_SCATTER = 0.5;

const doubled = (times: number, most = DOUBLINGS) => 2 ** Math.min(times, most);

/**
 * Milliseconds from the loss of a connection to the next dial: any time within a window that doubles with each failure in a
 * row ("full jitter": of all that was tried, what spreads a herd best). The first window is short, for another region is there;
 * shorter still in a quiet world, where the crowd is small, or keeps still, and servers have time to take it in.
 * `failures`: attempts that came to nothing since a connection was stable. `retryAfterMs`: what a server asked for. `quiet`: the
 * connection broke, and little happened in the world before.
 */
export function dialPause(
  limits: ClientLimits,
  failures: number,
  random: number,
  retryAfterMs = 0,
  quiet = false,
): number {
  const first = quiet && failures === 0 ? limits.backOffQuietMs : limits.backOffMinMs;
  const window = Math.min(limits.backOffMaxMs, first * doubled(failures));
  const asked = Math.min(retryAfterMs, limits.backOffMaxMs) * (1 + random);
  return Math.max(window * random, asked);
}

/** Milliseconds from the dial to the welcome: a server that is busy with joins is not helped by the same join once more. */
export function dialPatience(limits: ClientLimits, failures: number): number {
  return limits.dialMs * doubled(failures, DIAL_DOUBLINGS);
}

/**
 * Milliseconds that an act may wait before another region is tried. `leaves`: connections in a row that were left for this
 * reason without an act executed in between: if it is no better elsewhere, it is not the region.
 */
export function stuckPatience(limits: ClientLimits, leaves: number, random: number): number {
  return limits.stuckMs * doubled(leaves, STUCK_DOUBLINGS) * (1 + STUCK_SCATTER * random);
}

/** Milliseconds before an act is sent again that a server could not decide, by how often it was sent again already. */
export function retryPause(limits: ClientLimits, retries: number, random: number): number {
  return Math.min(limits.retryMaxMs, limits.retryMs * doubled(retries)) * (0.5 + random);
}
