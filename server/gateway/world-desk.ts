/** Everything of one world on one gateway: its clients, their live stream, their snapshots, their sessions. */
import type { Client } from '@colyseus/core';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import type { WorldService } from '../world-service.ts';
import type { AskContext } from './ask.ts';
import type { GatewayLimits } from './bounds.ts';
import { welcomeFrame } from './frames.ts';
import { merging } from './frames-merge.ts';
import { type FeedTarget, LiveFeed } from './live-feed.ts';
import { type Admission, Member, type MemberContext } from './member.ts';
import { Sessions } from './sessions.ts';
import { Snapshots } from './snapshots.ts';
import type { ActionCounts, CutOff, GatewayLogger } from './types.ts';
import type { Wire } from './wire.ts';

/** Sweeps in a row after which a replica that is elsewhere than what it told is taken at its word. */
const JUMP_SWEEPS = 4;

export interface DeskContext {
  readonly region: string;
  readonly regions: readonly string[];
  readonly limits: GatewayLimits;
  readonly logger: GatewayLogger;
  readonly wire: Wire;
  readonly counts: ActionCounts;
  readonly cutOffs: Record<CutOff, number>;
  readonly draining: () => boolean;
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number;
}

export class WorldDesk {
  readonly world: WorldService;
  readonly sessions: Sessions;
  readonly feed: LiveFeed;
  /** The same, merged, for stream 'frames'. */
  readonly merged: LiveFeed;
  readonly snapshots: Snapshots;
  /** Seats that are given, or being given, and not taken yet: each may become a client. */
  seats = 0;
  /** Live clients that were too slow and had to catch up. */
  slowed = 0;
  readonly #context: DeskContext;
  readonly #forMembers: MemberContext;
  readonly #forMerged: MemberContext;
  readonly #members = new Set<Member>();
  /** Those on the live stream; the others catch up. */
  readonly #live = new Set<Member>();
  readonly #catching = new Set<Member>();
  /** How many are on each stream. */
  readonly #watching = { commands: 0, frames: 0 };
  /** Those with answers to send at the end of this turn. */
  #answered: Member[] = [];
  /** Those who wait for something to be applied. */
  readonly #bells = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #unchecked = 0;
  #elsewhere = 0;
  /** Since when this region knows no leader, and who is still to be told to go elsewhere; null: nobody was told yet. */
  #leaderlessSince = Number.POSITIVE_INFINITY;
  #toMove: Set<Member> | null = null;
  #moveShare = 0;

