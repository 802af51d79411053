import { TURNS_SLICE_MS } from '../limits.ts';

/**
 * Turns of all worlds, in the order in which they were asked for, at the end of a pass of the event loop. Many worlds at once
 * do not keep it: after a slice the sockets come first, so that this process answers pings and is not taken for a dead one.
 * What the turns of a slice send to one peer leaves as one frame.
 */
export class Turns {
  #queue: (() => void)[] = [];
  #scheduled = false;

  add(turn: () => void): void {
    this.#queue.push(turn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    const turns = this.#queue;
    // Those that the turns ask for belong to the next pass.
    this.#queue = [];
    const until = turns.length > 1 ? performance.now() + TURNS_SLICE_MS : 0;
    let done = 0;
    try {
      while (done < turns.length) {
        (turns[done++] as () => void)();
        if (done < turns.length && performance.now() >= until) break;
      }
    } finally {
      if (done < turns.length) {
        this.#queue = [...turns.slice(done), ...this.#queue];
        this.#schedule();
      }
    }
  };
}
