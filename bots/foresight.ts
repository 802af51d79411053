/**
 * What a player's screen would show before the answer: the SDK's prediction, on the mirror that all bots of the process share.
 * How far it was off is known when the command comes.
 */
import { WorldClock } from '../client/world-clock.ts';
import type { Mirror } from '../game-logic/mirror.ts';
import { type PredictedAction, Prediction } from '../game-logic/prediction.ts';
import type { Row } from '../schemas/support/types.ts';
import type { Random } from './random.ts';

/** The mirror of a process, and the world's clock as it is known there. */
export class Lookout {
  readonly #clock = new WorldClock();
  readonly #mirror: () => Mirror | null;
  readonly #now: () => number;

  constructor(mirror: () => Mirror | null, now: () => number) {
    this.#mirror = mirror;
    this.#now = now;
  }

  get mirror(): Mirror | null {
    return this.#mirror();
  }

  /** A command was applied, made at this world time. */
  heard(worldTime: number): void {
    this.#clock.heard(worldTime, this.#now());
  }

  time(mirror: Mirror): number {
    return Math.max(this.#clock.time(this.#now()) ?? 0, mirror.time);
  }
}

/** The prediction of one bot. */
export class Foresight {
  readonly #lookout: Lookout;
  readonly #random: Random;
  #on: { readonly mirror: Mirror; readonly prediction: Prediction } | null = null;
  /** The command on which the prediction stands; -1: it is to be made anew. */
  #number = -1;
  /** Answered, and their commands not seen: settled once the mirror is as far as the answer was true. */
  #answered: { readonly sequence: number; readonly number: number }[] = [];

  constructor(lookout: Lookout, random: Random) {
    this.#lookout = lookout;
    this.#random = random;
  }

  /** The player's row as this act leaves it, if nobody else does anything; undefined where that cannot be told. */
  act(table: string, action: PredictedAction): Row | undefined {
    const { mirror } = this.#lookout;
    if (mirror === null) return undefined;
    if (this.#on?.mirror !== mirror) {
      this.#on = { mirror, prediction: new Prediction(mirror) };
      this.#answered = [];
    }
    const { prediction } = this.#on;
    this.#answered = this.#answered.filter(({ sequence, number }) => {
      if (number <= mirror.number) this.settled(sequence);
      return number > mirror.number;
    });
    const environment = { now: this.#lookout.time(mirror), random: this.#random, log: () => {} };
    if (this.#number !== mirror.number) prediction.rebase(environment);
    this.#number = mirror.number;
    if (prediction.act(action, environment).kind !== 'predicted') return undefined;
    return prediction.table(table)?.get(action.session);
  }

  /** Its command was applied, or there will be none. */
  settled(sequence: number): void {
    if (this.#on?.prediction.settle(sequence)) this.#number = -1;
  }

  /** It was acknowledged as `number`, and that command has not been seen here. */
  answered(sequence: number, number: number): void {
    if (this.#on !== null) this.#answered.push({ sequence, number });
  }
}
