import { ownerOf, roundOf } from './ballot.ts';
import {
  type CatchUp,
  chooseTeacher,
  createCatchUp,
  isBehind,
  isStalled,
  noteAsked,
  noteIssued,
  noteKnown,
} from './catch-up.ts';
import * as election from './election.ts';
import { createHandOver, type HandOver, moveHandOver } from './hand-over.ts';
import { lowestUnvoted } from './leader.ts';
import { lacksContent } from './learner.ts';
import * as lease from './lease.ts';
import { CATCH_UP_COMMANDS } from './limits.ts';
import { endOf } from './numbered.ts';
import { type AgreementMessage, type PaxosInput, take } from './paxos.ts';
import { createPaxos, type Paxos } from './paxos-state.ts';
import { beginStep, finish, type Step, send, sendOthers } from './paxos-step.ts';
import type {
  Ballot,
  ConsensusConfig,
  ConsensusStatus,
  Device,
  Durable,
  Effects,
  Input,
  Message,
} from './types.ts';

/** Attempts to become active: since when without progress, and when NextBallot is repeated. */
interface Attempt {
  readonly ballot: Ballot;
  upTo: number;
  since: number;
  repeatAt: number;
  delay: number;
}

/**
 * One device's consensus on one world: agreement (paxos.ts) with failure detector, pre-vote, lease, confirmation, hand-over and
 * catch-up around it. Deterministic: the same inputs give the same effects. The host carries effects out in this order:
 * deposed, issued, leader, activated; hands `write` to storage and `sends` to the OutputGate; feeds messages to itself back.
 */
export class Consensus {
  private readonly config: ConsensusConfig;
  private readonly paxos: Paxos;
  private readonly election: election.Election;
  private readonly catchUp: CatchUp;
  private lease: lease.Lease | null = null;
  private attempt: Attempt | null = null;
  private handOver: HandOver | null = null;

  /** Throws ProtocolViolation if the configuration or what storage held cannot be right. */
  constructor(config: ConsensusConfig, durable: Durable) {
    this.config = config;
    this.paxos = createPaxos(config, durable);
    this.election = election.createElection(config);
    this.catchUp = createCatchUp(config);
  }

  /** Throws ProtocolViolation if this device's own state is inconsistent: the host must stop it (fail stop). */
  step(input: Input): Effects {
    const step = beginStep(this.paxos);
    const believed = this.election.leader;
    const extra: Extra = { confirmed: null, paused: null };
    this.handle(step, input, extra);
    this.followUp(step, extra);
    const effects = finish(this.paxos, step);
    const { leader } = this.election;
    const changed = believed?.device !== leader?.device || believed?.ballot !== leader?.ballot;
    if (changed) effects.leader = { device: leader?.device ?? null, ballot: leader?.ballot ?? 0 };
    if (extra.confirmed !== null) effects.confirmed = extra.confirmed;
    if (extra.paused !== null) effects.paused = extra.paused;
    return effects;
  }

  status(): ConsensusStatus {
    const { role, lastTried, nextBal, upTo, votes } = this.paxos;
    return {
      role: role.kind,
      leader: this.election.leader?.device ?? null,
      ballot: role.kind === 'follower' ? (this.election.leader?.ballot ?? 0) : role.ballot,
      lastTried,
      nextBal,
      voted: Math.max(upTo, endOf(votes) - 1),
      upTo,
      inWindow: role.kind === 'leading' ? role.next - 1 - upTo : 0,
    };
  }

  private handle(step: Step, input: Input, extra: Extra): void {
    switch (input.kind) {
      case 'message':
        this.onMessage(step, input.from, input.message);
        break;
      case 'tick':
        this.onTick(step, input.now, extra);
        break;
      case 'link':
        this.onLink(step, input.device, input.up);
        break;
      case 'confirm':
        this.onConfirm(step, input.token);
        break;
      case 'hand-over':
        this.onHandOver(input.to, extra);
        break;
      default:
        this.take(step, input);
    }
  }

  /** A part of this step for the agreement core, and what a change of role means for everything around it. */
  private take(step: Step, input: PaxosInput): void {
    const before = this.paxos.role;
    take(this.paxos, step, input);
    const { role } = this.paxos;
    if (role === before) return;
    const { config, election: detector } = this;
    if (role.kind === 'leading') {
      this.attempt = null;
      this.lease = lease.createLease(config, detector.clock);
      election.lead(detector, config.self, role.ballot);
      // Followers learn at once whom to follow, and how far the log is issued.
      this.round(step);
      return;
    }
    this.lease = null;
    this.handOver = null;
    this.attempt = null;
    if (role.kind === 'follower') election.retreat(detector, config);
    else {
      detector.leader = null;
      detector.asking = null;
      const { clock } = detector;
      const delay = config.timing.retransmit;
      this.attempt = {
        ballot: role.ballot,
        upTo: this.paxos.upTo,
        since: clock,
        repeatAt: clock + delay,
        delay,
      };
    }
  }

