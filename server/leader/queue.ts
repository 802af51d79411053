import type { ActionRequest } from './types.ts';

/** One session's waiting actions, in the order of their sequences, whichever region they came through. */
interface Line {
  readonly session: string;
  readonly waiting: ActionRequest[];
  /** The region in whose turn this line is served: that of the action that opened it. */
  readonly region: number;
}

/** Names a request in all regions: requests are 32-bit, so the key stays a safe integer. */
export const requestKey = (request: { readonly region: number; readonly request: number }): number =>
  request.region * 2 ** 32 + request.request;

/**
 * What waits for the leader. Regions take turns, and the sessions within a region; a session's own actions keep the order of
 * their sequences (section 8.6). Bounded per region, so that one region cannot fill the queue of another.
 */
export class ActionQueue {
  private readonly capacity: number;
  /** Lines by session, per region in the order in which they are served next. */
  private readonly regions: Map<string, Line>[];
  private readonly lines = new Map<string, Line>();
  private readonly counts: number[];
  private readonly keys = new Set<number>();
  private turn = 0;

  constructor(regions: number, capacityPerRegion: number) {
    this.capacity = capacityPerRegion;
    this.regions = Array.from({ length: regions }, () => new Map());
    this.counts = new Array<number>(regions).fill(0);
  }

  get size(): number {
    return this.keys.size;
  }

  has(request: ActionRequest): boolean {
    return this.keys.has(requestKey(request));
  }

  /**
   * False if the region's share is full. A second request for a sequence that waits already is let in beyond the share, up
   * to twice: a definite no to it would be untrue as soon as the first is run.
   */
  add(request: ActionRequest): boolean {
    const count = this.counts[request.region] as number;
    const line = this.lines.get(request.session);
    if (count >= this.capacity) {
      const twin = line?.waiting.some((other) => other.sequence === request.sequence) ?? false;
      if (!twin || count >= 2 * this.capacity) return false;
    }
    this.counts[request.region] = count + 1;
    this.keys.add(requestKey(request));
    if (line === undefined) {
      const opened = { session: request.session, waiting: [request], region: request.region };
      this.lines.set(request.session, opened);
      (this.regions[request.region] as Map<string, Line>).set(request.session, opened);
      return true;
    }
    const { waiting } = line;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as ActionRequest).sequence > request.sequence) at--;
    waiting.splice(at, 0, request);
    return true;
  }

  /** The action that is next; it stays until `shift`. */
  peek(): ActionRequest | undefined {
    return this.nextLine()?.waiting[0];
  }

  /** Takes what `peek` shows and passes the turn on. */
  shift(): ActionRequest | undefined {
    const line = this.nextLine();
    const request = line?.waiting.shift();
    if (line === undefined || request === undefined) return undefined;
    const lines = this.regions[line.region] as Map<string, Line>;
    lines.delete(line.session);
    if (line.waiting.length > 0) lines.set(line.session, line);
    else this.lines.delete(line.session);
    this.forget(request);
    this.turn = (line.region + 1) % this.regions.length;
    return request;
  }

  /** Empties the queue. */
  clear(): ActionRequest[] {
    const all = [...this.lines.values()].flatMap((line) => line.waiting);
    this.lines.clear();
    for (const region of this.regions) region.clear();
    this.counts.fill(0);
    this.keys.clear();
    return all;
  }

  private forget(request: ActionRequest): void {
    this.keys.delete(requestKey(request));
    this.counts[request.region] = (this.counts[request.region] as number) - 1;
  }

  private nextLine(): Line | undefined {
    for (let step = 0; step < this.regions.length; step++) {
      const lines = this.regions[(this.turn + step) % this.regions.length] as Map<string, Line>;
      const first = lines.values().next();
      if (!first.done) return first.value;
    }
    return undefined;
  }
}
