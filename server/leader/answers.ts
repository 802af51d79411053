import { requestKey } from './queue.ts';
import type { Reply } from './types.ts';

interface Held {
  readonly reply: Reply;
  /** The leader state it was computed on: every number up to here has to be issued. */
  readonly version: number;
  /** The confirm token taken after the request arrived. */
  readonly token: number;
  /** A no claims that the action will not appear later either; see `Answers.release`. */
  readonly negative: boolean;
}

/**
 * Answers that may not leave yet (section 8.5), and those that did, for requests that are heard twice. Belongs to one
 * leadership and dies with it.
 */
export class Answers {
  private readonly capacity: number;
  /** In the order in which they were computed, so versions and tokens rise and only the head has to be looked at. */
  private held: Held[] = [];
  private head = 0;
  /** Requests whose answer waits here, held or attached. */
  private readonly open = new Set<number>();
  /** Duplicates of a command that is proposed but not issued, by its number. */
  private readonly attached = new Map<number, Reply[]>();
  /** Negative answers already given, oldest first. */
  private readonly closed = new Map<number, Reply>();

  constructor(closedCapacity: number) {
    this.capacity = closedCapacity;
  }

  get waiting(): number {
    return this.held.length - this.head;
  }

  /** No further function may run: answers without a command take no place in the window, so they need their own bound. */
  get full(): boolean {
    return this.waiting >= this.capacity;
  }

  /** Whether a no is among those that wait. */
  get negatives(): boolean {
    for (let at = this.head; at < this.held.length; at++) if ((this.held[at] as Held).negative) return true;
    return false;
  }

  hold(reply: Reply, version: number, token: number): void {
    const negative = reply.outcome !== 'read';
    this.held.push({ reply, version, token, negative });
    if (negative) this.open.add(requestKey(reply));
  }

  /**
   * Answers a request that is the same as that of a command not yet issued, once it is. Beyond the bound it is forgotten:
   * the asking region sees the command itself.
   */
  attach(number: number, reply: Reply): void {
    const key = requestKey(reply);
    if (this.open.size >= 2 * this.capacity || this.open.has(key)) return;
    this.open.add(key);
    const others = this.attached.get(number);
    if (others === undefined) this.attached.set(number, [reply]);
    else others.push(reply);
  }

  /** Remembers a definite no that leaves at once. */
  close(reply: Reply): void {
    this.closed.set(requestKey(reply), reply);
    if (this.closed.size > this.capacity)
      for (const oldest of this.closed.keys()) {
        this.closed.delete(oldest);
        break;
      }
  }

  /** What a request that is heard again gets: its answer, 'wait' if the answer is held, undefined if it is not known. */
  known(request: { readonly region: number; readonly request: number }): Reply | 'wait' | undefined {
    const key = requestKey(request);
    if (this.open.has(key)) return 'wait';
    return this.closed.get(key);
  }

  /**
   * Moves what may leave to `out`: see 8.5 for version and token.
   *
   * `own`: a command born in this leadership is issued. Until then a no is held back, too: an earlier leader may have
   * proposed the same request to a minority, and that command could still follow the last issued one through a later
   * leader. A command of our own behind it, once issued, rules that out, for no older command can depend on it. */
  release(issued: number, confirmed: number, own: boolean, out: Reply[]): void {
    for (; this.head < this.held.length; this.head++) {
      const held = this.held[this.head] as Held;
      if (held.version > issued || held.token > confirmed || (held.negative && !own)) break;
      out.push(held.reply);
      if (held.negative) {
        this.open.delete(requestKey(held.reply));
        this.close(held.reply);
      }
    }
    if (this.head === this.held.length) this.held = [];
    else if (this.head > 1024) this.held = this.held.slice(this.head);
    else return;
    this.head = 0;
  }

  /** Command `number` is issued. */
  issued(number: number, out: Reply[]): void {
    const replies = this.attached.get(number);
    if (replies === undefined) return;
    this.attached.delete(number);
    for (const reply of replies) {
      this.open.delete(requestKey(reply));
      out.push(reply);
    }
  }
}