  constructor(world: WorldService, context: DeskContext) {
    const { limits, now, counts, draining, logger } = context;
    this.world = world;
    this.#context = context;
    this.sessions = new Sessions(world, limits);
    this.snapshots = new Snapshots(world, limits);
    const { number } = world.state;
    const fault = (cause: unknown) => logger.error({ event: 'gateway-fault', world: world.name, err: cause });
    this.feed = new LiveFeed(this.#target('commands', world.name), limits, number, now);
    const topic = `${world.name}/frames`;
    const merge = merging(world, limits.mergedBytes, fault);
    const often = { ...limits, flushMs: limits.mergeMs };
    this.merged = new LiveFeed(this.#target('frames', topic), often, number, now, merge);
    this.#forMembers = {
      ...{ world, limits, now, counts, draining, topic: world.name },
      ...{ feed: this.feed, snapshots: this.snapshots, sessions: this.sessions },
      answered: (member) => this.#answerSoon(member),
      moved: (member, live) => this.#moved(member, live),
      cutOff: (reason) => {
        context.cutOffs[reason]++;
      },
      welcome: (admission) => this.#welcome(admission),
      fault,
    };
    const { mergedSlowCommands: slowCommands } = limits;
    this.#forMerged = { ...this.#forMembers, topic, feed: this.merged, limits: { ...limits, slowCommands } };
    this.#unsubscribe = world.subscribe((batch) => {
      this.feed.applied(batch);
      this.merged.applied(batch);
      this.#ring();
    });
  }

  /** For actions that come over HTTP. */
  get asking(): AskContext {
    return this.#forMembers;
  }

  get clients(): number {
    return this.#members.size;
  }

  get live(): number {
    return this.#live.size;
  }

  get outboxBytes(): number {
    let bytes = 0;
    for (const { pipe } of this.#members) bytes += pipe.buffered;
    return bytes;
  }

  /** A seat was taken. */
  join(client: Client, admission: Admission): Member {
    const seat = this.sessions.enter(admission.session, this.#context.now());
    const context = admission.stream === 'frames' ? this.#forMerged : this.#forMembers;
    const member = new Member(context, admission, (events) => this.#context.wire.pipe(client, events), seat);
    this.#members.add(member);
    if (admission.stream === 'answers') return member;
    this.#catching.add(member);
    if (this.#watching[admission.stream]++ === 0) this.#feedOf(admission.stream).setIdle(false);
    return member;
  }

  /** `left`: it said good-bye. */
  leave(member: Member, left: boolean): void {
    if (!this.#members.delete(member)) return;
    member.closed();
    this.#live.delete(member);
    this.#catching.delete(member);
    this.sessions.leave(member.session, left);
    const { kind } = member;
    if (kind !== 'answers' && --this.#watching[kind] === 0) this.#feedOf(kind).setIdle(true);
    if (this.#live.size + this.#catching.size === 0) this.snapshots.forget();
  }

  /** Resolves when something was applied, after `ms`, when this desk closes, or when `hold`'s argument is called. */
  more(ms: number, hold?: (wake: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const ring = () => {
        clearTimeout(timer);
        this.#bells.delete(ring);
        resolve();
      };
      const timer = setTimeout(ring, ms);
      this.#bells.add(ring);
      hold?.(ring);
    });
  }

  sweep(now: number): void {
    this.#lookForJump();
    this.#lookForLeader(now);
    this.#checkOutboxes();
    for (const member of this.#members) member.sweep();
    this.sessions.sweep(now);
  }

  /** Tells every client to go elsewhere; what was applied leaves before it. */
  moveOn(reason: string): void {
    this.#flush();
    this.flushAnswers();
    for (const member of this.#members) member.moveOn(reason);
    this.#ring();
  }

  flushAnswers(): void {
    const members = this.#answered;
    this.#answered = [];
    for (const member of members) member.flushAnswers();
  }

  /** Closes every client. */
  end(detail: string): void {
    this.#flush();
    this.flushAnswers();
    for (const member of [...this.#members]) member.end('draining', detail);
  }

  close(): void {
    this.#unsubscribe();
    this.feed.close();
    this.merged.close();
    this.sessions.close();
    this.#ring();
  }

  #flush(): void {
    this.feed.flush();
    this.merged.flush();
  }

  #welcome(admission: Admission): Uint8Array {
    const { session, token } = admission;
    const { name, definition, state } = this.world;
    const { region, regions } = this.#context;
    return welcomeFrame({
      ...{
        protocol: PROTOCOL_VERSION,
        region,
        regions,
        world: name,
        schema: definition.schema.hash,
        session,
        token,
      },
      number: state.number,
      sequence: state.session(session)?.sequence ?? 0,
    });
  }

  #feedOf(stream: 'commands' | 'frames'): LiveFeed {
    return stream === 'frames' ? this.merged : this.feed;
  }

  #target(stream: 'commands' | 'frames', topic: string): FeedTarget {
    return {
      publish: (frame) => {
        // A frame does not say whose acts it holds: answered after it, they would be predicted on top of themselves.
        if (stream === 'frames') this.flushAnswers();
        this.#publish(topic, frame);
      },
      flushed: () => this.#pump(stream),
      broken: () => this.#broken(stream),
    };
  }

  #publish(topic: string, frame: Uint8Array): void {
    if (this.#live.size === 0) return;
    this.#context.wire.publish(topic, frame);
    this.#unchecked += frame.length;
    if (this.#unchecked >= this.#context.limits.outboxCheck) this.#checkOutboxes();
  }

  #checkOutboxes(): void {
    this.#unchecked = 0;
    for (const member of this.#live) if (member.stream?.check()) this.slowed++;
  }

  #pump(stream: 'commands' | 'frames'): void {
    for (const member of this.#catching) if (member.kind === stream) member.stream?.pump();
  }

  #broken(stream: 'commands' | 'frames'): void {
    for (const member of [...this.#live]) if (member.kind === stream) member.stream?.broken();
  }

  #moved(member: Member, live: boolean): void {
    (live ? this.#catching : this.#live).delete(member);
    (live ? this.#live : this.#catching).add(member);
  }

  #answerSoon(member: Member): void {
    if (this.#answered.length === 0) queueMicrotask(() => this.flushAnswers());
    this.#answered.push(member);
  }

  /** A replica that took over a snapshot of a peer stands further than the batches it told of. */
  #lookForJump(): void {
    const { number } = this.world.state;
    this.#elsewhere = this.feed.isAt(number) ? 0 : this.#elsewhere + 1;
    if (this.#elsewhere < JUMP_SWEEPS) return;
    this.#elsewhere = 0;
    this.#context.logger.warn({ event: 'replica-jumped', world: this.world.name, number });
    this.feed.jump(number);
    this.merged.jump(number);
  }

  /**
   * A region that lost its peers answers nothing, and its clients would have to find out by waiting. They are told, each once for
   * one such time: if it is no better elsewhere they come back, and stay.
   */
  #lookForLeader(now: number): void {
    const { limits } = this.#context;
    // Where nobody is nobody has to be told, and looking costs more than all else in a world at rest.
    if (this.#members.size === 0 || this.world.status().leader !== null) {
      this.#leaderlessSince = Number.POSITIVE_INFINITY;
      this.#toMove = null;
      return;
    }
    this.#leaderlessSince = Math.min(this.#leaderlessSince, now);
    if (now - this.#leaderlessSince < limits.leaderlessMs) return;
    if (this.#toMove === null) {
      this.#toMove = new Set(this.#members);
      this.#moveShare = Math.ceil(this.#members.size / limits.moveOnSweeps);
    }
    let left = this.#moveShare;
    for (const member of this.#toMove) {
      if (left-- === 0) return;
      this.#toMove.delete(member);
      member.moveOn('no-quorum');
    }
  }

  #ring(): void {
    if (this.#bells.size > 0) for (const ring of [...this.#bells]) ring();
  }
}
