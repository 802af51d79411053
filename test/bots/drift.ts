/** Does a figure that is taken again and again climb? Pure. */

export interface Drift {
  readonly name: string;
  /** First and last value on the line through the samples. */
  readonly from: number;
  readonly to: number;
  /** Growth over the whole time, as a share of where it began. */
  readonly share: number;
  readonly climbs: boolean;
}

/** Fewer samples than this say nothing about a trend. */
export const SAMPLES_LEAST = 6;

/**
 * The line whose slope is the median of the slopes between all pairs of samples: one bad sample in four does not move it.
 * It climbs if it gains more than `share` of its beginning.
 */
export function driftOf(name: string, samples: readonly number[], share: number): Drift {
  const slopes: number[] = [];
  for (let a = 0; a < samples.length; a++)
    for (let b = a + 1; b < samples.length; b++)
      slopes.push(((samples[b] as number) - (samples[a] as number)) / (b - a));
  const slope = median(slopes);
  const from = median(samples.map((value, at) => value - slope * at));
  const to = from + slope * Math.max(0, samples.length - 1);
  const gained = from > 0 ? (to - from) / from : 0;
  return { name, from, to, share: gained, climbs: samples.length >= SAMPLES_LEAST && gained > share };
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
