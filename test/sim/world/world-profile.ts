import type { LeaderLimits } from '../../../server/leader/leader.ts';
import type { HostLimits } from '../../../server/replica/world-host.ts';
import type { Choices } from '../choices.ts';
import { chooseProfile, type Overrides, type Profile } from '../cluster/profile.ts';
import type { Appetite } from './warehouse-model.ts';

/** A cluster's profile, and who plays on it. */
export interface WorldProfile {
  readonly cluster: Profile;
  /** Clients with the production session and mirror. */
  readonly players: number;
  /** Programs over HTTP that repeat themselves through any region. */
  readonly callers: number;
  /** Deeds of one player under way at once. */
  readonly pipelined: number;
  readonly saves: number;
  readonly encoded: boolean;
  /** See RegionOptions. */
  readonly slowness: number;
  /** The world is the yard, with joins, leaves, ticks and timers. */
  readonly yard: boolean;
  readonly appetite: Appetite;
  readonly host: Partial<HostLimits>;
  readonly leader: Partial<LeaderLimits>;
}

export function chooseWorldProfile(choices: Choices, overrides: Overrides): WorldProfile {
  const cluster = chooseProfile(choices, overrides);
  const { retransmit } = cluster.config.timing;
  return {
    cluster,
    players: choices.pick([2, 1, 3]),
    callers: choices.pick([2, 0, 1, 4]),
    pipelined: choices.pick([1, 4, 16]),
    saves: choices.pick([0, 0.05]),
    encoded: choices.chance(0.25),
    slowness: choices.pick([0, 0, 1.1]),
    yard: choices.chance(0.4),
    appetite: choices.pick(['wide', 'tight'] as const),
    host: {
      resendMs: retransmit * 3,
      deadlineMs: retransmit * choices.pick([25, 8]),
      outstandingPerSession: choices.pick([64, 3]),
      pendingActions: choices.pick([4096, 4]),
      refreshMs: choices.pick([2000, 200]),
    },
    leader: {
      queuePerRegion: choices.pick([4096, 2]),
      turnFunctions: choices.pick([1024, 2]),
      turnBytes: choices.pick([1 << 16, 300]),
      closedAnswers: choices.pick([8192, 8192, 4096, 1024]),
      graceMs: choices.pick([10_000, 4 * cluster.patience]),
      staleMs: choices.pick([6000, 700]),
    },
  };
}
