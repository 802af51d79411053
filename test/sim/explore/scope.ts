import type { ConsensusConfig, Device } from '../../../server/consensus/types.ts';

/** How much of the world is explored. Everything below is complete within these bounds. */
export interface Scope {
  readonly devices: number;
  /** Command numbers that leaders may propose. */
  readonly numbers: number;
  /** Devices 0 .. leaders - 1 may begin a ballot. */
  readonly leaders: number;
  /** Ballots each of them may begin. */
  readonly rounds: number;
  /** Crashes with restart, over all devices. */
  readonly restarts: number;
  readonly voting: 'all' | 'leader';
  /** R8; at least `numbers` means that it never closes. */
  readonly window: number;
  /** `issued` marks become durable late, with the next write, as in production; else at once. */
  readonly lazyMarks: boolean;
  /** Every leader runs the same request under number 1, with the same result: equal content, other ballot (2.2). */
  readonly resent: boolean;
  /** Whoever knows a number to be issued may tell anybody at any time (Issued): catch-up, answers to stale leaders. */
  readonly taught: boolean;
  /**
   * The core runs ahead of its disk by up to this many steps' writes, which become durable one by one, at any time, in order; a crash
   * loses those that wait. 0: a step's writes are durable before the next step, and a crash cuts between them.
   */
  readonly ahead: number;
}

export const SMALLEST: Scope = {
  devices: 3,
  numbers: 1,
  leaders: 2,
  rounds: 1,
  restarts: 0,
  voting: 'leader',
  window: 64,
  lazyMarks: false,
  resent: false,
  taught: false,
  ahead: 0,
};

export function configOf(scope: Scope, self: Device): ConsensusConfig {
  return {
    devices: scope.devices,
    self,
    weights: new Array<number>(scope.devices).fill(1),
    window: scope.window,
    voting: scope.voting,
    tailCommands: 1000,
    messageBytes: 1 << 20,
    seed: self + 1,
    timing: { heartbeat: 100, election: 1000, lease: 1000, retransmit: 100 },
    ranks: new Array<number>(scope.devices).fill(0),
  };
}

export function nameOf(scope: Scope): string {
  const { devices, numbers, leaders, rounds, restarts, voting, window, ahead } = scope;
  const parts = [`${devices}x${numbers}x${leaders}`, `voting ${voting}`];
  if (restarts > 0) parts.push(`restarts ${restarts}`);
  if (rounds > 1) parts.push(`rounds ${rounds}`);
  if (window < numbers) parts.push(`window ${window}`);
  if (ahead > 0) parts.push(`ahead of the disk by ${ahead}`);
  if (scope.lazyMarks) parts.push('late marks');
  if (scope.taught) parts.push('taught');
  if (scope.resent) parts.push('resent request');
  return parts.join(', ');
}
