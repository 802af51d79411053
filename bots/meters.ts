/** Everything a worker counts and times. */
import { Histogram, type HistogramData } from './histogram.ts';
import { COUNTERS, type Counter, type Counts, SLOT_MS, TRENDS, type Trend, type Wrong } from './messages.ts';

const WRONGS_KEPT = 50;

export class Meters {
  readonly #counts: Record<Counter, number>;
  readonly #second: Record<Counter, number>;
  readonly #trends = new Map<Trend, Histogram>(TRENDS.map((name) => [name, new Histogram()]));
  #issuedNow = new Histogram();
  readonly codes = new Map<string, number>();
  readonly reconnects = new Map<string, number>();
  readonly wrongs: Wrong[] = [];
  readonly #answered = new Map<string, Uint32Array>();
  readonly #slots: number;

  /** `ms`: the whole run, answers waited for at its end included. */
  constructor(ms: number) {
    this.#slots = Math.ceil(ms / SLOT_MS) + 1;
    this.#counts = nothing();
    this.#second = nothing();
  }

  count(counter: Counter, by = 1): void {
    this.#counts[counter] += by;
    this.#second[counter] += by;
  }

  time(trend: Trend, value: number): void {
    this.#trends.get(trend)?.record(value);
  }

  /** An acknowledgement, `sinceStart` milliseconds after the start, through a region. */
  issued(latency: number, region: string, sinceStart: number): void {
    this.count('issued');
    this.time('issued', latency);
    this.#issuedNow.record(latency);
    let slots = this.#answered.get(region);
    if (slots === undefined) {
      slots = new Uint32Array(this.#slots);
      this.#answered.set(region, slots);
    }
    const slot = Math.min(this.#slots - 1, Math.max(0, Math.floor(sinceStart / SLOT_MS)));
    slots[slot] = (slots[slot] ?? 0) + 1;
  }

  code(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  reconnect(kind: string): void {
    this.reconnects.set(kind, (this.reconnects.get(kind) ?? 0) + 1);
  }

  wrong(number: number, what: string): void {
    this.count('wrong');
    if (this.wrongs.length < WRONGS_KEPT) this.wrongs.push({ number, what });
  }

  /** What was counted since the last call. */
  second(): { readonly counts: Counts; readonly issued: HistogramData } {
    const counts = { ...this.#second };
    for (const name of COUNTERS) this.#second[name] = 0;
    const issued = this.#issuedNow.data();
    this.#issuedNow = new Histogram();
    return { counts, issued };
  }

  whole() {
    const trends = Object.fromEntries(
      [...this.#trends].map(([name, histogram]) => [name, histogram.data()]),
    ) as Record<Trend, HistogramData>;
    return { counts: { ...this.#counts }, trends, answered: [...this.#answered] };
  }
}

function nothing(): Record<Counter, number> {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
}
