import { MOST_ROUND_TRIP_MS } from './limits.ts';
import type { ConsensusConfig } from './types.ts';

type Timing = ConsensusConfig['timing'];

/**
 * Milliseconds, beside the round trip. A silent partition: 175 to 200 after the last heartbeat the best-ranked
 * follower gives the leader up, then two round trips of pre-vote and NextBallot: a new leader within about 250. A leader's
 * host that stands still for 100 delays a heartbeat to 150 with a tick of 10, below 175. The lease must exceed a heartbeat and a
 * round trip with room for a few lost ones.
 */
export const DEFAULT_TIMING: Timing = {
  heartbeat: 40,
  election: 150,
  lease: 200,
  retransmit: 100,
};

/**
 * The time-outs where the farthest linked device is `roundTrip` ms away and back: whoever waits for an answer waits for the way,
 * too; a lease for one that is slower than the fastest of late. Without it a leader whose first heartbeat is answered after its
 * lease steps down, again and again.
 */
export function stretched(timing: Timing, roundTrip: number): Timing {
  const way = Math.min(roundTrip, MOST_ROUND_TRIP_MS);
  const { heartbeat, election, lease, retransmit } = timing;
  return { heartbeat, election: election + way, lease: lease + 1.5 * way, retransmit: retransmit + way };
}
