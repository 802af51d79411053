import type { ConsensusConfig } from './types.ts';

/**
 * Milliseconds, for links with round trips of up to some 50. A silent partition: 175 to 200 after the last heartbeat the best-ranked
 * follower gives the leader up, then two round trips of pre-vote and NextBallot: a new leader within about 250. A leader's
 * host that stands still for 100 delays a heartbeat to 150 with a tick of 10, below 175. The lease must exceed a heartbeat and a
 * round trip with room for a few lost ones.
 */
export const DEFAULT_TIMING: ConsensusConfig['timing'] = {
  heartbeat: 40,
  election: 150,
  lease: 200,
  retransmit: 100,
};
