import { roundOf } from './ballot.ts';
import { chooseTeacher, isAskDue, isBehind } from './catch-up.ts';
import { act, askCatchUp, type Core, type Extra, sendRound } from './core.ts';
import { ask, grant, grants, isUp, linkChanged, passTime, timeOut } from './election.ts';
import { moveHandOver } from './hand-over.ts';
import { lowestUnvoted } from './leader.ts';
import { lacksContent } from './learner.ts';
import { isHeld, isRepeatDue, type Lease } from './lease.ts';
import { considerRest, heardAgain, restsAlone } from './on-rest.ts';
import { type Step, send, sendOthers } from './paxos-step.ts';
import { stretched } from './timing.ts';
import type { Device, Input } from './types.ts';

/** The way to the others: time-outs follow it. */
function setRoundTrip(core: Core, roundTrip: number): void {
  if (roundTrip === core.roundTrip) return;
  core.roundTrip = roundTrip;
  core.config = { ...core.config, timing: stretched(core.timing, roundTrip) };
}

/** Time passed: everything that happens because nothing else did. */
export function onTick(
  core: Core,
  step: Step,
  { now, roundTrip, rest: allowed }: Extract<Input, { kind: 'tick' }>,
  extra: Extra,
): void {
  if (roundTrip !== undefined) setRoundTrip(core, roundTrip);
  const { config, paxos, election, rest } = core;
  rest.allowed = allowed === true;
  if (rest.resting) return;
  if (rest.woken && core.lease !== null) core.lease.roundAt = now;
  rest.woken = false;
  passTime(election, config, now);
  // An idle device marks what is issued here; a busy one has done so with its last vote.
  act(core, step, { kind: 'idle' });
  if (paxos.role.kind === 'follower') tickFollower(core, step);
  else if (paxos.role.kind === 'preparing') tickPreparing(core, step);
  else if (core.lease !== null) tickLeading(core, step, core.lease, extra);
  tickCatchUp(core, step);
}

function tickFollower(core: Core, step: Step): void {
  const { config, election } = core;
  grantRefused(core, step);
  if (election.clock >= election.dueAt) {
    if (!restsAlone(core, step)) askPreVotes(core, step);
  } else if (election.leader !== null && election.clock - election.heardAt >= timeOut(election, config))
    election.leader = null;
}

function tickPreparing(core: Core, step: Step): void {
  const { config, paxos, election, attempt } = core;
  if (attempt === null) return;
  const { clock } = election;
  if (paxos.upTo > attempt.upTo) {
    attempt.upTo = paxos.upTo;
    attempt.since = clock;
  }
  if (clock - attempt.since >= attempt.patience) {
    act(core, step, { kind: 'step-down' });
  } else if (clock >= attempt.repeatAt) {
    attempt.delay *= 2;
    attempt.repeatAt = clock + attempt.delay;
    for (let device = 0; device < config.devices; device++)
      act(core, step, { kind: 'resend', to: device, all: false });
  }
}

function tickLeading(core: Core, step: Step, lease: Lease, extra: Extra): void {
  const { config, paxos, election } = core;
  const { timing } = config;
  if (!isHeld(lease, paxos.setup.isMajority, election.clock, timing.lease)) {
    // Section 11: a leader that cannot reach a majority steps down.
    act(core, step, { kind: 'step-down' });
    return;
  }
  if ((election.now ?? 0) - lease.roundAt >= timing.heartbeat) {
    considerRest(core, step);
    if (core.rest.resting) return;
    sendRound(core, step);
  }
  for (let device = 0; device < config.devices; device++) {
    if (device === config.self || !isUp(election, device)) continue;
    if (isRepeatDue(lease, config, device, lowestUnvoted(paxos, device), election.clock))
      act(core, step, { kind: 'resend', to: device, all: false });
  }
  stepHandOver(core, step, extra);
}

export function onLink(core: Core, step: Step, device: Device, up: boolean): void {
  const { config, paxos, election } = core;
  if (device === config.self || !(device >= 0 && device < config.devices)) return;
  const first = linkChanged(election, config, device, up);
  if (up) heardAgain(core, step, device);
  else if (paxos.role.kind === 'follower') {
    grantRefused(core, step);
    if (first) askPreVotes(core, step);
  }
}

/** A pre-vote that was refused for the leader's sake is granted once the leader is gone. */
function grantRefused(core: Core, step: Step): void {
  const { config, election } = core;
  const { refused } = election;
  if (refused === null || election.asking !== null || !grants(election, config, refused.device)) return;
  grant(election, config, refused.device);
  send(step, refused.device, { kind: 'pre-vote-answer', round: refused.round, granted: true });
}

function askPreVotes(core: Core, step: Step): void {
  const { config, paxos, election } = core;
  const round = roundOf(Math.max(paxos.lastTried, paxos.seen), config.devices) + 1;
  ask(election, config, round);
  if (paxos.setup.isMajority(1 << config.self)) act(core, step, { kind: 'lead' });
  else sendOthers(paxos, step, { kind: 'pre-vote', round, upTo: paxos.upTo });
}

/** The next move of a hand-over, if one is under way. */
export function stepHandOver(core: Core, step: Step, extra: Extra): void {
  const { config, paxos, election, catchUp, handOver } = core;
  const { role, upTo } = paxos;
  if (handOver === null || role.kind !== 'leading') return;
  const open = role.next - 1 - upTo;
  const lag = upTo - catchUp.known[handOver.to]!;
  const move = moveHandOver(handOver, config, election.clock, open, lag);
  if (move === 'sound-out') sendRound(core, step);
  else if (move === 'tell') send(step, handOver.to, { kind: 'take-over', ballot: role.ballot });
  else if (move === 'give-up') {
    core.handOver = null;
    extra.paused = false;
  }
}

/** Something is known to be issued that does not come by itself: ask for it. */
function tickCatchUp(core: Core, step: Step): void {
  const { config, paxos, catchUp, election } = core;
  if (!isAskDue(catchUp, config, paxos.upTo, election.clock)) return;
  if (!isBehind(catchUp, paxos.upTo) && !lacksContent(paxos)) return;
  const leader = election.leader?.device ?? null;
  const teacher = chooseTeacher(catchUp, config, paxos.upTo, leader, (device) => isUp(election, device));
  if (teacher !== null) askCatchUp(core, step, teacher);
}