  private onMessage(step: Step, from: Device, message: Message): void {
    switch (message.kind) {
      case 'heartbeat':
        this.onHeartbeat(step, from, message);
        break;
      case 'heartbeat-ack':
        this.onHeartbeatAck(step, from, message);
        break;
      case 'pre-vote':
        this.onPreVote(step, from, message.round, message.upTo);
        break;
      case 'pre-vote-answer':
        this.onPreVoteAnswer(step, from, message.round, message.granted);
        break;
      case 'take-over':
        this.onTakeOver(step, from, message.ballot);
        break;
      default:
        this.onAgreement(step, from, message);
    }
  }

  private onAgreement(step: Step, from: Device, message: AgreementMessage): void {
    const { paxos, config, election: detector } = this;
    this.take(step, { kind: 'message', from, message });
    switch (message.kind) {
      case 'next-ballot':
        if (
          from !== config.self &&
          paxos.nextBal === message.ballot &&
          ownerOf(message.ballot, config.devices) === from
        )
          election.promised(detector, config, from);
        break;
      case 'begin-ballot':
        this.heard(from, message.ballot);
        break;
      case 'voted':
        if (this.lease !== null && paxos.role.kind === 'leading' && paxos.role.ballot === message.ballot) {
          const highest = message.ranges.reduce((top, { last }) => Math.max(top, last), 0);
          lease.votedInBallot(this.lease, from, highest, detector.clock);
        }
        break;
      case 'ballot-info':
        noteKnown(this.catchUp, from, message.upTo);
        this.catchUpNow(step, from);
        break;
      case 'success':
        for (const { last } of message.ranges) noteKnown(this.catchUp, from, last);
        this.catchUpNow(step, from);
        break;
      case 'issued':
        noteKnown(this.catchUp, from, message.upTo);
        noteIssued(this.catchUp, from, paxos.upTo, detector.clock);
        this.catchUpNow(step, from);
        break;
      default:
        break;
    }
  }

  /** A sign of life of the leader of `ballot`, unless this device promised a higher one, or has a part in it itself. */
  private heard(from: Device, ballot: Ballot): void {
    const { paxos, config } = this;
    if (from === config.self || ballot < paxos.nextBal || paxos.role.kind !== 'follower') return;
    if (ownerOf(ballot, config.devices) === from) election.heardLeader(this.election, config, from, ballot);
  }

  private onHeartbeat(step: Step, from: Device, message: Extract<Message, { kind: 'heartbeat' }>): void {
    const { paxos, config } = this;
    const { ballot, upTo, born, sequence } = message;
    if (ownerOf(ballot, config.devices) !== from) {
      step.alarms.push(`I13: heartbeat of ballot ${ballot} from device ${from}`);
      return;
    }
    this.take(step, { kind: 'mark', from, upTo, born });
    if (ballot >= paxos.nextBal) this.take(step, { kind: 'ballot', ballot });
    this.heard(from, ballot);
    // With a higher promise in it this is MyNextBal as well.
    const { nextBal } = paxos;
    send(step, from, { kind: 'heartbeat-ack', ballot, nextBal, upTo: paxos.upTo, sequence });
    noteKnown(this.catchUp, from, upTo);
    this.catchUpNow(step, from);
  }

  private onHeartbeatAck(
    step: Step,
    from: Device,
    { ballot, nextBal, upTo, sequence }: Extract<Message, { kind: 'heartbeat-ack' }>,
  ): void {
    noteKnown(this.catchUp, from, upTo);
    const { role } = this.paxos;
    if (nextBal > ballot)
      this.take(step, { kind: 'message', from, message: { kind: 'my-next-bal', ballot: nextBal } });
    else if (this.lease !== null && role.kind === 'leading' && role.ballot === ballot)
      lease.acknowledged(this.lease, from, sequence, this.election.clock);
  }

