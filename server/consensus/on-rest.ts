import { isBehind } from './catch-up.ts';
import { act, type Core, sendHeartbeat, sendRound } from './core.ts';
import { isHeard, isUp, setSilent, suspect } from './election.ts';
import { lacksContent } from './learner.ts';
import { REST_AFTER_ROUNDS } from './limits.ts';
import { type Step, send } from './paxos-step.ts';
import { disturb, wake } from './rest.ts';
import type { Ballot, Device, Input } from './types.ts';

/**
 * Before an input is handled: true if it woke this device and others have to hear of that. Ticks wake nobody; what a follower
 * hears of its leader wakes it where it is handled (`agrees`).
 */
export function rouse(core: Core, input: Input): boolean {
  if (!isNews(core, input)) return false;
  const { resting } = core.rest;
  wake(core);
  // A leader that says anything is awake.
  const { leader } = core.election;
  return resting && !(input.kind === 'message' && input.from === leader?.device);
}

function isNews(core: Core, input: Input): boolean {
  const { config, paxos, election, rest } = core;
  switch (input.kind) {
    case 'tick':
      return false;
    case 'link':
    case 'silent': {
      if (input.kind === 'silent' && paxos.role.kind === 'leading' && sleepsOn(core, input)) return false;
      const { leader } = election;
      return paxos.role.kind !== 'follower' || leader === null || input.device === leader.device;
    }
    case 'message': {
      const { from, message } = input;
      if (from === config.self || message.kind === 'heartbeat') return false;
      if (message.kind !== 'heartbeat-ack') return true;
      // Those that agree may come late, to rounds that were one too many.
      return rest.resting && !(message.rest && message.nextBal === message.ballot);
    }
    default:
      return true;
  }
}

/**
 * Whether a leader may go on resting when a link is silent, or heard again. Who agreed rests still, or wakes by itself and says so;
 * as long as a majority of such is heard the others need not be asked.
 */
function sleepsOn(
  { config, paxos, election, rest }: Core,
  { device, silent }: { readonly device: Device; readonly silent: boolean },
): boolean {
  if (!rest.resting) return false;
  const bit = 1 << device;
  if (!silent) return (rest.agreed & bit) !== 0;
  return paxos.setup.isMajority((rest.agreed & ~election.silent & ~bit) | (1 << config.self));
}

/** After an input woke this device: a leader begins a round unless it did, `round` was its last; a follower tells its leader. */
export function sayAwake(core: Core, step: Step, round: number): void {
  const { lease, paxos, election } = core;
  if (lease !== null) {
    if (lease.sequence === round) sendRound(core, step);
    return;
  }
  const { leader } = election;
  if (paxos.role.kind !== 'follower' || leader === null || !isUp(election, leader.device)) return;
  const { device, ballot } = leader;
  const { nextBal, upTo } = paxos;
  send(step, device, { kind: 'heartbeat-ack', ballot, nextBal, upTo, sequence: 0, rest: false });
}

/** A leader before its next round: is it time to propose rest? */
export function considerRest(core: Core, step: Step): void {
  const { rest, lease, paxos, handOver, catchUp } = core;
  const { role, upTo } = paxos;
  if (lease === null || role.kind !== 'leading') return;
  const open = role.next - 1 > upTo || lease.asks.length > 0 || handOver !== null;
  if (!rest.allowed || open || isBehind(catchUp, upTo)) disturb(core);
  else if (++rest.quiet > REST_AFTER_ROUNDS && rest.since === 0) {
    rest.since = lease.sequence + 1;
    // Where nobody is there who could agree.
    restIfAgreed(core, step);
  }
}

/** An answer of `from` to round `sequence` that agrees to rest at `upTo`. */
export function agreed(core: Core, step: Step, from: Device, sequence: number, upTo: number): void {
  const { rest, paxos } = core;
  if (rest.resting || rest.since === 0 || sequence < rest.since || upTo !== paxos.upTo) return;
  rest.agreed |= 1 << from;
  restIfAgreed(core, step);
}

/** An answer of `from` that does not agree; to round 0: it woke. What it agreed to before may still be on its way, behind a write. */
export function disagreed({ rest, lease }: Core, from: Device, sequence: number): void {
  rest.agreed &= ~(1 << from);
  if (sequence === 0 && rest.since !== 0 && lease !== null)
    rest.since = Math.max(rest.since, lease.sequence + 1);
}

/** All that are linked and heard agreed, and are a majority with this device: who is not there is told when it is back. */
function restIfAgreed({ rest, config, paxos, election }: Core, step: Step): void {
  const all = rest.agreed | (1 << config.self);
  for (let device = 0; device < config.devices; device++)
    if (isUp(election, device) && isHeard(election, device) && (all & (1 << device)) === 0) return;
  if (!rest.allowed || !paxos.setup.isMajority(all)) return;
  rest.resting = true;
  step.mark = true;
}

/**
 * A heartbeat of the leader of `ballot` at `upTo`, which may propose `rest`. True if this follower agrees: it follows that leader
 * over a link that works, and lacks nothing. Else it is awake now, if that is its leader.
 */
export function agrees(
  core: Core,
  step: Step,
  from: Device,
  { ballot, upTo, rest }: { readonly ballot: Ballot; readonly upTo: number; readonly rest: boolean },
): boolean {
  const { paxos, election, catchUp } = core;
  if (paxos.role.kind !== 'follower' || election.leader?.device !== from) return false;
  if (election.leader.ballot !== ballot) return false;
  const works = isUp(election, from) && isHeard(election, from);
  const complete = upTo === paxos.upTo && !isBehind(catchUp, upTo) && !lacksContent(paxos);
  if (rest && works && complete) {
    core.rest.resting = true;
    step.mark = true;
    return true;
  }
  wake(core);
  core.rest.trusting = false;
  return false;
}

/**
 * A follower that has lost its leader, and hears nobody: nobody could make it lead, or tell it anything. It rests until a link is
 * back; a region that is cut off need not ask for all its worlds again and again. False: it had better ask. Who hears anybody at
 * all asks on, also where those are no majority: they may reach one, and tell what is issued in answer.
 */
export function restsAlone(core: Core, step: Step): boolean {
  const { config, paxos, election, catchUp, rest } = core;
  for (let device = 0; device < config.devices; device++)
    if (device !== config.self && isUp(election, device) && isHeard(election, device)) return false;
  if (!rest.allowed || paxos.setup.isMajority(1 << config.self)) return false;
  if (isBehind(catchUp, paxos.upTo) || lacksContent(paxos)) return false;
  election.leader = null;
  election.asking = null;
  rest.resting = true;
  step.mark = true;
  return true;
}

/** A device is back: it gets at once what it missed. */
export function heardAgain(core: Core, step: Step, device: Device): void {
  act(core, step, { kind: 'resend', to: device, all: true });
  sendHeartbeat(core, step, device);
}

/** The link of a device has been silent for an election time-out, or is heard again. */
export function onSilent(core: Core, step: Step, device: Device, silent: boolean): void {
  const { config, election, paxos, rest } = core;
  if (device === config.self || !(device >= 0 && device < config.devices)) return;
  setSilent(election, device, silent);
  if (rest.resting) return;
  if (!silent) heardAgain(core, step, device);
  else if (paxos.role.kind === 'follower' && election.leader?.device === device && rest.trusting)
    suspect(election, config);
}
