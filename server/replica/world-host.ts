import type { Environment, LeaderStateLike, WorldStateLike } from '../../game-logic/types.ts';
import type { OutputGate } from '../consensus/output-gate.ts';
import type { ConsensusStatus, Effects, Input, Send } from '../consensus/types.ts';
import { ThroughlineError } from '../errors.ts';
import { Leader, type LeaderLimits } from '../leader/leader.ts';
import type { ActionRequest, Reply } from '../leader/types.ts';
import {
  ACTION_DEADLINE_MS,
  ACTION_RESEND_MS,
  EXECUTE_ACTIONS,
  EXECUTE_BYTES,
  OUTSTANDING_PER_SESSION,
  PENDING_ACTIONS,
  PENDING_READS,
  PRESENCE_REFRESH_MS,
  PRESENCE_SESSIONS_PER_MS,
  PRESENCE_SPACING_MS,
  REPLICA_TAIL_BYTES,
  REST_LEAST_MS,
} from '../limits.ts';
import type { PeerMessage } from '../links/types.ts';
import { PendingActions } from './pending-actions.ts';
import { PendingReads } from './pending-reads.ts';
import { PresenceReporter } from './presence-reporter.ts';
import { Replica } from './replica.ts';
import { EffectsInTheMaking } from './turn-effects.ts';
import type { Clock, HostEffects, HostInput, HostStatus, Stopped } from './types.ts';

/** The consensus core, as the host drives it. */
export interface Core {
  step(input: Input): Effects;
  status(): ConsensusStatus;
}

export interface HostLimits {
  readonly outstandingPerSession: number;
  readonly pendingActions: number;
  readonly pendingReads: number;
  readonly deadlineMs: number;
  readonly resendMs: number;
  readonly tailBytes: number;
  readonly refreshMs: number;
  readonly spacingMs: number;
  readonly sessionsPerMs: number;
}

export interface HostOptions {
  /** Index of this region, and how many there are. */
  readonly self: number;
  readonly devices: number;
  readonly core: Core;
  readonly gate: Pick<OutputGate, 'add' | 'persisted'>;
  /** W of R8, as the core has it. */
  readonly window: number;
  /** M(p), at the number that the core starts from. */
  readonly state: WorldStateLike;
  readonly leaderState: (state: WorldStateLike) => LeaderStateLike;
  /** Any number up to 2 ** 31, another one each time the process starts. */
  readonly firstRequest: number;
  readonly random: Environment['random'];
  readonly log: Environment['log'];
  /** Whether this world may rest while nothing happens; true unless given. */
  readonly mayRest?: boolean;
  /** Milliseconds since the turn began; leave out where time stands still. */
  readonly elapsed?: () => number;
  readonly limits?: Partial<HostLimits>;
  readonly leaderLimits?: Partial<LeaderLimits>;
}

const LIMITS: HostLimits = {
  outstandingPerSession: OUTSTANDING_PER_SESSION,
  pendingActions: PENDING_ACTIONS,
  pendingReads: PENDING_READS,
  deadlineMs: ACTION_DEADLINE_MS,
  resendMs: ACTION_RESEND_MS,
  tailBytes: REPLICA_TAIL_BYTES,
  refreshMs: PRESENCE_REFRESH_MS,
  spacingMs: PRESENCE_SPACING_MS,
  sessionsPerMs: PRESENCE_SESSIONS_PER_MS,
};

const STANDING_STILL = () => 0;
const STOPPED = 'this copy of the world has stopped';

/**
 * One world on one region server: its consensus, its leader, its replica and the actions of its own clients, as one step
 * function. Everything of a turn goes in together, everything to be done comes out. No I/O, no clock, no promise: the
 * simulator runs exactly this.
 */
export class WorldHost {
  readonly replica: Replica;
  private readonly options: HostOptions;
  private readonly leader: Leader;
  private readonly actions: PendingActions;
  private readonly readRequests: PendingReads;
  private readonly reporter: PresenceReporter;
  private readonly up: boolean[];
  private leadership: { readonly device: number | null; readonly ballot: number } = {
    device: null,
    ballot: 0,
  };
  private clock: Clock = { now: 0, wall: 0 };
  private out = new EffectsInTheMaking();
  /** Messages of the core to itself that were set free and not handled yet. */
  private readonly inbox: Send[] = [];
  /** Sessions of which a connection went in this turn. */
  private readonly gone: string[] = [];
  private draining = false;
  private resting = false;
  /** The last write handed out, and the last known to be durable. */
  private written = 0;
  private durable = 0;
  /** A planned hand-over is under way: no function may run. */
  private paused = false;
  private stopped: Stopped | undefined;

