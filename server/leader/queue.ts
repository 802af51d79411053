import type { ActionRequest } from './types.ts';

/** One session's waiting actions, in the order of their sequences, whichever region they came through. */
interface Line {
  readonly session: string;
  readonly waiting: ActionRequest[];
  /** The region in whose turn this line is served: that of the action that opened it. */
  readonly region: number;
  /** The line that is served after this one in the region's turns. */
  next: Line | null;
}

/** The lines of one region, in the order in which they are served. */
interface Lines {
  first: Line | null;
  last: Line | null;
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
  private readonly regions: Lines[];
  private readonly lines = new Map<string, Line>();
  private readonly counts: number[];
  private count = 0;
  private turn = 0;

  constructor(regions: number, capacityPerRegion: number) {
    this.capacity = capacityPerRegion;
    this.regions = Array.from({ length: regions }, () => ({ first: null, last: null }));
    this.counts = new Array<number>(regions).fill(0);
  }

  get size(): number {
    return this.count;
  }

  has({ session, region, request }: ActionRequest): boolean {
    const waiting = this.lines.get(session)?.waiting;
    if (waiting === undefined) return false;
    for (const other of waiting) if (other.request === request && other.region === region) return true;
    return false;
  }

  /**
   * False if the region's share is full. A second request for a sequence that waits already is let in beyond the share, up
   * to twice: a definite no to it would be untrue as soon as the first is run.
   */
  add(request: ActionRequest): boolean {
    const { region, session } = request;
    const count = this.counts[region] as number;
    const line = this.lines.get(session);
    if (count >= this.capacity) {
      const twin = line?.waiting.some((other) => other.sequence === request.sequence) ?? false;
      if (!twin || count >= 2 * this.capacity) return false;
    }
    this.counts[region] = count + 1;
    this.count++;
    if (line === undefined) {
      const opened: Line = { session, waiting: [request], region, next: null };
      this.lines.set(session, opened);
      this.append(opened);
      return true;
    }
    const { waiting } = line;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as ActionRequest).sequence > request.sequence) at--;
    if (at === waiting.length) waiting.push(request);
    else waiting.splice(at, 0, request);
    return true;
  }

  /** The action that is next; it stays until `shift`. */
  peek(): ActionRequest | undefined {
    return this.nextLines()?.first?.waiting[0];
  }

  /** Takes what `peek` shows and passes the turn on. */
  shift(): ActionRequest | undefined {
    const lines = this.nextLines();
    const line = lines?.first;
    if (lines === undefined || line === undefined || line === null) return undefined;
    const request = line.waiting.shift() as ActionRequest;
    lines.first = line.next;
    if (lines.first === null) lines.last = null;
    if (line.waiting.length > 0) this.append(line);
    else this.lines.delete(line.session);
    this.counts[request.region] = (this.counts[request.region] as number) - 1;
    this.count--;
    this.turn = (line.region + 1) % this.regions.length;
    return request;
  }

  /** Empties the queue. */
  clear(): ActionRequest[] {
    const all = [...this.lines.values()].flatMap((line) => line.waiting);
    this.lines.clear();
    for (const lines of this.regions) {
      lines.first = null;
      lines.last = null;
    }
    this.counts.fill(0);
    this.count = 0;
    return all;
  }

  private append(line: Line): void {
    const lines = this.regions[line.region] as Lines;
    line.next = null;
    if (lines.last === null) lines.first = line;
    else lines.last.next = line;
    lines.last = line;
  }

  /** Those of the region whose turn it is; undefined if nothing waits. */
  private nextLines(): Lines | undefined {
    for (let step = 0; step < this.regions.length; step++) {
      const lines = this.regions[(this.turn + step) % this.regions.length] as Lines;
      if (lines.first !== null) return lines;
    }
    return undefined;
  }
}
