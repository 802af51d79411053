import type { Choices } from '../choices.ts';

/** How clients' connections and the gateways behind them behave in a run. Times in simulated milliseconds. */
export interface EdgeProfile {
  /** Chance that a player's connection breaks, stalls or goes deaf, each time somebody acts. */
  readonly breaks: number;
  /** Chance that what was on its way over a connection still reaches its client after the client went elsewhere. */
  readonly haunted: number;
  /** Chance that a player's page is loaded anew, each time somebody acts. */
  readonly reloads: number;
  /** Messages pass through their bytes and the SDK's link; otherwise they are events for its session at once. */
  readonly bytes: boolean;
  readonly gateway: GatewayHabits;
  /** Clients that send nonsense. */
  readonly vandals: number;
}

export interface GatewayHabits {
  /** Mean time that applied commands, answers and a client that catches up wait, each on its own. */
  readonly flush: number;
  readonly answers: number;
  readonly pump: number;
  /** Commands still held for those who go on from a number. */
  readonly held: number;
  /** Chance that a live client is found too slow, at each flush. */
  readonly slow: number;
  /** Chance that a client is told to move on or simply closed, at each flush. */
  readonly ends: number;
  /** Rows in one part of a snapshot. */
  readonly partRows: number;
  /** How long a client may be ahead of its region before it is sent away. */
  readonly aheadMs: number;
}

export function chooseEdge(choices: Choices): EdgeProfile {
  return {
    breaks: choices.pick([0.02, 0, 0.1, 0.3]),
    haunted: choices.pick([0, 0.5, 1]),
    reloads: choices.pick([0, 0, 0.02]),
    bytes: choices.chance(0.5),
    gateway: {
      flush: choices.pick([0, 5, 50, 400]),
      answers: choices.pick([0, 5, 50]),
      pump: choices.pick([0, 5, 50]),
      held: choices.pick([Number.MAX_SAFE_INTEGER, 30, 3]),
      slow: choices.pick([0, 0, 0.02, 0.2]),
      ends: choices.pick([0, 0, 0.01, 0.05]),
      partRows: choices.pick([1000, 1, 2]),
      aheadMs: choices.pick([30_000, 500]),
    },
    vandals: choices.pick([0, 0, 0, 1]),
  };
}