  constructor(options: HostOptions) {
    const limits = { ...LIMITS, ...options.limits };
    const { self, devices, state, leaderState } = options;
    this.options = options;
    this.replica = new Replica(state, limits.tailBytes);
    this.leader = new Leader({
      definition: state.definition,
      regions: devices,
      leaderState,
      ...(options.leaderLimits === undefined ? {} : { limits: options.leaderLimits }),
    });
    this.actions = new PendingActions(self, options.firstRequest, limits);
    this.readRequests = new PendingReads(limits.pendingReads, limits.deadlineMs, limits.resendMs);
    this.reporter = new PresenceReporter(limits);
    this.up = Array.from({ length: devices }, (_, device) => device === self);
  }

  /** One turn. The effects are the caller's; nothing in them changes later. */
  step(clock: Clock, inputs: readonly HostInput[]): HostEffects {
    this.clock = clock;
    this.out = new EffectsInTheMaking();
    if (this.stopped === undefined) {
      try {
        for (const input of inputs) this.take(input);
        this.finishTurn();
      } catch (error) {
        this.stop(error);
      }
    } else this.refuse(inputs);
    this.out.answers.push(...this.actions.takeAnswers());
    this.out.reads.push(...this.readRequests.takeAnswers());
    return this.out.take(this.stopped);
  }

  status(): HostStatus {
    const { role, leader, ballot, voted, upTo, inWindow } = this.options.core.status();
    return {
      role,
      leader,
      ballot,
      voted,
      issued: upTo,
      applied: this.replica.number,
      queued: this.leader.queued,
      inWindow,
      pending: this.actions.size,
      stopped: this.stopped,
      resting: this.resting,
    };
  }

  // ---- what comes in --------------------------------------------------------------------------------------------------

  private take(input: HostInput): void {
    switch (input.kind) {
      case 'peer':
        this.takeFromPeer(input.from, input.message);
        return;
      case 'tick':
        this.feed({ ...input, now: this.clock.now, rest: this.mayRest() });
        this.dropFailedPreparation();
        this.actions.expire(this.clock.now);
        this.readRequests.expire(this.clock.now);
        return;
      case 'persisted':
        this.durable = input.write;
        this.sort(this.options.gate.persisted(input.write));
        this.feedOwn();
        return;
      case 'link':
        this.takeLink(input.device, input.up);
        return;
      case 'act':
        if (this.draining) {
          const error = new ThroughlineError('draining', 'this region is leaving');
          this.out.answers.push({ id: input.id, error });
        } else this.actions.add(input.id, input.request, this.replica.state, this.clock.now);
        this.wake();
        return;
      case 'read':
        this.readRequests.add(input.id, this.clock.now);
        this.wake();
        return;
      case 'connected':
        this.reporter.connected(input.session);
        return;
      case 'disconnected':
        this.reporter.disconnected(input.session, input.left);
        this.gone.push(input.session);
        return;
      case 'hand-over':
        this.handOver(input.to);
        return;
      case 'drain':
        this.draining = true;
        return;
      default:
        this.feed(input);
    }
  }

  /** Somebody waits for an answer here: the leader may be gone without this region knowing. */
  private wake(): void {
    if (this.resting && this.actions.size + this.readRequests.size > 0) this.feed({ kind: 'wake' });
  }

  private mayRest(): boolean {
    if (this.options.mayRest === false || this.draining || this.durable < this.written) return false;
    if (this.leader.ballot === 0) return true;
    const { now, wall } = this.clock;
    return this.leader.dueAt(now, wall) - now >= REST_LEAST_MS;
  }

  /**
   * From when on this world has to be told the time again, if nothing comes before; -Infinity: always, Infinity: never. As of the
   * end of the last turn.
   */
  get dueAt(): number {
    if (this.stopped !== undefined) return Number.POSITIVE_INFINITY;
    if (!this.resting || this.actions.size > 0 || this.readRequests.size > 0) return Number.NEGATIVE_INFINITY;
    const { now, wall } = this.clock;
    const leaderAt = this.leader.dueAt(now, wall);
    return this.reachable === null ? leaderAt : Math.min(leaderAt, this.reporter.dueAt());
  }

  private takeFromPeer(from: number, message: PeerMessage): void {
    switch (message.kind) {
      case 'execute':
        this.execute(from, message.ballot, message.actions);
        return;
      case 'reply':
        for (const reply of message.replies) this.takeReply(message.ballot, reply);
        return;
      case 'read':
        this.leader.read(from, message.request);
        return;
      case 'presence':
        this.leader.report(from, message.sessions, message.left, this.clock.now);
        return;
      case 'hand-over':
        if (this.leader.ballot !== 0) this.feed(message);
        return;
      default:
        this.feed({ kind: 'message', from, message });
    }
  }

