import type { AppliedCommand, WorldStateLike } from '../../game-logic/types.ts';
import { type ErrorCode, HTTP_STATUS, ThroughlineError } from '../errors.ts';
import type { ActionRequest, Reply } from '../leader/types.ts';
import type { ActRequest } from '../world-service.ts';
import type { Answer } from './types.ts';

export interface PendingLimits {
  readonly outstandingPerSession: number;
  readonly pendingActions: number;
  readonly deadlineMs: number;
  readonly resendMs: number;
}

/** One (session, sequence) that this region waits for, for one or more clients. */
interface Pending {
  readonly wire: ActionRequest;
  /** The first asked first; the others repeat its sequence and are told so. */
  readonly ids: number[];
  readonly since: number;
  /** The leadership it was last sent to; 0: never sent. */
  ballot: number;
  sentAt: number;
  /** It was sent in an earlier leadership than the last one, too. */
  earlier: boolean;
  /** Whoever asked is gone from this region: it is not handed to another leader. */
  forsaken: boolean;
  /** An answer without a command, told once this replica has applied `number`. */
  nothing: { readonly number: number; readonly result: string } | undefined;
}

/** Up to here an engine of 64 bits holds whole numbers without an object for each. */
const MAX_REQUEST = 2 ** 31 - 1;

/**
 * The asking side of a world: actions of this region's clients until each has had its one answer. A success is answered
 * when this replica applies the command that carries the (session, sequence), so it survives every leader; a no comes as a
 * message from the leader that was asked last.
 */
export class PendingActions {
  private readonly self: number;
  private readonly limits: PendingLimits;
  /** In the order of arrival, which is also the order of deadlines and of sending again. */
  private readonly byRequest = new Map<number, Pending>();
  /** Those of one session in the order of arrival; at most `outstandingPerSession`, so looking through them is cheap. */
  private readonly bySession = new Map<string, Pending[]>();
  private readonly parked = new Set<Pending>();
  private nextRequest: number;
  private unsent: Pending[] = [];
  private answers: Answer[] = [];

  /** `firstRequest`: any number up to 2 ** 31, another one each time the process starts. */
  constructor(self: number, firstRequest: number, limits: PendingLimits) {
    this.self = self;
    this.limits = limits;
    this.nextRequest = firstRequest;
  }

  get size(): number {
    return this.byRequest.size;
  }

  /** A name for a request of this region, 31-bit, not in use by an action. */
  name(): number {
    do this.nextRequest = this.nextRequest >= MAX_REQUEST ? 1 : this.nextRequest + 1;
    while (this.byRequest.has(this.nextRequest));
    return this.nextRequest;
  }

  /** Takes an action, or answers it at once from what the replica knows. */
  add(id: number, request: ActRequest, state: WorldStateLike, now: number): void {
    const { session, sequence } = request;
    const { outstandingPerSession, pendingActions } = this.limits;
    if (!Number.isSafeInteger(sequence) || sequence < 1) {
      this.fail([id], 'bad-request', `sequence ${sequence} is not a whole number from 1`);
      return;
    }
    if (this.answerFrom(state, session, sequence, [id])) return;
    const open = this.bySession.get(session);
    const twin = open === undefined ? undefined : find(open, sequence);
    if ((open?.length ?? 0) + (twin?.ids.length ?? 0) >= outstandingPerSession)
      this.fail([id], 'rate-limited', `${outstandingPerSession} actions of this session are outstanding`);
    else if (twin !== undefined) this.join(twin, id);
    else if (this.byRequest.size >= pendingActions)
      this.fail([id], 'overloaded', 'this region waits for too many answers');
    else this.register(id, request, open, now);
  }

  /** Everything open has to go to a leadership that may not have it: after a change of leader or a new link, in order. */
  resend(): void {
    // Those that only wait for their number to be applied have their answer; asked again, they might have an effect.
    this.unsent = [...this.byRequest.values()].filter(
      ({ nothing, forsaken }) => nothing === undefined && !forsaken,
    );
  }

