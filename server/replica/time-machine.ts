import type { WorldStateLike } from '../../game-logic/types.ts';
import { ThroughlineError } from '../errors.ts';

export interface Past extends WorldStateLike {
  fork(): Past;
}

export interface TimeMachineOptions {
  /** S0. */
  readonly start: () => Past;
  /** The replica's own state. */
  readonly present: () => Past;
  /** Bytes of issued commands from..to, in order; at least one if there is one. */
  readonly read: (from: number, to: number, bytes: number) => Promise<readonly Uint8Array[]>;
  /** Lets others have a turn; a long replay must not hold up the game. */
  readonly breathe: () => Promise<void>;
  readonly replays: number;
  readonly checkpoints: number;
  readonly queue: number;
  readonly readBytes: number;
}

/** Commands applied between two pauses: about a millisecond. */
const STRETCH = 200;

/**
 * States of the past, by replay: values only, so no game code runs. A few states that were asked for are kept, since whoever
 * looks at the past usually looks around there.
 */
export class TimeMachine {
  private readonly options: TimeMachineOptions;
  /** The one used last at the end. */
  private readonly kept: Past[] = [];
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(options: TimeMachineOptions) {
    this.options = options;
  }

  /** The world as of command `number`, which must be applied here; not to be changed. */
  async stateAt(number: number): Promise<WorldStateLike> {
    const kept = this.kept.findIndex((state) => state.number === number);
    if (kept !== -1) return this.use(kept);
    const present = this.options.present();
    if (present.number === number) return this.keep(present.fork());
    await this.enter();
    try {
      return this.keep(await this.replay(number));
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private keep(state: Past): Past {
    this.kept.push(state);
    if (this.kept.length > this.options.checkpoints) this.kept.shift();
    return state;
  }

  private use(place: number): Past {
    const [state] = this.kept.splice(place, 1);
    this.kept.push(state as Past);
    return state as Past;
  }

  private async enter(): Promise<void> {
    if (this.running >= this.options.replays) {
      if (this.waiting.length >= this.options.queue)
        throw new ThroughlineError('overloaded', 'too many states of the past are being asked for');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running++;
  }

  private async replay(number: number): Promise<Past> {
    const { start, read, breathe, readBytes } = this.options;
    const nearest = this.kept.reduce<Past | undefined>(
      (best, state) => (state.number <= number && state.number >= (best?.number ?? 0) ? state : best),
      undefined,
    );
    const state = nearest?.fork() ?? start();
    while (state.number < number) {
      const commands = await read(state.number + 1, number, readBytes);
      if (commands.length === 0)
        throw new ThroughlineError('not-found', `command ${state.number + 1} is not held here`);
      for (const [place, bytes] of commands.entries()) {
        state.apply(bytes);
        if (place % STRETCH === STRETCH - 1) await breathe();
      }
    }
    return state;
  }
}