  private onPreVote(step: Step, from: Device, round: number, upTo: number): void {
    const { paxos, config, election: detector } = this;
    noteKnown(this.catchUp, from, upTo);
    // A candidate far behind would have to catch up before it could lead; this device, or another, is the better one.
    const slack = Math.max(config.window, config.tailCommands);
    const behind = paxos.upTo > upTo + slack;
    const yields =
      detector.asking === null || election.precedes(config, from, config.self) || upTo > paxos.upTo + slack;
    const free = paxos.role.kind === 'follower' && !behind && yields;
    const granted = free && election.grants(detector, config, from);
    if (granted) election.granted(detector, config, from);
    else if (free) detector.refused = { device: from, round };
    send(step, from, { kind: 'pre-vote-answer', round, granted });
    // It will need a ballot above this device's promise, and to know that it is behind: its leader does not reach it.
    if (round <= roundOf(paxos.nextBal, config.devices))
      send(step, from, { kind: 'my-next-bal', ballot: paxos.nextBal });
    if (upTo < paxos.upTo) send(step, from, { kind: 'issued', upTo: paxos.upTo, commands: [] });
  }

  private onPreVoteAnswer(step: Step, from: Device, round: number, granted: boolean): void {
    if (this.paxos.role.kind !== 'follower') return;
    const voters = election.answered(this.election, from, round, granted);
    if (this.paxos.setup.isMajority(voters)) this.take(step, { kind: 'lead' });
  }

  /** Planned: the leader of `ballot` asks this device to begin one, without pre-vote. */
  private onTakeOver(step: Step, from: Device, ballot: Ballot): void {
    const { paxos, config } = this;
    if (ownerOf(ballot, config.devices) !== from || from === config.self) return;
    if (paxos.role.kind === 'follower' && ballot >= paxos.nextBal) this.take(step, { kind: 'lead' });
  }

  private onTick(step: Step, now: number, extra: Extra): void {
    const { paxos, config, election: detector } = this;
    election.passTime(detector, config, now);
    // An idle device marks what is issued here; a busy one has done so with its last vote.
    this.take(step, { kind: 'idle' });
    if (paxos.role.kind === 'follower') this.tickFollower(step);
    else if (paxos.role.kind === 'preparing') this.tickPreparing(step);
    if (this.lease !== null) this.tickLeading(step, this.lease, extra);
    this.tickCatchUp(step);
  }

  private tickFollower(step: Step): void {
    const { config, election: detector } = this;
    this.grantRefused(step);
    if (detector.clock >= detector.dueAt) this.askPreVotes(step);
    else if (detector.leader !== null && detector.clock - detector.heardAt >= config.timing.election)
      detector.leader = null;
  }

  private tickPreparing(step: Step): void {
    const { paxos, config, election: detector, attempt } = this;
    if (attempt === null) return;
    const { clock } = detector;
    if (paxos.upTo > attempt.upTo) {
      attempt.upTo = paxos.upTo;
      attempt.since = clock;
    }
    if (clock - attempt.since >= 2 * config.timing.election) {
      this.take(step, { kind: 'step-down' });
    } else if (clock >= attempt.repeatAt) {
      attempt.delay *= 2;
      attempt.repeatAt = clock + attempt.delay;
      for (let device = 0; device < config.devices; device++)
        this.take(step, { kind: 'resend', to: device, all: false });
    }
  }

  private tickLeading(step: Step, held: lease.Lease, extra: Extra): void {
    const { paxos, config, election: detector } = this;
    const { timing } = config;
    if (!lease.isHeld(held, paxos.setup.isMajority, detector.clock, timing.lease)) {
      // Section 11: a leader that cannot reach a majority steps down.
      this.take(step, { kind: 'step-down' });
      return;
    }
    if ((detector.now ?? 0) - held.roundAt >= timing.heartbeat) this.round(step);
    for (let device = 0; device < config.devices; device++) {
      if (device === config.self || !election.isUp(detector, device)) continue;
      const lowest = lowestUnvoted(paxos, device);
      if (lease.isRepeatDue(held, config, device, lowest, detector.clock))
        this.take(step, { kind: 'resend', to: device, all: false });
    }
    this.moveHandOver(step, extra);
  }

  private onLink(step: Step, device: Device, up: boolean): void {
    const { paxos, config, election: detector } = this;
    if (device === config.self || !(device >= 0 && device < config.devices)) return;
    const first = election.linkChanged(detector, config, device, up);
    if (up) {
      // A device that comes back gets at once what it missed.
      this.take(step, { kind: 'resend', to: device, all: true });
      if (this.lease !== null) this.heartbeat(step, this.lease, device);
    } else if (paxos.role.kind === 'follower') {
      this.grantRefused(step);
      if (first) this.askPreVotes(step);
    }
  }

