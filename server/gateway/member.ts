/** One connected client: what it sends, what it is answered, and how much nonsense is put up with. */
import { type Act, type Answer, decodeAct, decodeActs } from '../../schemas/generated/client.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import { negative, positive } from '../answer-message.ts';
import { type ErrorCode, ThroughlineError } from '../errors.ts';
import type { ActAnswer, Asker } from '../world-service.ts';
import { hand, settle } from './ask.ts';
import { ClientStream, type StreamContext, type StreamOwner } from './client-stream.ts';
import { ACT, ACTS, answerFrame, answersFrame, HEADER, moveOnFrame, ROOM_DATA_BYTES } from './frames.ts';
import { asRefusal, closeCode, closeReason, isFault } from './refusal.ts';
import type { Seat, Sessions } from './sessions.ts';
import type { ActionCounts, CutOff } from './types.ts';
import type { Pipe, PipeEvents } from './wire.ts';

/** What a member needs of its world's desk. */
export interface MemberContext extends StreamContext {
  readonly sessions: Sessions;
  readonly counts: ActionCounts;
  readonly draining: () => boolean;
  /** Calls `flushAnswers` at the end of this turn. */
  readonly answered: (member: Member) => void;
  readonly moved: (member: Member, live: boolean) => void;
  readonly cutOff: (reason: CutOff) => void;
  /** The first message to a client. */
  readonly welcome: (admission: Admission) => Uint8Array;
}

/** What a join was granted; see admission.ts. */
export interface Admission {
  readonly session: string;
  /** A token to hand out, or ''. */
  readonly token: string;
  /** First command wanted; null: a snapshot. */
  readonly from: number | null;
  /** `answers`: nothing of the world's sequence, for those who only act. */
  readonly stream: 'commands' | 'frames' | 'answers';
}

/** No answer waits: the same for all who do not act just now. */
const NONE = Object.freeze([]) as unknown as Answer[];

/** There are thousands, most of them idle: what all share stands in the context, and nothing is made before it is needed. */
export class Member implements Asker, PipeEvents, StreamOwner {
  readonly session: string;
  /** Which stream it is on. */
  readonly kind: Admission['stream'];
  readonly pipe: Pipe;
  /** Null on stream 'answers'. */
  readonly stream: ClientStream | null;
  readonly #context: MemberContext;
  readonly #joinedAt: number;
  readonly #seat: Seat;
  /** Null once the client was welcomed. */
  #admission: Admission | null;
  #answers = NONE;
  /** It sends several acts in one message, so it takes several answers in one. */
  #batches = false;
  #strikes = 0;
  /** Messages over the bounds since the last sweep. */
  #excess = 0;

  /** `pipe`: opens the client's, whose events go to this member. */
  constructor(context: MemberContext, admission: Admission, pipe: (events: PipeEvents) => Pipe, seat: Seat) {
    this.#context = context;
    this.#seat = seat;
    this.#admission = admission;
    this.session = admission.session;
    this.kind = admission.stream;
    this.#joinedAt = context.now();
    this.pipe = pipe(this);
    this.stream = this.kind === 'answers' ? null : new ClientStream(context, this, this.pipe);
  }

  drained(): void {
    this.stream?.pump();
  }

  closed(): void {
    this.stream?.close();
  }

  overflowed(): void {
    this.#context.cutOff('overflow');
    this.stream?.close();
  }

  moved(live: boolean): void {
    this.#context.moved(this, live);
  }