  private takeLink(device: number, up: boolean): void {
    this.up[device] = up;
    this.feed({ kind: 'link', device, up });
    if (up && device === this.leadership.device) this.tellLeaderAgain();
  }

  /** Actions of a region, for the leader of exactly `ballot`. */
  private execute(from: number, ballot: number, actions: readonly ActionRequest[]): void {
    if (this.accepts(ballot)) {
      for (const action of actions) {
        if (action.region === from) this.leader.submit(action, this.clock.now);
        else this.out.alarms.push(`region ${from} sends an action in the name of region ${action.region}`);
      }
      return;
    }
    const replies = actions.map(({ request }): Reply => ({ region: from, request, outcome: 'not-leader' }));
    this.deliver(ballot, replies);
  }

  /** An action may be heard while its ballot is still being prepared; it then waits for the activation. */
  private accepts(ballot: number): boolean {
    this.dropFailedPreparation();
    if (this.leader.accepts !== 0) return this.leader.accepts === ballot;
    const { role, lastTried } = this.options.core.status();
    if (role !== 'preparing' || lastTried !== ballot) return false;
    this.leader.prepare(ballot);
    return true;
  }

  private dropFailedPreparation(): void {
    const { accepts, ballot } = this.leader;
    if (accepts === 0 || ballot !== 0) return;
    const { role, lastTried } = this.options.core.status();
    if (role !== 'preparing' || lastTried !== accepts) this.depose();
  }

  private takeReply(ballot: number, reply: Reply): void {
    if (reply.outcome === 'read') {
      if (ballot === this.leadership.ballot)
        this.readRequests.reply(reply.request, reply.number, this.replica.number);
      return;
    }
    this.actions.reply(ballot, reply);
    // The number it waits for may be applied here already, and in a quiet world no other comes to wake it.
    if (reply.outcome === 'nothing') this.actions.reached(this.replica.number);
  }

  private handOver(to: number): void {
    const { device } = this.leadership;
    if (this.leader.ballot !== 0) this.feed({ kind: 'hand-over', to });
    else if (device !== null && this.up[device] && device !== this.options.self)
      this.send(device, { kind: 'hand-over', to });
    else if (to === this.options.self) this.feed({ kind: 'lead' });
  }

  // ---- consensus --------------------------------------------------------------------------------------------------------

  private feed(input: Input): void {
    this.absorb(this.options.core.step(input));
    this.feedOwn();
  }

  private feedOwn(): void {
    const { core, self } = this.options;
    for (let send = this.inbox.shift(); send !== undefined; send = this.inbox.shift())
      this.absorb(core.step({ kind: 'message', from: self, message: send.message }));
  }

  /** The order of these is part of the seam: a deposition comes before what is issued, an activation after it. */
  private absorb(effects: Effects): void {
    if (effects.write !== undefined) {
      this.out.writes.push(effects.write);
      this.written = effects.write.write;
    }
    if (effects.resting !== undefined) this.resting = effects.resting;
    this.sort(this.options.gate.add(effects.sends));
    if (effects.deposed !== undefined) this.depose();
    for (const command of effects.issued)
      this.actions.applied(this.replica.apply(command), this.replica.state);
    if (effects.issued.length > 0) this.reached(this.replica.number);
    if (effects.activated !== undefined) {
      const { ballot, chain } = effects.activated;
      if (this.leader.accepts !== ballot) this.depose();
      this.leader.activate(ballot, this.replica.state, chain, this.clock.now);
    }
    if (effects.leader !== undefined) this.follow(effects.leader);
    if (effects.paused !== undefined) this.paused = effects.paused;
    if (effects.confirmed !== undefined) this.leader.confirmed(effects.confirmed);
    if (effects.serve !== undefined) this.out.serve.push(...effects.serve);
    if (effects.alarms !== undefined) this.out.alarms.push(...effects.alarms);
  }

  private sort(sends: readonly Send[]): void {
    for (const send of sends) {
      if (send.to === this.options.self) this.inbox.push(send);
      else this.out.sends.push({ to: send.to, message: send.message });
    }
  }

  private reached(number: number): void {
    this.leader.issued(number);
    this.actions.reached(number);
    this.readRequests.reached(number);
  }

  private depose(): void {
    const ballot = this.leader.accepts;
    this.paused = false;
    if (ballot !== 0) this.deliver(ballot, this.leader.deposed());
  }

