/** The connection of now: turns what the machine wants into messages of schemas/client.fbs, and messages into its events. */
import {
  type Act,
  decodeAnswer,
  decodeAnswers,
  decodeCommands,
  decodeFrame,
  decodeMoveOn,
  decodeSnapshot,
  decodeWelcome,
  encodeAct,
  encodeActs,
} from '../schemas/generated/client.ts';
import { splitBatch } from '../schemas/support/envelope.ts';
import { type Connection, type Dial, type Dialler, DOWN, UP } from './connection.ts';
import type { ClientLimits } from './limits.ts';
import type { SessionEvent, Welcome } from './session-types.ts';
import { SnapshotParts, type WholeSnapshot } from './snapshot-parts.ts';

/** Bytes of acts put into one message: half of what a server takes in one. */
const ACTS_BYTES = 32 * 1024;

type Event = SessionEvent<WholeSnapshot>;

export interface LinkOptions {
  readonly dial: Dialler;
  readonly limits: ClientLimits;
  readonly feed: (events: readonly Event[]) => void;
  /** Why a welcome cannot be accepted, as a code; null if it can. */
  readonly objection: (welcome: Welcome) => string | null;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #parts: SnapshotParts;
  #id = 0;
  #line: Connection | null = null;
  #outbox: Act[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#parts = new SnapshotParts(options.limits);
  }

  dial(id: number, dial: Dial): void {
    this.#id = id;
    this.#outbox = [];
    this.#parts.reset();
    this.#line = this.#options.dial(dial, {
      message: (type, bytes) => {
        if (id === this.#id) this.#message(type, bytes);
      },
      heard: () => this.#options.feed([{ kind: 'heard', connection: id }]),
      lost: (reason, refusal, retryAfterMs) => this.#lost(id, reason, refusal, retryAfterMs),
    });
  }

  async hangUp(id: number, consented: boolean): Promise<void> {
    if (id !== this.#id) return;
    const line = this.#line;
    this.#line = null;
    this.#id = 0;
    await line?.hangUp(consented);
  }

  ping(): void {
    this.#line?.ping();
  }

  send(act: Act): void {
    this.#outbox.push(act);
  }

  /** Sends what `send` collected, several acts in one message where there are several. */
  flush(): void {
    const acts = this.#outbox;
    if (acts.length === 0) return;
    this.#outbox = [];
    let group: Act[] = [];
    let bytes = 0;
    for (const act of acts) {
      if (bytes + act.args.length > ACTS_BYTES && group.length > 0) {
        this.#sendGroup(group);
        group = [];
        bytes = 0;
      }
      group.push(act);
      bytes += act.args.length + 2 * act.action.length + 64;
    }
    this.#sendGroup(group);
  }

  #sendGroup(group: readonly Act[]): void {
    if (group.length === 1) this.#line?.send(UP.act, encodeAct(group[0]!));
    else this.#line?.send(UP.acts, encodeActs({ acts: group }));
  }

  #message(type: number, bytes: Uint8Array): void {
    const connection = this.#id;
    let events: Event[];
    try {
      events = this.#read(connection, type, bytes);
    } catch (error) {
      // Not a word of it can be believed any more.
      const why = error instanceof Error ? error.message : String(error);
      this.#drop(connection, `a message of type ${type} that makes no sense: ${why}`);
      return;
    }
    this.#options.feed(events);
  }

  #read(connection: number, type: number, bytes: Uint8Array): Event[] {
    switch (type) {
      case DOWN.commands: {
        const { first, batch } = decodeCommands(bytes);
        // The mirror verifies each command, its number too.
        return splitBatch(batch, true).map((command, i) => {
          return { kind: 'command', connection, number: first + i, bytes: command };
        });
      }
      case DOWN.frame:
        return [{ kind: 'frame', connection, frame: decodeFrame(bytes) }];
      case DOWN.answer:
        return [{ kind: 'answer', connection, answer: decodeAnswer(bytes) }];
      case DOWN.answers:
        return decodeAnswers(bytes).answers.map((answer) => ({ kind: 'answer', connection, answer }));
      case DOWN.snapshot: {
        const snapshot = this.#parts.add(decodeSnapshot(bytes));
        return [snapshot ? { kind: 'snapshot', connection, snapshot } : { kind: 'heard', connection }];
      }
      case DOWN.welcome:
        return this.#welcome(connection, decodeWelcome(bytes));
      case DOWN.moveOn: {
        const { reason } = decodeMoveOn(bytes);
        return [{ kind: 'move-on', connection, reason: reason || 'the server asked us to move on' }];
      }
      default:
        return [{ kind: 'heard', connection }];
    }
  }

  #welcome(connection: number, welcome: Welcome): Event[] {
    const refusal = this.#options.objection(welcome);
    if (refusal === null) return [{ kind: 'welcome', connection, welcome }];
    this.#drop(connection, `${refusal}: welcome by ${welcome.region}`, refusal);
    return [];
  }

  #drop(connection: number, reason: string, refusal?: string): void {
    const line = this.#line;
    this.#line = null;
    this.#id = 0;
    void line?.hangUp(false);
    this.#lost(connection, reason, refusal);
  }

  #lost(connection: number, reason: string, refusal: string | undefined, retryAfterMs = 0): void {
    const no = refusal === undefined ? {} : { refusal };
    this.#options.feed([{ kind: 'lost', connection, reason, ...no, retryAfterMs }]);
  }
}
