import { LINK_FRAME_BYTES } from '../limits.ts';
import { FRAME, type Frame } from './frames.ts';
import type { Handshake, Outcome, RejectCode, Role } from './handshake.ts';
import type { Wire } from './wire.ts';

export type Greeted =
  | { readonly kind: 'done'; readonly region: string; readonly store: string; readonly version: string }
  | { readonly kind: 'rejected'; readonly code: RejectCode; readonly detail: string; readonly heard: boolean }
  | { readonly kind: 'broken'; readonly reason: string };

export interface GreetingOptions {
  readonly wire: Wire;
  readonly handshake: Handshake;
  readonly role: Role;
  readonly deadlineMs: number;
  /** Fault injection: a side that is cut off says nothing to this region, and hears nothing from it. */
  readonly mute: (region: string) => boolean;
  /** Once. After anything but `done` the wire is closed. `first`: a frame that came after the handshake. */
  readonly settled: (result: Greeted, first: Frame | null) => void;
}

/** Carries a handshake out over a wire, within a deadline. */
export class Greeting {
  readonly #options: GreetingOptions;
  readonly #timer: NodeJS.Timeout;
  #done: (Outcome & { readonly kind: 'done' }) | null = null;
  #mute = false;
  #settled = false;

  constructor(options: GreetingOptions) {
    this.#options = options;
    const { wire, handshake, deadlineMs } = options;
    this.#timer = setTimeout(() => this.abort(`no handshake within ${deadlineMs} ms`), deadlineMs);
    wire.hand({
      frame: (frame) => this.#frame(frame),
      closed: (reason) => this.#settle({ kind: 'broken', reason }),
    });
    const first = handshake.first();
    if (first !== null) wire.write(FRAME.handshake, 0, [first]);
  }

  /** The other side answered: whoever it is, the way to it is open. */
  get answered(): boolean {
    return this.#options.handshake.claimed !== null;
  }

  abort(reason: string): void {
    this.#settle({ kind: 'broken', reason });
  }

  #frame(frame: Frame): void {
    if (this.#settled || this.#mute) return;
    const { handshake, wire } = this.#options;
    if (this.#done !== null) {
      // An acceptor knows by the dialler's first frame that the dialler took its proof.
      if (frame.kind === FRAME.handshake) this.#heardAfterwards(frame);
      else this.#settle(this.#done, frame);
      return;
    }
    if (frame.kind !== FRAME.handshake) {
      this.abort(`a frame of kind ${frame.kind} before the end of the handshake`);
      return;
    }
    const { send, outcome } = handshake.take(frame.body);
    const claimed = handshake.claimed;
    this.#mute = claimed !== null && this.#options.mute(claimed);
    if (this.#mute) return;
    if (send !== null) wire.write(FRAME.handshake, 0, [send]);
    if (outcome.kind === 'rejected') this.#settle(outcome);
    else if (outcome.kind === 'done') this.#finish(outcome);
  }

  #finish(outcome: Outcome & { readonly kind: 'done' }): void {
    this.#options.wire.limit = LINK_FRAME_BYTES;
    if (this.#options.role === 'dialler') this.#settle(outcome);
    else this.#done = outcome;
  }

  #heardAfterwards(frame: Frame): void {
    const { outcome } = this.#options.handshake.take(frame.body);
    this.#settle(outcome.kind === 'rejected' ? outcome : { kind: 'broken', reason: 'handshake twice' });
  }

  #settle(result: Greeted, first: Frame | null = null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    if (result.kind === 'broken') this.#options.wire.close();
    else if (result.kind === 'rejected') this.#options.wire.finish();
    this.#options.settled(result, first);
  }
}