  /** The client acknowledged its join, or acts already: it listens now. Never throws. */
  start(): void {
    const admission = this.#admission;
    if (admission === null) return;
    this.#admission = null;
    this.#guarded(() => {
      this.pipe.send(this.#context.welcome(admission));
      this.stream?.start(admission.from);
    });
  }

  /** A frame that is not Colyseus' own. Its bytes are void when this returns. Never throws. */
  receive(frame: Uint8Array): void {
    // Whatever it is answered comes after the welcome.
    this.start();
    if (this.pipe.open) this.#guarded(() => this.#receive(frame));
  }

  /** Who calls from a transport would end the process by throwing, for the fault of one client's message. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#answers = NONE;
      this.#context.fault(cause);
      this.end('internal', 'something went wrong on this server');
    }
  }

  #receive(frame: Uint8Array): void {
    const number = frame[1];
    if (frame[0] !== ROOM_DATA_BYTES || (number !== ACT && number !== ACTS)) {
      this.#strike('no message of schemas/client.fbs');
      return;
    }
    // The verifier wants aligned bytes; what is kept of them must not change later.
    const bytes = new Uint8Array(frame.length - HEADER);
    bytes.set(frame.subarray(HEADER));
    let acts: readonly Act[];
    try {
      acts = number === ACT ? [decodeAct(bytes)] : decodeActs(bytes).acts;
    } catch (cause) {
      if (!(cause instanceof SchemaError)) throw cause;
      this.#strike(cause.message);
      return;
    }
    if (number === ACTS) this.#batches = true;
    const now = this.#context.now();
    for (const act of acts) if (this.pipe.open) this.#act(act, now);
  }

  /** One of Colyseus' own frames. False when there were too many of them. */
  tolerates(): boolean {
    return this.pipe.open && this.#spend();
  }

  sweep(): void {
    this.#excess = 0;
    if (this.#admission === null) this.stream?.sweep();
    else if (this.#context.now() - this.#joinedAt > this.#context.limits.joinMs)
      this.end('bad-request', 'the join was never acknowledged', 'late');
  }

  /** Never throws. */
  flushAnswers(): void {
    const answers = this.#answers;
    this.#answers = NONE;
    if (answers.length > 0 && this.pipe.open) this.#guarded(() => this.#send(answers));
  }

  #send(answers: readonly Answer[]): void {
    const [first] = answers as [Answer];
    if (answers.length === 1) this.pipe.send(answerFrame(first));
    else if (this.#batches) this.pipe.send(answersFrame(answers));
    else
      this.pipe.cork(() => {
        for (const answer of answers) this.pipe.send(answerFrame(answer));
      });
  }

  moveOn(reason: string): void {
    if (this.#admission === null) this.pipe.send(moveOnFrame(reason));
  }

  end(code: ErrorCode, detail: string, cutOff?: CutOff): void {
    if (!this.pipe.open) return;
    if (cutOff !== undefined) this.#context.cutOff(cutOff);
    this.flushAnswers();
    this.stream?.close();
    this.pipe.close(closeCode(code), closeReason(code, detail));
  }

  #act(act: Act, now: number): void {
    const { sessions, counts } = this.#context;
    const { sequence, action, args } = act;
    try {
      sessions.spend(this.#seat, now);
      this.#check(act);
      sessions.admit(this.#seat);
    } catch (cause) {
      counts.rejected++;
      this.#refuse(sequence, cause);
      return;
    }
    hand(this.#context, { session: this.session, sequence, action, args }, this, sequence);
  }

  /** The world's word on an act of this client. */
  answered(sequence: number, error: ThroughlineError | null, answer: ActAnswer | undefined): void {
    settle(this.#context, this.#seat, error, answer);
    this.#answer(error === null ? positive(sequence, answer as ActAnswer) : negative(sequence, error));
  }

  /** What can be said without asking the leader. */
  #check(act: Act): void {
    const { schema } = this.#context.world.definition;
    if (act.sequence < 1) throw new ThroughlineError('bad-request', 'a sequence is a whole number from 1');
    const type = Object.hasOwn(schema.actions, act.action) ? schema.actions[act.action] : undefined;
    if (type === undefined)
      throw new ThroughlineError('no-such-action', `this world has no action '${act.action.slice(0, 64)}'`);
    type.decode(act.args);
    if (this.#context.draining()) throw new ThroughlineError('draining', 'this server is leaving');
  }

  #refuse(sequence: number, cause: unknown): void {
    const refusal = asRefusal(cause);
    if (isFault(cause)) this.#context.fault(cause);
    if (refusal.code === 'rate-limited' && !this.#spend()) return;
    this.#answer(negative(sequence, refusal));
    if (cause instanceof SchemaError && cause.code === 'forged') this.#count('forged arguments');
  }

  #answer(answer: Answer): void {
    if (!this.pipe.open) return;
    if (this.#answers === NONE) {
      this.#answers = [answer];
      this.#context.answered(this);
    } else {
      this.#answers.push(answer);
    }
  }

  /** Bytes that make no sense: told so, and after a few of them cut off. */
  #strike(detail: string): void {
    this.#context.counts.rejected++;
    this.#answer(negative(0, new ThroughlineError('bad-request', detail)));
    this.#count(detail);
  }

  #count(detail: string): void {
    this.#strikes++;
    if (this.#strikes > this.#context.limits.strikes) this.end('bad-request', detail, 'nonsense');
  }

  #spend(): boolean {
    this.#excess++;
    if (this.#excess <= this.#context.limits.excess) return true;
    this.end('rate-limited', 'too many messages', 'flood');
    return false;
  }
}
