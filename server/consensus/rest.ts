import type { Core } from './core.ts';
import { resume } from './election.ts';

/**
 * Rest: a world in which nothing happens sends nothing. A leader that has had nothing to do for some heartbeats says so in the next
 * ones; followers that know everything it knows agree, and when all that are linked have agreed it stops sending. From then on no
 * follower counts its silence in this world: it relies on the link to the leader's device, whose pings all worlds share, and on
 * the host, who says when that link is closed (`link`) or silent (`silent`). A host need not tell the time to a core at rest.
 *
 * Rest decides nothing about safety. A leader at rest has no lease and no proof: whatever comes wakes it, and it begins with a
 * round of heartbeats; a token asks for a round that is sent after it, as always. A follower wakes with whatever comes, too, but for
 * what concerns other devices' links; unless it heard that from the leader itself it tells the leader, who may be at rest.
 */
export interface Rest {
  resting: boolean;
  /** The host has nothing to do for this world; said with each tick. */
  allowed: boolean;
  /** A leader: rounds sent since anything happened. */
  quiet: number;
  /** A leader: heartbeats from this round on propose rest; 0: none do. */
  since: number;
  /** A leader: who agreed to that, a bit mask. */
  agreed: number;
  /** A follower that woke and has not heard its leader since: it still goes by the link. */
  trusting: boolean;
  /** Woken since the last tick: the time until then was nobody's silence. */
  woken: boolean;
}

export function createRest(): Rest {
  return {
    resting: false,
    allowed: false,
    quiet: 0,
    since: 0,
    agreed: 0,
    trusting: false,
    woken: false,
  };
}

/** Something happened: a leader that proposes rest, or was about to, begins to count again. */
export function disturb({ rest }: Core): void {
  rest.quiet = 0;
  rest.since = 0;
  rest.agreed = 0;
}

/** Awake, with fresh patience: what passed at rest is neither silence of others nor lateness of this host. */
export function wake(core: Core): void {
  const { rest, election, config, lease } = core;
  disturb(core);
  if (!rest.resting) return;
  rest.resting = false;
  rest.woken = true;
  rest.trusting = true;
  resume(election, config);
  // The lease ran out at rest; the round that begins now is to renew it.
  lease?.heardAt.fill(election.clock);
}
