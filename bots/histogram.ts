/**
 * Latencies as counts in buckets, like HDR histograms: 128 buckets for each doubling, so a value is known to 0.8 %.
 * Merging adds counts, which is exact: the percentiles of ten processes are those of one that had seen everything.
 */

/** Buckets for each doubling, and the value up to which every microsecond has its own. */
const PER_DOUBLING = 128;
const EXACT = 2 * PER_DOUBLING;
/** 2^40 µs are twelve days; what is longer counts as that. */
const MOST = 2 ** 40;

/** A histogram as plain data, for messages between processes. Values in microseconds. */
export interface HistogramData {
  readonly indexes: readonly number[];
  readonly counts: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly sum: number;
}

/** Milliseconds; all 0 where nothing was recorded. */
export interface Summary {
  readonly count: number;
  readonly avg: number;
  readonly min: number;
  readonly med: number;
  readonly max: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

export class Histogram {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #sum = 0;

  static from(data: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.add(data);
    return histogram;
  }

  get count(): number {
    return this.#count;
  }

  /** Negative values, which clocks of two machines can yield, count as 0. */
  record(ms: number): void {
    const value = Math.min(MOST, Math.max(0, Math.round(ms * 1_000)));
    const index = indexOf(value);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
    this.#count += 1;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  add(data: HistogramData): void {
    data.indexes.forEach((index, at) => {
      const count = data.counts[at] ?? 0;
      this.#counts.set(index, (this.#counts.get(index) ?? 0) + count);
      this.#count += count;
    });
    if (data.indexes.length === 0) return;
    this.#sum += data.sum;
    this.#min = Math.min(this.#min, data.min);
    this.#max = Math.max(this.#max, data.max);
  }

  /** The value that so many percent do not exceed, in milliseconds. The smallest and the largest value are exact. */
  percentile(percent: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil((Math.min(100, percent) / 100) * this.#count));
    let seen = 0;
    for (const index of [...this.#counts.keys()].sort((a, b) => a - b)) {
      seen += this.#counts.get(index) ?? 0;
      if (seen >= rank) return Math.max(this.#min, Math.min(this.#max, highest(index))) / 1_000;
    }
    return this.#max / 1_000;
  }

  get avg(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count / 1_000;
  }
  get min(): number {
    return this.#count === 0 ? 0 : this.#min / 1_000;
  }
  get max(): number {
    return this.#max / 1_000;
  }

  summary(): Summary {
    const [med = 0, p90 = 0, p95 = 0, p99 = 0] = [50, 90, 95, 99].map((percent) => this.percentile(percent));
    return { count: this.#count, avg: this.avg, min: this.min, med, max: this.max, p90, p95, p99 };
  }

  data(): HistogramData {
    const indexes = [...this.#counts.keys()].sort((a, b) => a - b);
    const counts = indexes.map((index) => this.#counts.get(index) ?? 0);
    return { indexes, counts, min: this.#count === 0 ? 0 : this.#min, max: this.#max, sum: this.#sum };
  }
}

function indexOf(value: number): number {
  if (value < EXACT) return value;
  let scale = 0;
  let rest = value;
  while (rest >= EXACT) {
    rest = Math.floor(rest / 2);
    scale += 1;
  }
  return EXACT + (scale - 1) * PER_DOUBLING + (rest - PER_DOUBLING);
}

/** The largest value of a bucket, so that a percentile is never told too small. */
function highest(index: number): number {
  if (index < EXACT) return index;
  const scale = Math.floor((index - EXACT) / PER_DOUBLING) + 1;
  const rest = ((index - EXACT) % PER_DOUBLING) + PER_DOUBLING;
  return (rest + 1) * 2 ** scale - 1;
}
