/** Does a figure that is taken again and again climb? Pure. */

export interface Drift {
  readonly name: string;
  /** First and last value on the line through the samples. */
  readonly from: number;
  readonly to: number;
  /** Growth over the whole time, as a share of where it began. */
  readonly share: number;
  readonly climbs: boolean;
  readonly samples: readonly number[];
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
  return {
    name,
    from,
    to,
    share: gained,
    climbs: samples.length >= SAMPLES_LEAST && gained > share,
    samples,
  };
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** The samples as a line of at most `columns` blocks, from 0 to the largest; several to a block are their median. */
export function curve(samples: readonly number[], columns: number): string {
  const most = Math.max(...samples, Number.MIN_VALUE);
  const width = Math.min(columns, samples.length);
  let line = '';
  for (let column = 0; column < width; column++) {
    const part = samples.slice(
      Math.floor((column * samples.length) / width),
      Math.floor(((column + 1) * samples.length) / width),
    );
    line += LEVELS[Math.min(LEVELS.length - 1, Math.floor((median(part) / most) * LEVELS.length))] ?? '';
  }
  return line;
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
