import type { ConsensusConfig, Device } from './types.ts';

/**
 * A planned change of leader: the host stops running functions, what is open gets issued, the target catches up, then it is told
 * to begin a ballot at once. If the target is slow it is told after a lease; if nothing comes of it the leader goes on.
 */
export interface HandOver {
  readonly to: Device;
  /** `draining`: commands are open. `drained`: waits until the target has them all. `told`: waits for its ballot. */
  phase: 'draining' | 'drained' | 'told';
  /** Attentive time at which the phase ends on its own. */
  until: number;
}

export function createHandOver(to: Device, { timing }: ConsensusConfig, clock: number): HandOver {
  return { to, phase: 'draining', until: clock + timing.lease };
}

export type HandOverMove = 'wait' | 'sound-out' | 'tell' | 'give-up';

/** What to do next: `open` commands are not issued, `lag` is what the target misses, as far as known. */
export function moveHandOver(
  state: HandOver,
  { timing }: ConsensusConfig,
  clock: number,
  open: number,
  lag: number,
): HandOverMove {
  if (state.phase === 'told') return clock >= state.until ? 'give-up' : 'wait';
  if ((open === 0 && lag <= 0) || clock >= state.until) {
    state.phase = 'told';
    state.until = clock + 2 * timing.election;
    return 'tell';
  }
  if (state.phase === 'drained' || open > 0) return 'wait';
  // A heartbeat round now brings the target's number back in one round trip.
  state.phase = 'drained';
  return 'sound-out';
}
