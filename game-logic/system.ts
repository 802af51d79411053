/**
 * What a command does to everything that is not a table: the clock, sessions and timers. One path for the replica that
 * applies a command, the leader state that adopts one and the leader state that makes one, so they cannot differ.
 */
import type { Envelope } from '../schemas/support/command-types.ts';
import { hashBegin, hashFinish, hashNumber } from '../schemas/support/hash.ts';
import type { Digest } from '../schemas/support/types.ts';
import type { AnswerHash } from './answers.ts';
import { StateError } from './errors.ts';
import { HASH_KIND } from './hash-kinds.ts';
import type { Session } from './sessions.ts';
import { hashTimer, type TimerQueue } from './timers.ts';

/** Names of commands that no action has: '$' cannot stand in a schema's name. */
export const ACTION = {
  join: '$join',
  leave: '$leave',
  end: '$end',
  tick: '$tick',
  timer: '$timer',
} as const;

/** What of a command acts on the system state. */
export interface SystemChange
  extends Pick<
    Envelope,
    | 'number'
    | 'time'
    | 'session'
    | 'sequence'
    | 'action'
    | 'result'
    | 'timersSet'
    | 'timerFired'
    | 'timersCancelled'
  > {
  /** Of the origin; -1: there is none. */
  readonly region: number;
  readonly request: number;
}

/** A copy of a world whose system state a command may change. */
export interface SystemTarget {
  time: number;
  readonly system: Digest;
  readonly timers: TimerQueue;
  /** The session, writable by command `number`; made if there is none. */
  writableSession(id: string, number: number): Session;
  /** Forgets a session; undefined if there is none. */
  dropSession(id: string, number: number): Session | undefined;
}

/**
 * Returns the hash of the answer that the session of the command now holds, null where there is none. `known`: that hash, where a
 * leader state took it before.
 */
export function applySystem(
  target: SystemTarget,
  change: SystemChange,
  known: AnswerHash | null = null,
): AnswerHash | null {
  if (change.time < target.time)
    throw new StateError('forged', change.number, `time ${change.time} is before ${target.time}`);
  const { system } = target;
  if (change.time !== target.time) {
    hashClock(target.time, system, -1);
    hashClock(change.time, system, 1);
    target.time = change.time;
  }
  const hash = change.session === '' ? null : applySession(target, change, known);
  if (change.timerFired !== 0) removeTimer(target, change.timerFired, change.number);
  for (let i = 0; i < change.timersCancelled.length; i++)
    removeTimer(target, change.timersCancelled[i]!, change.number);
  for (let i = 0; i < change.timersSet.length; i++) {
    const timer = change.timersSet[i]!;
    if (target.timers.get(timer.id) !== undefined)
      throw new StateError('forged', change.number, `timer ${timer.id} is set already`);
    target.timers.add(timer);
    hashTimer(timer, system, 1);
  }
  return hash;
}

function removeTimer(target: SystemTarget, id: number, number: number): void {
  const timer = target.timers.remove(id);
  if (timer === undefined) throw new StateError('forged', number, `there is no timer ${id}`);
  hashTimer(timer, target.system, -1);
}

function applySession(
  target: SystemTarget,
  change: SystemChange,
  known: AnswerHash | null,
): AnswerHash | null {
  const { system } = target;
  const { number, session: id, action, sequence } = change;
  if (action === ACTION.end) {
    const ended = target.dropSession(id, number);
    if (ended === undefined) throw new StateError('forged', number, 'ends a session that is not there');
    ended.take(system);
    return null;
  }
  const session = target.writableSession(id, number);
  let hash: AnswerHash | null = null;
  if (action === ACTION.join) session.joined = true;
  else if (action === ACTION.leave) session.joined = false;
  else {
    if (sequence <= session.sequence)
      throw new StateError('forged', number, `sequence ${sequence} is not above ${session.sequence}`);
    hash = session.record(change, system, known);
  }
  session.time = change.time;
  session.rehash(system);
  return hash;
}

/** Adds or takes the clock. */
export function hashClock(time: number, digest: Digest, sign: 1 | -1): void {
  hashBegin(HASH_KIND.clock);
  hashNumber(0, time);
  hashFinish(digest, sign);
}
