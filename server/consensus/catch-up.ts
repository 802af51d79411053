import { CATCH_UP_COMMANDS } from './limits.ts';
import type { ConsensusConfig, Device } from './types.ts';

/**
 * Whom to ask for issued commands that are missing here, and when (R13). One request under way; the next one goes out when it is
 * answered in full, or to another device when it is not.
 */
export interface CatchUp {
  /** By device: the highest number it said is issued. */
  readonly known: number[];
  asked: { readonly device: Device; readonly last: number; at: number; talking: boolean } | null;
  /** Since when upTo stands at this number. */
  stalled: { readonly upTo: number; readonly since: number };
  /** The last device asked in vain. */
  failed: Device | null;
}

export function createCatchUp({ devices }: ConsensusConfig): CatchUp {
  return {
    known: new Array<number>(devices).fill(0),
    asked: null,
    stalled: { upTo: 0, since: 0 },
    failed: null,
  };
}

export function noteKnown(state: CatchUp, device: Device, upTo: number): void {
  state.known[device] = Math.max(state.known[device]!, upTo);
}

/** An `issued` message came from a device: its answer is complete, or more of it may be on its way. */
export function noteIssued(state: CatchUp, device: Device, upTo: number, clock: number): void {
  const { asked } = state;
  if (asked === null || asked.device !== device) return;
  if (upTo >= asked.last) {
    state.asked = null;
    return;
  }
  asked.at = clock;
  asked.talking = true;
}

export function isBehind({ known }: CatchUp, upTo: number): boolean {
  return known.some((other) => other > upTo);
}

/** Of the retransmission time-out: upTo that does not move for so long has got stuck. */
const STALL = 1 / 2;
/** Of the same: who has begun to answer and falls silent for so long was cut short, and is asked for the rest. */
const PAUSE = 1 / 8;

/** Keeps time; true if it is time to ask for what is missing, if something is. */
export function isAskDue(state: CatchUp, { timing }: ConsensusConfig, upTo: number, clock: number): boolean {
  const { asked, stalled } = state;
  if (stalled.upTo !== upTo) state.stalled = { upTo, since: clock };
  if (asked === null) return clock - state.stalled.since >= timing.retransmit * STALL;
  const quiet = clock - asked.at;
  if (quiet < timing.retransmit * (asked.talking ? PAUSE : 1)) return false;
  if (!asked.talking) state.failed = asked.device;
  state.asked = null;
  return true;
}

/**
 * Whom to ask now, null if a request is under way or nobody can be asked: the leader first, otherwise whoever is known to hold
 * more, otherwise anyone; not the one who was asked in vain if there is another.
 */
export function chooseTeacher(
  state: CatchUp,
  { devices, self }: ConsensusConfig,
  upTo: number,
  leader: Device | null,
  isUp: (device: Device) => boolean,
): Device | null {
  if (state.asked !== null) return null;
  let best: Device | null = null;
  let bestScore = -1;
  for (let device = 0; device < devices; device++) {
    if (device === self || !isUp(device)) continue;
    const score =
      (device === state.failed ? 0 : 4) + (state.known[device]! > upTo ? 2 : 0) + (device === leader ? 1 : 0);
    if (score > bestScore) {
      best = device;
      bestScore = score;
    }
  }
  return best;
}

/** Notes the request for numbers from upTo + 1 on; returns how many to ask for. */
export function noteAsked(state: CatchUp, device: Device, upTo: number, clock: number): number {
  const last = Math.max(upTo + 1, Math.min(upTo + CATCH_UP_COMMANDS, state.known[device]!));
  state.asked = { device, last, at: clock, talking: false };
  state.failed = null;
  return CATCH_UP_COMMANDS;
}