  /**
   * The last connection of a session is gone from this region, and may ask again through another one. What it asked for here must not
   * be done long after it was told something else there: what no leader has is dropped, what one may have is sent to no other.
   */
  forsake(session: string): void {
    for (const pending of [...(this.bySession.get(session) ?? [])]) {
      if (pending.ballot === 0) this.reject(pending, noQuorum(pending, 'nobody waits for it any more'));
      else pending.forsaken = true;
    }
  }

  /** The leader of `ballot` is asked from now on: what is forsaken is not handed to it, and no other can say what became of it. */
  letGo(ballot: number): void {
    for (const pending of [...this.byRequest.values()])
      if (pending.forsaken && pending.nothing === undefined && pending.ballot !== ballot)
        this.reject(pending, noQuorum(pending, 'nobody waits for it any more'));
  }

  /** What has to be sent to the leader of `ballot` now. Call only when it can be reached. */
  take(ballot: number, now: number): ActionRequest[] {
    for (const oldest of this.byRequest.values()) {
      if (oldest.forsaken || oldest.nothing !== undefined) continue;
      if (oldest.ballot === ballot && now - oldest.sentAt >= this.limits.resendMs) this.resend();
      break;
    }
    if (this.unsent.length === 0) return [];
    const { unsent } = this;
    this.unsent = [];
    const sending: ActionRequest[] = [];
    for (const pending of unsent) {
      // An answer without effect may have come since it was put there: run again, it might have one.
      if (!this.byRequest.has(pending.wire.request) || pending.forsaken || pending.nothing !== undefined)
        continue;
      if (pending.ballot !== 0 && pending.ballot !== ballot) pending.earlier = true;
      pending.ballot = ballot;
      pending.sentAt = now;
      sending.push(pending.wire);
    }
    return sending;
  }

  /** The replica applied a command. */
  applied(
    { number, session, sequence, result, region, request }: AppliedCommand,
    state: WorldStateLike,
  ): void {
    if (sequence === 0) return;
    const open = this.bySession.get(session);
    if (open === undefined) return;
    const pending = find(open, sequence);
    if (pending !== undefined) {
      const mine = region === this.self && request === pending.wire.request;
      this.succeed(pending, number, result, !mine);
    }
    for (let at = 0; at < open.length; ) {
      const behind = open[at] as Pending;
      const before = behind.wire.sequence;
      if (before < sequence && this.answerFrom(state, session, before, behind.ids)) this.close(behind);
      // Those that are answered go, and the next one takes their place.
      if (open[at] === behind) at++;
    }
  }

  /** The replica stands at `number`. */
  reached(number: number): void {
    for (const pending of this.parked) {
      const { nothing } = pending;
      if (nothing === undefined || nothing.number > number) continue;
      this.succeed(pending, nothing.number, nothing.result, false);
    }
  }

  /** An answer of the leader of `ballot`. */
  reply(ballot: number, reply: Reply): void {
    const pending = this.byRequest.get(reply.request);
    // A no of a leadership that is not the last one asked is worth nothing: a later one may run the action.
    if (pending === undefined || pending.ballot !== ballot) return;
    if (reply.outcome === 'nothing') {
      pending.nothing = { number: reply.number, result: reply.result };
      this.parked.add(pending);
    } else if (reply.outcome === 'refused')
      this.reject(pending, new ThroughlineError('refused', reply.detail, { gameCode: reply.code }));
    else if (reply.outcome === 'failed') this.reject(pending, failure(reply, pending.earlier));
  }

  /** Those whose deadline has passed. */
  expire(now: number): void {
    for (const pending of this.byRequest.values()) {
      if (now - pending.since < this.limits.deadlineMs) return;
      this.reject(pending, noQuorum(pending, 'no answer in time'));
    }
  }

  /** This world stops here. */
  abandon(detail: string): void {
    for (const pending of [...this.byRequest.values()]) this.reject(pending, noQuorum(pending, detail));
  }

