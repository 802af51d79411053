/** When an act was seen in other regions: the first bot of this process there to be sent its command. Pure. */

/** Deliveries remembered for each region: a minute of flushes and more. */
const KEPT = 8_192;
/** Acts that wait to be seen in one region; beyond it the oldest are given up. */
const WAITING = 16_384;

interface Region {
  /** Highest number delivered at a time; both rise. */
  arrivals: { readonly last: number; readonly at: number }[];
  waiting: { readonly number: number; readonly intended: number }[];
  live: number;
}

export class Sights {
  readonly #regions = new Map<string, Region>();
  readonly #seen: (ms: number) => void;

  constructor(seen: (ms: number) => void) {
    this.#seen = seen;
  }

  /** A bot began or ceased to be served by a region. Nobody waits for a region without bots. */
  live(region: string, by: 1 | -1): void {
    const one = this.#region(region);
    one.live += by;
    if (one.live === 0) one.waiting = [];
  }

  arrived(region: string, last: number, at: number): void {
    const one = this.#region(region);
    if (last <= (one.arrivals.at(-1)?.last ?? 0)) return;
    one.arrivals.push({ last, at });
    if (one.arrivals.length > KEPT) one.arrivals = one.arrivals.slice(-KEPT / 2);
    if (one.waiting.length === 0) return;
    const rest: typeof one.waiting = [];
    for (const wait of one.waiting)
      if (wait.number <= last) this.#seen(at - wait.intended);
      else rest.push(wait);
    one.waiting = rest;
  }

  /** Through `region` an act was acknowledged as command `number`. */
  acknowledged(region: string, number: number, intended: number): void {
    for (const [name, one] of this.#regions) {
      if (name === region || one.live === 0) continue;
      const at = arrivalOf(one.arrivals, number);
      if (at !== undefined) this.#seen(at - intended);
      else if (one.waiting.length < WAITING) one.waiting.push({ number, intended });
    }
  }

  #region(name: string): Region {
    let region = this.#regions.get(name);
    if (region === undefined) {
      region = { arrivals: [], waiting: [], live: 0 };
      this.#regions.set(name, region);
    }
    return region;
  }
}

function arrivalOf(arrivals: Region['arrivals'], number: number): number | undefined {
  if ((arrivals.at(-1)?.last ?? 0) < number) return undefined;
  let low = 0;
  let high = arrivals.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((arrivals[middle] as { last: number }).last >= number) high = middle;
    else low = middle + 1;
  }
  return arrivals[low]?.at;
}
