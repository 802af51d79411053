import type { Choices } from '../choices.ts';
import type { TimedCluster } from '../cluster/timed-cluster.ts';
import type { RegionMachine } from './region-machine.ts';

interface Frame {
  lost: boolean;
  readonly arrives: () => void;
}

/** One direction of a connection: in order like TCP, until it breaks with the newest frames in flight. */
export class Channel {
  private readonly timed: TimedCluster<RegionMachine>;
  private readonly choices: Choices;
  private readonly latency: number;
  private flight: Frame[] = [];
  private last = 0;
  private taking = true;

  constructor(timed: TimedCluster<RegionMachine>, choices: Choices, latency: number) {
    this.timed = timed;
    this.choices = choices;
    this.latency = latency;
  }

  /** `arrives` happens when the other end reads the frame. */
  send(arrives: () => void): void {
    if (this.taking) this.carry(arrives);
  }

  /** The last frame: orderly, after everything in flight. */
  finish(arrives: () => void): void {
    this.send(arrives);
    this.taking = false;
  }

  /** It breaks: some of the newest frames in flight are gone, and everything that is sent from now on. */
  break(): void {
    this.taking = false;
    const lost = this.choices.below(this.flight.length + 1);
    for (const frame of this.flight.slice(this.flight.length - lost)) frame.lost = true;
  }

  /** The end at which frames arrive learns `what` in some time, after all that still reaches it. */
  notice(what: () => void, mean: number): void {
    const at = Math.max(this.last, this.timed.now + this.choices.waiting(mean));
    this.timed.later(at - this.timed.now, what);
  }

  /** Frames sent from now on are held up: the network repeats what it lost. */
  stall(mean: number): void {
    this.last = Math.max(this.last, this.timed.now) + this.choices.waiting(mean);
  }

  private carry(arrives: () => void): void {
    this.flight.push({ lost: false, arrives });
    const delay = this.latency / 4 + this.choices.waiting(this.latency / 4);
    this.last = Math.max(this.last, this.timed.now + delay);
    this.timed.later(this.last - this.timed.now, () => {
      // Frames arrive in the order in which they left, however the sums of times are rounded.
      const frame = this.flight.shift();
      if (frame?.lost === false) frame.arrives();
    });
  }
}