  takeAnswers(): Answer[] {
    const { answers } = this;
    if (answers.length > 0) this.answers = [];
    return answers;
  }

  /** Asked for again; where the first who asked is gone, it is wanted again. */
  private join(pending: Pending, id: number): void {
    pending.ids.push(id);
    if (!pending.forsaken) return;
    pending.forsaken = false;
    this.unsent.push(pending);
  }

  private register(
    id: number,
    { session, sequence, action, args }: ActRequest,
    open: Pending[] | undefined,
    now: number,
  ): void {
    const request = this.name();
    const pending: Pending = {
      wire: { region: this.self, request, session, sequence, action, args },
      ids: [id],
      since: now,
      ballot: 0,
      sentAt: 0,
      earlier: false,
      forsaken: false,
      nothing: undefined,
    };
    this.byRequest.set(request, pending);
    if (open === undefined) this.bySession.set(session, [pending]);
    else open.push(pending);
    this.unsent.push(pending);
  }

  /** Answers a sequence whose fate this replica knows; false if it does not. */
  private answerFrom(
    state: WorldStateLike,
    session: string,
    sequence: number,
    ids: readonly number[],
  ): boolean {
    const view = state.session(session);
    if (view === undefined || sequence > view.sequence) return false;
    const known = view.answer(sequence);
    if (typeof known === 'object') {
      const { number, result } = known;
      for (const id of ids)
        this.answers.push({ id, error: null, answer: { number, result, duplicate: true } });
    } else if (known === 'settled')
      this.fail(ids, 'settled', `sequence ${sequence} is older than the answers that are kept`);
    else this.fail(ids, 'out-of-order', `sequence ${view.sequence} was executed before ${sequence}`);
    return true;
  }

  private succeed(pending: Pending, number: number, result: string, again: boolean): void {
    this.close(pending);
    const { ids } = pending;
    for (let place = 0; place < ids.length; place++) {
      const duplicate = again || (place > 0 && pending.nothing === undefined);
      this.answers.push({ id: ids[place] as number, error: null, answer: { number, result, duplicate } });
    }
  }

  private reject(pending: Pending, error: ThroughlineError): void {
    this.close(pending);
    for (const id of pending.ids) this.answers.push({ id, error });
  }

  private fail(ids: readonly number[], code: ErrorCode, detail: string): void {
    for (const id of ids) this.answers.push({ id, error: new ThroughlineError(code, detail) });
  }

  private close(pending: Pending): void {
    const { request, session } = pending.wire;
    this.byRequest.delete(request);
    if (pending.nothing !== undefined) this.parked.delete(pending);
    const open = this.bySession.get(session);
    if (open === undefined) return;
    const place = open.indexOf(pending);
    if (place === -1) return;
    if (open.length === 1) this.bySession.delete(session);
    else open.splice(place, 1);
  }
}

function find(open: readonly Pending[], sequence: number): Pending | undefined {
  for (let at = 0; at < open.length; at++) {
    const pending = open[at] as Pending;
    if (pending.wire.sequence === sequence) return pending;
  }
  return undefined;
}

function failure(
  reply: { readonly code: string; readonly detail: string },
  earlier: boolean,
): ThroughlineError {
  const { code, detail } = reply;
  if (!Object.hasOwn(HTTP_STATUS, code)) return new ThroughlineError('internal', `${code}: ${detail}`);
  // A leader that has no time cannot know what became of the action in an earlier leadership.
  if (code === 'overloaded' && earlier) return new ThroughlineError(code, detail, { kind: 'unknown' });
  return new ThroughlineError(code as ErrorCode, detail);
}

function noQuorum(pending: Pending, detail: string): ThroughlineError {
  const sent = pending.ballot !== 0;
  return new ThroughlineError('no-quorum', sent ? `${detail}; the action may still happen` : detail, {
    kind: sent ? 'unknown' : 'unavailable',
  });
}
