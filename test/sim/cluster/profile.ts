import type { ConsensusConfig } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';

export const FAULTS = [
  'crash',
  'fuse',
  'power-cut',
  'isolate',
  'split',
  'one-way',
  'pair',
  'flap',
  'pause',
  'slow-disk',
  'clock',
  'mute',
  'hand-over',
  'lead',
  'step-down',
  'storm',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What kind of world a run lives in. Times in simulated milliseconds. */
export interface Profile {
  readonly config: Omit<ConsensusConfig, 'self'>;
  readonly network: {
    readonly latency: number;
    readonly jitter: number;
    readonly loss: number;
    readonly duplicate: number;
    /** Share of messages that arrive very late, long after their time. */
    readonly old: number;
    /** As over one TCP connection: nothing overtakes. */
    readonly ordered: boolean;
  };
  /** To the farthest device and back, as a server measures it; null: time-outs that suit the way are set, nobody measures. */
  readonly roundTrip: number | null;
  readonly flush: number;
  readonly faults: readonly Fault[];
  /** Mean time between two faults. */
  readonly calm: number;
  readonly clients: number;
  readonly think: number;
  readonly patience: number;
  /** After the fire only a majority set is healed; the others stay as they are. */
  readonly coreOnly: boolean;
  /** The world may rest; links say who is silent, and nobody at rest is told the time. */
  readonly rest: boolean;
}

export interface Overrides {
  readonly voting?: 'all' | 'leader';
  /** So little to do that the world rests between deeds. */
  readonly rest?: boolean;
}

/** A different kind of trouble for each seed: few faults of many kinds hide what many faults of few kinds show. */
export function chooseProfile(choices: Choices, overrides: Overrides = {}): Profile {
  const devices = choices.pick([3, 3, 3, 3, 5, 5, 4, 2, 1, 7]);
  const latency = choices.pick([1, 5, 20, 80, 1, 5, 20, 80, 250]);
  // Around the world time-outs are those of near regions, and grow by what is measured.
  const far = latency === 250;
  const rounds = 4 * (far ? 5 : latency) + 20;
  const chosen = choices.pick(['all', 'leader'] as const);
  // Nothing safe may depend on a leader giving up before another begins.
  const lease = choices.pick([4, 6, 40]) * rounds;
  const profile: Profile = {
    config: {
      devices,
      weights: chooseWeights(choices, devices),
      window: choices.pick([8, 1, 2, 3, 4, 64]),
      voting: overrides.voting ?? chosen,
      tailCommands: choices.pick([1000, 4, 16]),
      messageBytes: choices.pick([1 << 16, 128, 512]),
      seed: choices.below(2 ** 31),
      timing: { heartbeat: rounds, election: 4 * rounds, lease, retransmit: 2 * rounds },
      ranks: chooseRanks(choices, devices),
    },
    network: {
      latency,
      // What is measured is the way itself; far away it varies less than next door, as a share of it.
      jitter: latency * choices.pick([0.2, 1, 4]) * (far ? 0.2 : 1),
      loss: choices.pick([0, 0, 0.01, 0.1, 0.3, 0.5]),
      duplicate: choices.pick([0, 0.01, 0.1, 0.3]),
      old: choices.pick([0, 0, 0.01, 0.05]),
      ordered: choices.chance(0.3),
    },
    roundTrip: far ? 2 * latency : null,
    flush: choices.pick([1, 0.1, 10, 50]),
    faults: FAULTS.filter(() => choices.chance(0.45)),
    calm: choices.pick([2000, 600, 150, 50]) * (1 + latency / 20),
    clients: choices.pick([2, 1, 4, 8]),
    think: choices.pick([50, 5, 300]),
    patience: 6 * (far ? 8 * latency : rounds),
    coreOnly: choices.chance(0.3),
    rest: overrides.rest === true,
  };
  return profile.rest ? restful(choices, profile) : profile;
}

/** Deeds and faults are many heartbeats apart, mostly. */
function restful(choices: Choices, profile: Profile): Profile {
  const { heartbeat } = profile.config.timing;
  const think = heartbeat * choices.pick([20, 6, 60]);
  const calm = heartbeat * choices.pick([30, 8, 100]);
  return { ...profile, think, calm, clients: choices.pick([2, 1]) };
}

function chooseWeights(choices: Choices, devices: number): number[] {
  if (devices < 3 || !choices.chance(0.2)) return new Array<number>(devices).fill(1);
  const weights = Array.from({ length: devices }, () => choices.pick([1, 2, 3, 0]));
  return weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
}

function chooseRanks(choices: Choices, devices: number): number[] {
  const equal = choices.chance(0.3);
  return Array.from({ length: devices }, (_, index) => (equal ? 0 : index));
}
