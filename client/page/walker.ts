/**
 * Turns a held direction into steps of the game's `move`: one each STEP_MS, never faster than the rules allow, and none
 * while too many are unanswered, so that a pause of the world is felt as a stop and not as a jump back. Pure.
 */
import { SPEED } from '../../game-logic/worlds/arena/rules.ts';

export const STEP_MS = 50;
/** 400 ms of steps may be on their way. */
const UNANSWERED_AT_MOST = 8;
/** After a hitch of the page at most this much is made up for. */
const LATE_MS = 100;

export interface Direction {
  readonly dx: number;
  readonly dy: number;
}

export class Walker {
  /** Steps sent and not settled. */
  unanswered = 0;
  #direction: Direction = { dx: 0, dy: 0 };
  /** Time that is walked but not sent. */
  #due = 0;
  #at: number | null = null;

  /** A direction of length 0 to 1. */
  aim(direction: Direction): void {
    const length = Math.sqrt(direction.dx ** 2 + direction.dy ** 2);
    const scale = length > 1 ? 1 / length : 1;
    this.#direction = { dx: direction.dx * scale, dy: direction.dy * scale };
  }

  get held(): boolean {
    return this.unanswered >= UNANSWERED_AT_MOST;
  }

  /** Time passes; a step to send, or null. */
  advance(now: number): Direction | null {
    const passed = this.#at === null ? 0 : Math.min(now - this.#at, LATE_MS);
    this.#at = now;
    const { dx, dy } = this.#direction;
    if ((dx === 0 && dy === 0) || this.held) {
      this.#due = 0;
      return null;
    }
    this.#due += passed;
    if (this.#due < STEP_MS) return null;
    const step = this.ahead();
    this.#due = 0;
    return step;
  }

  /** The part of the next step that is walked already: where to draw the player beyond its last step. */
  ahead(): Direction {
    const metres = (SPEED * this.#due) / 1_000;
    return { dx: this.#direction.dx * metres, dy: this.#direction.dy * metres };
  }
}
