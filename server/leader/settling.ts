import type { LeaderStateLike } from '../../game-logic/types.ts';
import { encodeEnvelope } from '../../schemas/support/envelope.ts';
import type { Tip } from './types.ts';

/** Action name of a command without any effect; see `settlingCommand`. */
const SETTLE = '$settle';

/**
 * A command that changes nothing. Safety does not need it and most leaderships never make one: it lets the first answer
 * without a command leave, where the leadership has not yet made a command of its own (see Answers.release).
 */
export function settlingCommand(state: LeaderStateLike, tip: Tip, ballot: number): Uint8Array {
  return encodeEnvelope({
    number: tip.number + 1,
    born: ballot,
    precedent: tip.born,
    time: state.time,
    session: '',
    sequence: 0,
    origin: null,
    action: SETTLE,
    result: 'null',
    delta: null,
    timersSet: [],
    timerFired: 0,
    timersCancelled: [],
    tables: state.digest,
    system: state.systemDigest,
  });
}
