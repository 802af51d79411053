import { act, type Core, createCore, type Extra, sendRound } from './core.ts';
import { isUp } from './election.ts';
import { createHandOver } from './hand-over.ts';
import { addAsk, needsRound, takeConfirmed } from './lease.ts';
import { endOf } from './numbered.ts';
import { onMessage } from './on-message.ts';
import { onSilent, rouse, sayAwake } from './on-rest.ts';
import { onLink, onTick, stepHandOver } from './on-tick.ts';
import { beginStep, finish, type Step } from './paxos-step.ts';
import type { ConsensusConfig, ConsensusStatus, Device, Durable, Effects, Input } from './types.ts';

/**
 * One device's consensus on one world: agreement (paxos.ts) with failure detector, pre-vote, lease, confirmation, hand-over and
 * catch-up around it. Deterministic: the same inputs give the same effects. The host carries effects out in this order:
 * deposed, issued, leader, activated; hands `write` to storage and `sends` to the OutputGate; feeds messages to itself back.
 */
export class Consensus {
  private readonly core: Core;

  /** Throws ProtocolViolation if the configuration or what storage held cannot be right. */
  constructor(config: ConsensusConfig, durable: Durable) {
    this.core = createCore(config, durable);
  }

  /** Throws ProtocolViolation if this device's own state is inconsistent: the host must stop it (fail stop). */
  step(input: Input): Effects {
    const { core } = this;
    const step = beginStep(core.paxos);
    const believed = core.election.leader;
    const extra: Extra = { confirmed: null, paused: null };
    const round = core.lease?.sequence ?? 0;
    const { resting } = core.rest;
    const roused = rouse(core, input);
    handle(core, step, input, extra);
    followUp(core, step, extra);
    if (roused) sayAwake(core, step, round);
    const effects = finish(core.paxos, step);
    const { leader } = core.election;
    if (believed?.device !== leader?.device || believed?.ballot !== leader?.ballot)
      effects.leader = { device: leader?.device ?? null, ballot: leader?.ballot ?? 0 };
    if (core.rest.resting !== resting) effects.resting = !resting;
    if (extra.confirmed !== null) effects.confirmed = extra.confirmed;
    if (extra.paused !== null) effects.paused = extra.paused;
    return effects;
  }

  status(): ConsensusStatus {
    const { paxos, election, rest } = this.core;
    const { role, lastTried, nextBal, upTo, votes } = paxos;
    return {
      role: role.kind,
      leader: election.leader?.device ?? null,
      ballot: role.kind === 'follower' ? (election.leader?.ballot ?? 0) : role.ballot,
      lastTried,
      nextBal,
      voted: Math.max(upTo, endOf(votes) - 1),
      upTo,
      inWindow: role.kind === 'leading' ? role.next - 1 - upTo : 0,
      resting: rest.resting,
    };
  }
}

function handle(core: Core, step: Step, input: Input, extra: Extra): void {
  switch (input.kind) {
    case 'message':
      onMessage(core, step, input.from, input.message);
      break;
    case 'tick':
      onTick(core, step, input, extra);
      break;
    case 'link':
      onLink(core, step, input.device, input.up);
      break;
    case 'silent':
      onSilent(core, step, input.device, input.silent);
      break;
    case 'wake':
      break;
    case 'confirm':
      onConfirm(core, step, input.token);
      break;
    case 'hand-over':
      onHandOver(core, input.to, extra);
      break;
    default:
      act(core, step, input);
  }
}

function onConfirm(core: Core, step: Step, token: number): void {
  const { lease, paxos } = core;
  if (lease === null || paxos.role.kind !== 'leading') return;
  if (addAsk(lease, paxos.setup.isMajority, token, paxos.role.begun)) sendRound(core, step);
}

function onHandOver(core: Core, to: Device, extra: Extra): void {
  const { config, election, lease, handOver } = core;
  if (lease === null || handOver !== null || to === config.self) return;
  if (!(to >= 0 && to < config.devices) || !isUp(election, to)) return;
  core.handOver = createHandOver(to, config, election.clock);
  extra.paused = true;
}

/** What may be due after any input of a leader: proofs, a round that tokens wait for, the next move of a hand-over. */
function followUp(core: Core, step: Step, extra: Extra): void {
  const { lease, paxos } = core;
  if (lease === null) return;
  const { isMajority } = paxos.setup;
  if (lease.asks.length > 0) {
    extra.confirmed = takeConfirmed(lease, isMajority);
    if (needsRound(lease, isMajority)) sendRound(core, step);
  }
  if (core.handOver !== null) stepHandOver(core, step, extra);
}
