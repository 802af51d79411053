/**
 * One bot and its connection: a client of the protocol as lean as it can be. It keeps no copy of the world (sequence.ts does,
 * for all bots of the process), but holds its own stream to consecutive numbers and each of its acts to exactly one fate.
 */
import { isDefinite, passes } from '../client/codes.ts';
import { type Connection, DOWN, UP } from '../client/connection.ts';
import { DEFAULT_LIMITS } from '../client/limits.ts';
import { dialPatience, dialPause, retryPause, stuckPatience } from '../client/patience.ts';
import {
  type Answer,
  decodeAnswer,
  decodeAnswers,
  decodeMoveOn,
  decodeWelcome,
  encodeAct,
  encodeActs,
} from '../schemas/generated/client.ts';
import type { Envelope } from '../schemas/support/command-types.ts';
import type { ActionType } from '../schemas/support/types.ts';
import { Foresight } from './foresight.ts';
import { BareActs, type Pending, PendingActs } from './pending.ts';
import type { Manners, Surroundings } from './player-types.ts';
import type { Random } from './random.ts';
import type { Intent, Script } from './script-types.ts';
import { Stream } from './stream.ts';

/**
 * Milliseconds. When to dial, and when to give something up, is the SDK's (patience.ts). Pings are half as often: they are nearly
 * all that an idle bot costs, and thousands of them share a machine.
 */
const PING_MS = 2_000;
const SILENT_MS = 6_000;
/** An act without a fate for so long is given up, and reported as unsettled. */
const GIVE_UP_MS = 20_000;

export class Player {
  readonly script: Script;
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #watches: boolean;
  readonly #foresight: Foresight | null;
  readonly #turn: () => Intent | null;
  readonly #pending = new PendingActs();
  readonly #stream: Stream;
  session = '';
  token: string | null = null;
  #book = -1;
  #sequenceNumber = 0;
  #regions: readonly string[] = [];
  #region = '';
  /** Where it was when the last fault came: what it is told since then counts there; '': where it is. */
  #group = '';
  #wasAt = '';
  #address: number;
  #line: Connection | null = null;
  /** Names the line of now; what an older one says is stale. */
  #lines = 0;
  #welcomed = 0;
  #live = false;
  #everLive = false;
  #dialledAt = 0;
  #lostAt: number | null = null;
  #heardAt = 0;
  #pingedAt = 0;
  #dialAt: number | null = null;
  #failures = 0;
  /** Connections left in a row because an act got no answer there, and the dice of the one of now. */
  #stuck = 0;
  #scatter = 0;
  #away = false;
  #restlessAt = Number.POSITIVE_INFINITY;
  /** No more turns of its own. */
  #finishing = false;
  #retiring = false;
  #over = false;
  readonly #bare = new BareActs();

  constructor(
    around: Surroundings,
    script: Script,
    { home, watches, foresees }: Manners,
    random: Random,
    turn: () => Intent | null,
  ) {
    this.#watches = watches;
    this.#stream = new Stream(around.sequence, around.meters);
    this.#foresight = foresees ? new Foresight(around.lookout, random) : null;
    this.#around = around;
    this.script = script;
    this.#address = home % around.urls.length;
    this.#random = random;
    this.#turn = turn;
  }

  get live(): boolean {
    return this.#live;
  }
  get unsettled(): number {
    return this.#pending.size;
  }

  /** A fault comes: until the next one this bot speaks for the region where it is now. Returns that, '' for none. */
  regroup(): string {
    this.#group = this.#wasAt;
    return this.#group;
  }

  come(): void {
    this.#dial();
  }

