import type { ConsensusConfig } from './types.ts';

/**
 * Milliseconds. A silent partition: at most 40 since the last heartbeat came, 150 to 200 until the best-ranked follower gives the
 * leader up, two round trips of pre-vote and NextBallot: a new leader within about 250. A leader's host that stands
 * still for 100 delays a heartbeat to at most 140, below 150.
 */
export const DEFAULT_TIMING: ConsensusConfig['timing'] = {
  heartbeat: 40,
  election: 150,
  lease: 200,
  retransmit: 100,
};
