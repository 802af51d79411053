/**
 * The world with this player's own unconfirmed actions on top: an overlay on the mirror on which the actions' functions run
 * here as they will on the leader. Whatever is still unconfirmed runs again on every new state, when somebody looks.
 * A misprediction needs no care: it is not there any more once its command, or its refusal, came.
 */
import { runnable } from '../game-logic/definition.ts';
import type { Mirror } from '../game-logic/mirror.ts';
import { Overlay } from '../game-logic/overlay.ts';
import { Transaction } from '../game-logic/transaction.ts';
import type { TableReader, WorldDefinition } from '../game-logic/types.ts';

interface Predicted {
  readonly ticket: number;
  readonly action: string;
  readonly args: unknown;
  /** World time when it was asked for, as well as it is known here: it stays the same when it runs again. */
  readonly now: number;
}

const NO_TIMERS = { size: 0, get: () => undefined };

export class Prediction {
  readonly #definition: ReturnType<typeof runnable>;
  readonly #random: () => number;
  #mirror: Mirror;
  #session = '';
  #overlay: Overlay;
  #transaction: Transaction;
  #pending: Predicted[] = [];
  /** The overlay does not show what it should. */
  #stale = false;

  /** `random` serves dice in predicted functions: what they show is a guess until the leader's dice are known. */
  constructor(definition: WorldDefinition, mirror: Mirror, random: () => number) {
    this.#definition = runnable(definition);
    this.#random = random;
    this.#mirror = mirror;
    this.#overlay = new Overlay(mirror);
    this.#transaction = new Transaction(this.#overlay, NO_TIMERS, this.#definition.timers);
  }

  /** As of now; ask again after anything happened. */
  table(name: string): TableReader {
    if (this.#stale) this.#rebase();
    return this.#overlay.named(name)!;
  }

  /** The state began anew. */
  rebuild(mirror: Mirror): void {
    this.#mirror = mirror;
    this.#overlay = new Overlay(mirror);
    this.#transaction = new Transaction(this.#overlay, NO_TIMERS, this.#definition.timers);
    this.#stale = true;
  }

  add(ticket: number, session: string, action: string, args: unknown, now: number): void {
    this.#session = session;
    this.#pending.push({ ticket, action, args, now });
    this.#stale = true;
  }

  /** The act has its answer: from now on the mirror shows what came of it. */
  settled(ticket: number): void {
    const left = this.#pending.filter((one) => one.ticket !== ticket);
    if (left.length === this.#pending.length) return;
    this.#pending = left;
    this.#stale = true;
  }

  /** The mirror went on. */
  moved(): void {
    this.#stale = true;
  }

  #rebase(): void {
    this.#overlay.reset();
    for (const one of this.#pending) this.#run(one);
    this.#stale = false;
  }

  #run({ action, args, now: asked }: Predicted): void {
    const entry = this.#definition.actions.get(action);
    if (!entry) return;
    const number = this.#mirror.number + 1;
    const now = Math.max(asked, this.#mirror.time);
    const occasion = { action, name: action, session: this.#session, number, now, firing: 0 };
    const environment = { now, random: this.#random, log: () => {} };
    const outcome = this.#transaction.execute(occasion, environment, entry.run, args);
    // A refusal here may be an acceptance there: nothing is shown until the leader has spoken.
    if ('changes' in outcome) this.#overlay.apply(outcome.changes, number);
  }
}