  /** A pre-vote that was refused for the leader's sake is granted once the leader is gone. */
  private grantRefused(step: Step): void {
    const { config, election: detector } = this;
    const { refused } = detector;
    if (refused === null || detector.asking !== null || !election.grants(detector, config, refused.device))
      return;
    election.granted(detector, config, refused.device);
    send(step, refused.device, { kind: 'pre-vote-answer', round: refused.round, granted: true });
  }

  private askPreVotes(step: Step): void {
    const { paxos, config, election: detector } = this;
    const round = roundOf(Math.max(paxos.lastTried, paxos.seen), config.devices) + 1;
    election.ask(detector, config, round);
    if (paxos.setup.isMajority(1 << config.self)) this.take(step, { kind: 'lead' });
    else sendOthers(paxos, step, { kind: 'pre-vote', round, upTo: paxos.upTo });
  }

  /** A round of heartbeats to everybody. */
  private round(step: Step): void {
    const held = this.lease;
    if (held === null) return;
    held.sequence += 1;
    held.roundAt = this.election.now ?? 0;
    for (let device = 0; device < this.config.devices; device++)
      if (device !== this.config.self) this.heartbeat(step, held, device);
  }

  private heartbeat(step: Step, held: lease.Lease, to: Device): void {
    const { role, upTo, born } = this.paxos;
    if (role.kind !== 'leading') return;
    send(step, to, { kind: 'heartbeat', ballot: role.ballot, upTo, born, sequence: held.sequence });
  }

  private onConfirm(step: Step, token: number): void {
    const { paxos, lease: held } = this;
    if (held === null || paxos.role.kind !== 'leading') return;
    if (lease.addAsk(held, paxos.setup.isMajority, token, paxos.role.begun)) this.round(step);
  }

  private onHandOver(to: Device, extra: Extra): void {
    const { config, election: detector } = this;
    if (this.lease === null || this.handOver !== null || to === config.self) return;
    if (!(to >= 0 && to < config.devices) || !election.isUp(detector, to)) return;
    this.handOver = createHandOver(to, config, detector.clock);
    extra.paused = true;
  }

  private moveHandOver(step: Step, extra: Extra): void {
    const { paxos, handOver } = this;
    const { role, upTo } = paxos;
    if (handOver === null || role.kind !== 'leading') return;
    const open = role.next - 1 - upTo;
    const lag = upTo - this.catchUp.known[handOver.to]!;
    const move = moveHandOver(handOver, this.config, this.election.clock, open, lag);
    if (move === 'sound-out') this.round(step);
    else if (move === 'tell') send(step, handOver.to, { kind: 'take-over', ballot: role.ballot });
    else if (move === 'give-up') {
      this.handOver = null;
      extra.paused = false;
    }
  }

  /** What may be due after any input of a leader: proofs, a round that tokens wait for, the next move of a hand-over. */
  private followUp(step: Step, extra: Extra): void {
    const { isMajority } = this.paxos.setup;
    if (this.lease === null) return;
    if (this.lease.asks.length > 0) {
      extra.confirmed = lease.takeConfirmed(this.lease, isMajority);
      if (lease.needsRound(this.lease, isMajority)) this.round(step);
    }
    if (this.handOver !== null) this.moveHandOver(step, extra);
  }

  /** Asks `from`, who just showed that it knows more, unless somebody is asked already. */
  private catchUpNow(step: Step, from: Device): void {
    const { upTo } = this.paxos;
    if (from === this.config.self || this.catchUp.asked !== null || this.catchUp.known[from]! <= upTo) return;
    this.askCatchUp(step, from);
  }

  private tickCatchUp(step: Step): void {
    const { paxos, config, catchUp, election: detector } = this;
    const stalled = isStalled(catchUp, config, paxos.upTo, detector.clock);
    if (!stalled || catchUp.asked !== null) return;
    if (!isBehind(catchUp, paxos.upTo) && !lacksContent(paxos)) return;
    const leader = detector.leader?.device ?? null;
    const teacher = chooseTeacher(catchUp, config, paxos.upTo, leader, (device) =>
      election.isUp(detector, device),
    );
    if (teacher !== null) this.askCatchUp(step, teacher);
  }

  private askCatchUp(step: Step, teacher: Device): void {
    const { upTo } = this.paxos;
    noteAsked(this.catchUp, teacher, upTo, this.election.clock);
    send(step, teacher, { kind: 'catch-up', from: upTo + 1, max: CATCH_UP_COMMANDS });
  }
}

/** Parts of the effects that the agreement core knows nothing about. */
interface Extra {
  confirmed: number | null;
  paused: boolean | null;
}