  /** Its turn, which was meant to be at `intended`. */
  turn(intended: number): void {
    const { meters, schema, books } = this.#around;
    if (this.#away || this.#finishing || this.#over) return;
    const intent = this.#turn();
    if (intent === null) return;
    this.#around.meant(this, intended, intent);
    if (this.#pending.full) {
      meters.count('dropped');
      return;
    }
    const type = schema.actions[intent.action] as ActionType;
    const args = type.encode(intent.args);
    const sequence = ++this.#sequenceNumber;
    const row = books.act(this.#book, sequence);
    meters.count('acts');
    const { action, foresees } = intent;
    const act = { session: this.session, sequence, action, args: type.decode(args) };
    const foreseen = foresees && this.#foresight?.act(foresees.table, act);
    this.#pending.add({
      ...{ sequence, intent, args, intended, row, foreseen },
      ...{ onWire: false, doubtful: false, sentAt: 0, retryAt: 0, retries: 0, delivered: false },
    });
    this.#flush();
  }

  /** Looks for what did not happen; call it a few times a second. `overslept`: this process did nothing for a while. */
  sweep(now: number, overslept = false): void {
    if (this.#dialAt !== null && now >= this.#dialAt) this.#dial();
    for (const act of this.#pending.all()) {
      if (now - act.intended < GIVE_UP_MS) break;
      this.#settle(act, 'unsettled', 0);
    }
    if (this.#retiring && this.#pending.size === 0 && !this.#over) void this.close();
    if (this.#line === null || this.#over || overslept) return;
    if (!this.#live) {
      if (now - this.#dialledAt > dialPatience(DEFAULT_LIMITS, this.#failures)) this.#lose('no-answer');
      return;
    }
    if (now >= this.#restlessAt) this.#fidget(now);
    else if (now - this.#heardAt > SILENT_MS) this.#lose('silent');
    else if (now - this.#pending.waitingSince() > stuckPatience(DEFAULT_LIMITS, this.#stuck, this.#scatter)) {
      this.#stuck++;
      this.#lose('stuck');
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) > PING_MS) {
      this.#pingedAt = now;
      this.#line.ping();
    }
    this.#flush();
  }

  /** A command that carries this bot's session. */
  executed(envelope: Envelope, latency: (intended: number) => number): void {
    const { meters, books } = this.#around;
    const open = this.#pending.get(envelope.sequence);
    const bare = open === undefined ? this.#bare.take(envelope.sequence) : undefined;
    if (bare !== undefined) books.delivered(bare.row);
    const act = open ?? bare;
    if (act === undefined || act.delivered) return;
    act.delivered = true;
    meters.time('executed', latency(act.intended));
    this.#compare(act);
  }

  /** The mirror stands at this act's command. */
  #compare({ sequence, intent: { foresees }, foreseen }: Pending): void {
    this.#foresight?.settled(sequence);
    const { meters, lookout } = this.#around;
    const issued = foresees && lookout.mirror?.table(foresees.table)?.get(this.session);
    if (foresees === undefined || foreseen === undefined || issued === undefined) return;
    const off = foresees.off(foreseen, issued);
    meters.count('predictions');
    if (off === 0) return;
    meters.count('mispredictions');
    meters.time('correction', off);
  }

  /** No more turns; answers still count. */
  finish(): void {
    this.#restlessAt = Number.POSITIVE_INFINITY;
    this.#finishing = true;
    if (this.#line === null && this.#dialAt === null && !this.#over) this.#dialAt = this.#around.now();
  }

  /** No more turns, and it goes once its acts have found their fates. */
  retire(): void {
    this.#retiring = true;
    this.finish();
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#dialAt = null;
    for (const act of [...this.#pending.all()]) this.#settle(act, 'unsettled', 0);
    const line = this.#line;
    this.#setLive(false);
    this.#line = null;
    this.#lines += 1;
    await line?.hangUp(true);
  }

  #dial(): void {
    const { urls, world } = this.#around;
    this.#dialAt = null;
    this.#away = false;
    const line = ++this.#lines;
    this.#dialledAt = this.#around.now();
    this.#stream.dialled();
    const from = this.#stream.next === 0 ? null : this.#stream.next;
    const url = urls[this.#address] as string;
    this.#line = this.#around.dial(
      { url, world, token: this.token, from, stream: this.#watches ? 'commands' : 'answers' },
      {
        message: (type, bytes) => {
          if (line === this.#lines) this.#message(type, bytes);
        },
        heard: () => {
          if (line === this.#lines) this.#heardAt = this.#around.now();
        },
        lost: (_reason, _refusal, retryAfterMs) => {
          if (line === this.#lines) this.#gone(this.#live ? 'lost' : 'no-answer', retryAfterMs);
        },
      },
    );
  }

  #message(type: number, bytes: Uint8Array): void {
    const { meters } = this.#around;
    this.#heardAt = this.#around.now();
    meters.count('frames-down');
    // With the two bytes that name the message.
    meters.count('bytes-down', bytes.length + 2);
    try {
      if (type === DOWN.commands) this.#commands(bytes);
      else if (type === DOWN.answer) this.#answered(decodeAnswer(bytes));
      else if (type === DOWN.answers)
        for (const answer of decodeAnswers(bytes).answers) this.#answered(answer);
      else if (type === DOWN.snapshot) {
        if (this.#stream.snapshot(bytes)) this.#checkLive();
      } else if (type === DOWN.welcome) this.#welcome(bytes);
      else if (type === DOWN.moveOn) {
        decodeMoveOn(bytes);
        this.#lose('move-on');
      }
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      meters.wrong(this.#stream.next, `a message of type ${type} that makes no sense: ${words}`);
      this.#lose('nonsense');
    }
  }

  #welcome(bytes: Uint8Array): void {
    const { session, token, regions, region, number, sequence } = decodeWelcome(bytes);
    if (this.session === '') {
      this.session = session;
      this.#book = this.#around.books.session(session);
      this.#sequenceNumber = sequence;
    } else if (session !== this.session) {
      throw new Error(`the server took ${this.session} for ${session}`);
    }
    if (token !== '') this.token = token;
    this.#regions = regions;
    this.#region = region;
    this.#wasAt = region;
    this.#welcomed = number;
    this.#checkLive();
  }

  #commands(bytes: Uint8Array): void {
    const last = this.#stream.commands(bytes);
    if (typeof last === 'string') {
      this.#lose(last);
      return;
    }
    if (last === 0) return;
    this.#around.saw(last, this.#regions);
    this.#around.sights.arrived(this.#region, last, this.#heardAt);
    if (!this.#live) this.#checkLive();
  }

  #checkLive(): void {
    if (this.#live || this.#region === '') return;
    if (this.#watches && (this.#stream.next === 0 || this.#stream.next <= this.#welcomed)) return;
    const { meters } = this.#around;
    const now = this.#around.now();
    this.#failures = 0;
    this.#scatter = this.#random();
    this.#setLive(true);
    if (this.#lostAt !== null) meters.time('reconnect', now - this.#lostAt);
    else meters.time('connect', now - this.#dialledAt);
    this.#lostAt = null;
    if (!this.#everLive) {
      this.#everLive = true;
      this.#around.arrived(this);
    }
    const { restless } = this.script;
    if (restless && !this.#finishing) this.#restlessAt = now + restless.everyMs * (0.5 + this.#random());
    this.#flush();
  }

  #setLive(live: boolean): void {
    // Who is sent answers only sees nothing of the others.
    if (this.#watches && live !== this.#live) this.#around.sights.live(this.#region, live ? 1 : -1);
    this.#live = live;
  }

  #answered(answer: Answer): void {
    const act = this.#pending.get(answer.sequence);
    if (act === undefined) {
      if (answer.sequence === 0) throw new Error(`the server understood nothing: ${answer.detail}`);
      return;
    }
    const { meters } = this.#around;
    const { outcome, code } = answer;
    if (outcome === 'issued') {
      this.#acknowledged(act, answer);
      return;
    }
    if (outcome === 'unknown' || (outcome === 'failed' && passes(code, act.doubtful))) {
      act.doubtful ||= outcome === 'unknown';
      meters.count('retries');
      this.#pending.retry(
        act,
        this.#around.now() + retryPause(DEFAULT_LIMITS, act.retries++, this.#random()),
      );
      return;
    }
    meters.code(code);
    const settled = outcome === 'failed' && code === 'settled';
    if (settled || !isDefinite(answer, act.doubtful)) this.#settle(act, 'unsettled', 0);
    else {
      meters.count(outcome === 'refused' ? 'refused' : 'failed');
      this.#settle(act, 'no', 0);
    }
    this.#flush();
  }

  #acknowledged(act: Pending, { number, duplicate, result }: Answer): void {
    this.#stuck = 0;
    const { meters, sights, books, saw } = this.#around;
    const now = this.#around.now();
    meters.issued(now - act.intended, this.#group || this.#region, now);
    if (duplicate) meters.count('duplicates');
    sights.acknowledged(this.#region, number, act.intended);
    // The stream may end before it shows this one: the comparison has to reach it all the same.
    saw(number, this.#regions);
    this.#settle(act, 'issued', number);
    if (act.delivered) return;
    // Answers may come before the command does, and those that changed nothing have none.
    this.#bare.add(act);
    this.#foresight?.answered(act.sequence, number);
    const { standing } = act.intent;
    if (standing !== undefined) books.stands(act.row, standing(JSON.parse(result === '' ? 'null' : result)));
  }

  #settle(act: Pending, fate: 'issued' | 'no' | 'unsettled', number: number): void {
    this.#pending.settled(act);
    this.#around.books.settle(act.row, fate, number);
    if (fate !== 'issued') this.#foresight?.settled(act.sequence);
    if (fate === 'unsettled') this.#around.meters.count('unsettled');
  }

  #flush(): void {
    if (!this.#live || this.#line === null) return;
    const acts = this.#pending.toSend(this.#around.now());
    if (acts.length === 0) return;
    const told = acts.map(({ sequence, intent, args }) => ({ sequence, action: intent.action, args }));
    const { meters } = this.#around;
    const bytes = told.length === 1 ? encodeAct(told[0] as (typeof told)[0]) : encodeActs({ acts: told });
    this.#line.send(told.length === 1 ? UP.act : UP.acts, bytes);
    meters.count('frames-up');
    meters.count('bytes-up', bytes.length + 2);
  }

  /** What its kind does to its connection. */
  #fidget(now: number): void {
    const { restless } = this.script;
    this.#restlessAt = Number.POSITIVE_INFINITY;
    if (restless === undefined) return;
    const { how, awayMs } = restless;
    void this.#line?.hangUp(how === 'leave');
    this.#disconnect(how);
    if (how === 'roam') this.#address = (this.#address + 1) % this.#around.urls.length;
    this.#away = awayMs > 0;
    this.#dialAt = now + awayMs;
    this.#lostAt = this.#dialAt;
  }

  /** Hangs up and tries the next address. */
  #lose(kind: string): void {
    void this.#line?.hangUp(false);
    this.#gone(kind);
  }

  #gone(kind: string, retryAfterMs?: number): void {
    this.#disconnect(kind);
    if (this.#over) return;
    const { urls } = this.#around;
    const pause = dialPause(DEFAULT_LIMITS, this.#failures, this.#random(), retryAfterMs);
    this.#failures += 1;
    this.#address = (this.#address + 1) % urls.length;
    this.#dialAt = this.#around.now() + pause;
    setTimeout(() => this.#dialNow(), pause);
  }

  #dialNow(): void {
    if (this.#dialAt !== null && this.#dialAt <= this.#around.now() + 1 && !this.#over) this.#dial();
  }

  #disconnect(kind: string): void {
    if (this.#everLive) {
      this.#around.meters.reconnect(kind);
      this.#lostAt ??= this.#around.now();
    }
    this.#setLive(false);
    this.#region = '';
    this.#lines += 1;
    this.#line = null;
    this.#pending.disconnected();
  }
}