  private follow(leadership: { readonly device: number | null; readonly ballot: number }): void {
    this.leadership = leadership;
    this.out.leader = leadership;
    if (leadership.device !== null) this.actions.letGo(leadership.ballot);
    this.tellLeaderAgain();
  }

  private tellLeaderAgain(): void {
    this.actions.resend();
    this.readRequests.resend();
    this.reporter.reset();
  }

  // ---- the end of a turn ------------------------------------------------------------------------------------------------

  private finishTurn(): void {
    this.askLeader();
    // Only now: what came in the turn of its asker's good-bye is with the leader, if there is one.
    for (const session of this.gone.splice(0)) if (!this.reporter.has(session)) this.actions.forsake(session);
    const { ballot } = this.leader;
    if (ballot !== 0 && !this.paused) {
      const room = this.replica.number + this.options.window - this.leader.version;
      const { commands, confirm, more } = this.leader.run({
        clock: this.clock.now,
        now: this.clock.wall,
        room,
        random: this.options.random,
        log: this.options.log,
        elapsed: this.options.elapsed ?? STANDING_STILL,
      });
      this.out.more = more;
      if (commands.length > 0) this.feed({ kind: 'propose', ballot, commands });
      if (confirm !== undefined) this.feed({ kind: 'confirm', token: confirm });
    }
    if (ballot !== 0) this.deliver(ballot, this.leader.takeReplies());
    this.out.applied = this.replica.takeBatch();
  }

  /** The leader's device, if it can be told anything now. */
  private get reachable(): number | null {
    const { device, ballot } = this.leadership;
    if (device === null) return null;
    const there = device === this.options.self ? this.leader.accepts === ballot : this.up[device];
    return there ? device : null;
  }

  /** Hands the leader what this region waits for and who is connected here. */
  private askLeader(): void {
    const device = this.reachable;
    if (device === null) return;
    const { ballot } = this.leadership;
    const { self } = this.options;
    const { now } = this.clock;
    this.askActions(device, ballot, this.actions.take(ballot, now));
    if (this.readRequests.waiting) {
      const request = this.actions.name();
      this.readRequests.take(request, now);
      if (device === self) this.leader.read(self, request);
      else this.send(device, { kind: 'read', request });
    }
    const report = this.reporter.take(now);
    if (report === undefined) return;
    if (device === self) this.leader.report(self, report.sessions, report.left, now);
    else this.send(device, { kind: 'presence', ...report });
  }

  private askActions(device: number, ballot: number, actions: readonly ActionRequest[]): void {
    if (device === this.options.self) {
      for (const action of actions) this.leader.submit(action, this.clock.now);
      return;
    }
    let part: ActionRequest[] = [];
    let bytes = 0;
    for (const action of actions) {
      if (part.length >= EXECUTE_ACTIONS || bytes + action.args.length > EXECUTE_BYTES) {
        this.send(device, { kind: 'execute', ballot, actions: part });
        part = [];
        bytes = 0;
      }
      part.push(action);
      bytes += action.args.length;
    }
    if (part.length > 0) this.send(device, { kind: 'execute', ballot, actions: part });
  }

  /** Brings replies given in the name of `ballot` to their regions. */
  private deliver(ballot: number, replies: readonly Reply[]): void {
    if (replies.length === 0) return;
    const byRegion = new Map<number, Reply[]>();
    for (const reply of replies) {
      if (reply.region === this.options.self) this.takeReply(ballot, reply);
      else {
        const others = byRegion.get(reply.region);
        if (others === undefined) byRegion.set(reply.region, [reply]);
        else others.push(reply);
      }
    }
    for (const [region, group] of byRegion)
      for (let at = 0; at < group.length; at += EXECUTE_ACTIONS)
        this.send(region, { kind: 'reply', ballot, replies: group.slice(at, at + EXECUTE_ACTIONS) });
  }

  private send(to: number, message: PeerMessage): void {
    this.out.sends.push({ to, message });
  }

  // ---- fail stop --------------------------------------------------------------------------------------------------------

  /** Nothing leaves from a turn in which something was found wrong: no vote, no answer, no command. */
  private stop(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.stopped = { number: this.replica.number + 1, reason };
    this.out = new EffectsInTheMaking();
    this.abandon();
  }

  private abandon(): void {
    this.actions.abandon(STOPPED);
    this.readRequests.abandon();
  }

  /** Not even from what it knows: what was found wrong may have been wrong before. */
  private refuse(inputs: readonly HostInput[]): void {
    const error = new ThroughlineError('no-quorum', STOPPED);
    for (const input of inputs) {
      if (input.kind === 'act') this.out.answers.push({ id: input.id, error });
      else if (input.kind === 'read') this.out.reads.push({ id: input.id, error });
    }
  }
}
