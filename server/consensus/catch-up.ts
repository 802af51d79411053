import { CATCH_UP_BYTES, CATCH_UP_COMMANDS, CATCH_UP_PARTS } from './limits.ts';
import type { Command, ConsensusConfig, Device } from './types.ts';

/**
 * Whom to ask for issued commands that are missing here, and when (R13). A long way is asked for in parts, a few of them under way
 * with one device, so that it reads the next while this one applies the last; another device is asked when nothing comes.
 */
export interface CatchUp {
  /** By device: the highest number it said is issued. */
  readonly known: number[];
  /** `lasts`: the last number of each part under way, ascending. */
  asked: { readonly device: Device; readonly lasts: number[]; at: number; talking: boolean } | null;
  /** Commands in a part: as many as its bytes allow, by those that came last. */
  part: number;
  /** Since when upTo stands at this number. */
  stalled: { readonly upTo: number; readonly since: number };
  /** The last device asked in vain. */
  failed: Device | null;
}

export function createCatchUp({ devices }: ConsensusConfig): CatchUp {
  return {
    known: new Array<number>(devices).fill(0),
    asked: null,
    part: CATCH_UP_COMMANDS,
    stalled: { upTo: 0, since: 0 },
    failed: null,
  };
}

export function noteKnown(state: CatchUp, device: Device, upTo: number): void {
  state.known[device] = Math.max(state.known[device]!, upTo);
}

/** An `issued` message came from a device: a part is complete, or more of it may be on its way. */
export function noteIssued(
  state: CatchUp,
  device: Device,
  commands: readonly Command[],
  upTo: number,
  clock: number,
): void {
  if (commands.length > 0) state.part = partOf(commands);
  const { asked } = state;
  if (asked === null || asked.device !== device) return;
  while (asked.lasts.length > 0 && asked.lasts[0]! <= upTo) asked.lasts.shift();
  if (asked.lasts.length === 0) {
    state.asked = null;
    return;
  }
  asked.at = clock;
  asked.talking = true;
}

function partOf(commands: readonly Command[]): number {
  let bytes = 0;
  for (const command of commands) bytes += command.bytes.length;
  const fitting = Math.floor((CATCH_UP_BYTES * commands.length) / Math.max(1, bytes));
  return Math.max(1, Math.min(CATCH_UP_COMMANDS, fitting));
}

export function isBehind({ known }: CatchUp, upTo: number): boolean {
  return known.some((other) => other > upTo);
}

/** Of the retransmission time-out: upTo that does not move for so long has got stuck. */
const STALL = 1 / 2;
/** Of the same: who has begun to answer and falls silent for so long was cut short, and is asked for the rest. */
const PAUSE = 1 / 2;

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

export interface Part {
  readonly from: number;
  readonly max: number;
}

/**
 * The part of what `device` knows that it is to be asked for now, null if none: first the numbers from upTo + 1 on, then, while
 * those are on their way, whole parts that follow.
 */
export function nextPart(state: CatchUp, device: Device, upTo: number, clock: number): Part | null {
  const { asked, part } = state;
  const known = state.known[device]!;
  if (asked === null) {
    const last = Math.max(upTo + 1, Math.min(upTo + part, known));
    state.asked = { device, lasts: [last], at: clock, talking: false };
    state.failed = null;
    return { from: upTo + 1, max: part };
  }
  const from = asked.lasts.at(-1)! + 1;
  if (asked.device !== device || asked.lasts.length >= CATCH_UP_PARTS || known < from + part - 1) return null;
  asked.lasts.push(from + part - 1);
  return { from, max: part };
}
