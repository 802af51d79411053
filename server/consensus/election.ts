import { DOUBLINGS } from './limits.ts';
import { nextRandom } from './random.ts';
import type { Ballot, ConsensusConfig, Device } from './types.ts';

/**
 * The failure detector of one device: whom it believes to lead, when it gives that one up, and the pre-vote that asks a
 * majority before a ballot disturbs anybody. It decides nothing about safety: any device may begin a ballot at any time [0064].
 *
 * Time is *attentive* time: each tick adds what passed since the last, but never more than a heartbeat. A host that stood
 * still for a second finds a second's messages queued behind its late tick; those messages are not silence of the others, so
 * the tick must not count as if it were. The price: a device that stands still needs longer to suspect others.
 *
 * A leader whose host has too much to do is late again and again, and a change of leader gives that host more to do. So its
 * followers remember how late it was, for a few seconds, and have so much more patience with it (`unrest`); and one that stood
 * still itself trusts its own ears less (`drowsy`), but not less those of another that asks for its pre-vote. A leader that is on
 * time is given up as soon as ever, and a closed link needs no patience at all.
 */
export interface Election {
  /** Attentive time, ms. */
  clock: number;
  /** The last tick's `now`; null before the first. */
  now: number | null;
  /** State of the generator (random.ts). */
  random: number;
  leader: { readonly device: Device; readonly ballot: Ballot } | null;
  /** When the leader was heard last, and in which ballot; 0: none yet. */
  heardAt: number;
  heardIn: Ballot;
  /** By how much a leader that was heard again had missed its heartbeat, and this host a tick: the most lately, fading. */
  unrest: number;
  drowsy: number;
  /** When a follower asks for pre-votes, if nothing happens before. */
  dueAt: number;
  /** Devices whose link is known to be down, and whose link is silent; bit masks. */
  down: number;
  silent: number;
  /** Pre-votes asked for: granted is a bit mask. */
  asking: { readonly round: number; readonly granted: number } | null;
  /** A pre-vote refused because the leader was there: granted as soon as it is not. */
  refused: { readonly device: Device; readonly round: number } | null;
  /** A candidate that was granted or promised something lately is not disturbed by others until then. */
  favoured: { readonly device: Device; readonly until: number } | null;
  /** Candidates that had their turn since a leader was heard, a bit mask. */
  tried: number;
  /** Own attempts to lead since a leader was heard. */
  failures: number;
}

/** Followers stand in line by rank; each waits this share of the election time-out longer than the one before. */
const SHARE = 1 / 6;
/** A silence of this share of the time-out is enough to grant others a pre-vote: 2.5 heartbeats by default. */
const GRANT = 2 / 3;
/** A candidate with a promise gets this share of the time-out to become active. */
const FAVOUR = 1 / 2;
/** A heartbeat is on time within so many, for ticks and the way. */
const ON_TIME = 1.5;
/** The time-out grows by unrest up to this many times itself … */
const UNREST_MOST = 2;
/** … of which a third is left after so many heartbeats without more of it: 4 s by default. */
const UNREST_FADES = 100;

export function createElection(config: ConsensusConfig): Election {
  const election: Election = {
    clock: 0,
    now: null,
    random: config.seed >>> 0,
    leader: null,
    heardAt: 0,
    heardIn: 0,
    unrest: 0,
    drowsy: 0,
    dueAt: 0,
    down: 0,
    silent: 0,
    asking: null,
    refused: null,
    favoured: null,
    tried: 0,
    failures: 0,
  };
  election.dueAt = patience(election, config);
  return election;
}

function random(election: Election): number {
  const { state, value } = nextRandom(election.random);
  election.random = state;
  return value;
}

/** Lets time pass; see above for why a late tick counts less. */
export function passTime(election: Election, config: ConsensusConfig, now: number): void {
  if (election.now !== null && now > election.now) {
    election.clock += Math.min(now - election.now, config.timing.heartbeat);
    // Who was stopped for longer than any patience lasts learns nothing from it.
    const ms = now - election.now;
    if (ms <= config.timing.election * (1 + UNREST_MOST))
      election.drowsy = Math.max(election.drowsy, lateness(config, ms));
  }
  election.now = election.now === null ? now : Math.max(now, election.now);
}

/**
 * Whether `a` is tried as a leader before `b`. Total, also where ranks are equal: else two candidates would refuse each other
 * for ever.
 */
export function precedes({ ranks }: ConsensusConfig, a: Device, b: Device): boolean {
  const [rankOfA, rankOfB] = [ranks[a] ?? a, ranks[b] ?? b];
  return rankOfA === rankOfB ? a < b : rankOfA < rankOfB;
}

/** How many devices stand before this one in line: better rank, link up, not the leader. */
function placeInLine({ leader, down }: Election, config: ConsensusConfig): number {
  let before = 0;
  for (let device = 0; device < config.devices; device++) {
    if (device === config.self || device === leader?.device || (down & (1 << device)) !== 0) continue;
    if (precedes(config, device, config.self)) before++;
  }
  return before;
}

/** The time in line plus a random part, so that two devices rarely ask at once. */
function turn(election: Election, config: ConsensusConfig): number {
  return (placeInLine(election, config) + random(election)) * config.timing.election * SHARE;
}

/** Silence after which a leader is in doubt. */
export function timeOut({ unrest, drowsy }: Election, { timing }: ConsensusConfig): number {
  return timing.election + Math.max(unrest, drowsy);
}

/** One turn is added for all: a leader that stands still for 100 ms must not be given up over a heartbeat and a tick. */
function patience(election: Election, config: ConsensusConfig): number {
  return timeOut(election, config) + config.timing.election * SHARE + turn(election, config);
}

