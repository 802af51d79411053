import { randomInt } from 'node:crypto';
import type { RegionConfig } from '../config.ts';
import { DEFAULT_TIMING } from '../consensus/timing.ts';
import type { ConsensusConfig } from '../consensus/types.ts';
import { LINK_BEAT_MS, LINK_QUIET_MS, MESSAGE_BYTES, TAIL_COMMANDS, WINDOW_COMMANDS } from '../limits.ts';

/** Up to here votes to everyone cost less than the round trip they save (claim 3); above it the leader counts (claim 2). */
const MOST_VOTING_TO_ALL = 5;

export const weightsOf = ({ regions }: RegionConfig): number[] => regions.map(() => 1);

/** A silent peer is one for worlds at rest as soon as a silent leader is for busy ones. */
export function linkBounds({ electionMs }: RegionConfig): {
  readonly beatMs: number;
  readonly quietMs: number;
} {
  const scale = electionMs / DEFAULT_TIMING.election;
  return { beatMs: LINK_BEAT_MS * scale, quietMs: LINK_QUIET_MS * scale };
}

function votingOf({ regions, voting }: RegionConfig): ConsensusConfig['voting'] {
  if (voting === 'all' || voting === 'leader') return voting;
  return regions.length <= MOST_VOTING_TO_ALL ? 'all' : 'leader';
}

/** All times follow from how long a leader may be silent. */
export function consensusConfig(config: RegionConfig, self: number): ConsensusConfig {
  const devices = config.regions.length;
  const scale = config.electionMs / DEFAULT_TIMING.election;
  return {
    devices,
    self,
    weights: weightsOf(config),
    window: WINDOW_COMMANDS,
    voting: votingOf(config),
    tailCommands: TAIL_COMMANDS,
    messageBytes: MESSAGE_BYTES,
    seed: randomInt(2 ** 32),
    timing: {
      heartbeat: DEFAULT_TIMING.heartbeat * scale,
      election: config.electionMs,
      lease: DEFAULT_TIMING.lease * scale,
      retransmit: DEFAULT_TIMING.retransmit * scale,
    },
    ranks: config.regions.map((_, device) => device),
  };
}