/** The leader was heard `silence` after the last time: how late was it? */
function noteSilence(election: Election, config: ConsensusConfig, silence: number): void {
  const left = Math.max(0, 1 - silence / (UNREST_FADES * config.timing.heartbeat));
  election.drowsy *= left;
  election.unrest = Math.max(election.unrest * left, lateness(config, silence));
}

/** Of what is due with each heartbeat and came after `ms`; not above 0 if it was on time. */
function lateness({ timing }: ConsensusConfig, ms: number): number {
  return Math.min(ms - timing.heartbeat * ON_TIME, timing.election * UNREST_MOST);
}

/** A sign of life of the leader of a ballot that this device did not promise away. */
export function heardLeader(
  election: Election,
  config: ConsensusConfig,
  device: Device,
  ballot: Ballot,
): void {
  // Also where it was given up meanwhile: that it is heard again shows that it should not have been.
  if (election.heardIn === ballot) noteSilence(election, config, election.clock - election.heardAt);
  election.leader = { device, ballot };
  election.heardAt = election.clock;
  election.heardIn = ballot;
  election.asking = null;
  election.refused = null;
  election.favoured = null;
  election.tried = 0;
  election.failures = 0;
  election.dueAt = election.clock + patience(election, config);
}

/** This device promised `device` a ballot: whoever led before is refused now, the candidate gets time. */
export function promised(election: Election, config: ConsensusConfig, device: Device): void {
  election.leader = null;
  election.asking = null;
  election.favoured = { device, until: election.clock + config.timing.election * FAVOUR };
  election.dueAt = election.clock + patience(election, config);
}

/** After rest: the time that passed meanwhile does not count. */
export function resume(election: Election, config: ConsensusConfig): void {
  election.now = null;
  election.heardAt = election.clock;
  election.dueAt = election.clock + patience(election, config);
}

/** The leader that this device relied on at rest is silent, as long as a busy one might be: it is doubted, each in turn asks. */
export function suspect(election: Election, config: ConsensusConfig): void {
  election.heardAt = election.clock - timeOut(election, config);
  election.dueAt = Math.min(election.dueAt, election.clock + turn(election, config));
}

/** This device leads now. */
export function lead(election: Election, device: Device, ballot: Ballot): void {
  election.leader = { device, ballot };
  election.asking = null;
  election.refused = null;
  election.tried = 0;
  election.failures = 0;
}

/** An attempt to lead ended, or leadership did: wait, longer each time, a random part of it (R3). */
export function retreat(election: Election, config: ConsensusConfig): void {
  const doubled = 2 ** Math.min(election.failures, DOUBLINGS);
  election.failures += 1;
  election.leader = null;
  election.asking = null;
  election.dueAt = election.clock + config.timing.election * FAVOUR * (1 + random(election) * doubled);
}

/**
 * A link changed. Down to the leader (or to the candidate that is about to lead): the strong hint of a killed process. The first
 * in line asks at once (true), the others after their turn, unless they hear of a leader before.
 */
export function linkChanged(
  election: Election,
  config: ConsensusConfig,
  device: Device,
  up: boolean,
): boolean {
  const bit = 1 << device;
  election.down = up ? election.down & ~bit : election.down | bit;
  election.silent &= ~bit;
  const followed = election.leader?.device ?? election.favoured?.device;
  if (up || device !== followed || device === config.self) return false;
  const first = placeInLine(election, config) === 0;
  election.dueAt = Math.min(election.dueAt, election.clock + turn(election, config));
  election.leader = null;
  election.favoured = null;
  return first;
}

export function isUp({ down }: Election, device: Device): boolean {
  return (down & (1 << device)) === 0;
}

export function setSilent(election: Election, device: Device, silent: boolean): void {
  const bit = 1 << device;
  election.silent = silent ? election.silent | bit : election.silent & ~bit;
}

/** Whether anything came over the link of a device lately. */
export function isHeard({ silent }: Election, device: Device): boolean {
  return (silent & (1 << device)) === 0;
}

/** Starts a round of pre-votes; the next one follows after a few turns if nothing comes of it. */
export function ask(election: Election, config: ConsensusConfig, round: number): void {
  election.leader = null;
  election.asking = { round, granted: 1 << config.self };
  election.dueAt = election.clock + (2 + random(election)) * config.timing.election * SHARE;
}

/** Records an answer; returns who granted so far, 0 if it answers nothing. */
export function answered(election: Election, device: Device, round: number, granted: boolean): number {
  const { asking } = election;
  if (asking === null || asking.round !== round || !granted) return 0;
  election.asking = { round, granted: asking.granted | (1 << device) };
  return election.asking.granted;
}

/**
 * Whether `device` may begin a ballot as far as this follower is concerned: the leader is gone, or not heard of for a while, or its
 * link is down; and no other candidate is on its way.
 */
export function grants(election: Election, config: ConsensusConfig, device: Device): boolean {
  const { clock, leader, heardAt, favoured, unrest } = election;
  if (favoured !== null && favoured.device !== device && clock < favoured.until) return false;
  if (leader === null || leader.device === device || !isUp(election, leader.device)) return true;
  return clock - heardAt >= (config.timing.election + unrest) * GRANT;
}

/**
 * What a granter does: give the candidate a turn before it asks itself, or grants others. One turn: a candidate that had it and
 * asks again did not get on (it may be one that nobody can reach), and must not keep this device waiting for ever.
 */
export function grant(election: Election, config: ConsensusConfig, device: Device): void {
  election.refused = null;
  if ((election.tried & (1 << device)) !== 0) return;
  election.tried |= 1 << device;
  const turnTime = config.timing.election * SHARE;
  election.asking = null;
  election.favoured = { device, until: election.clock + turnTime };
  election.dueAt = Math.max(election.dueAt, election.clock + 2 * turnTime + turn(election, config));
}
