/** Medians and percentiles of samples. */
import type { Histogram } from '../../bots/histogram.ts';

/** The value below which a share `q` (0..1) of the samples lies; NaN without samples. Sorts in place. */
export function percentile(samples: Float64Array | number[], q: number): number {
  if (samples.length === 0) return Number.NaN;
  samples.sort((a, b) => a - b);
  return samples[Math.min(samples.length - 1, Math.floor(q * samples.length))] as number;
}

/** The same of a histogram, with `percent` of 0..100, in milliseconds. */
export const percentileOf = (times: Histogram, percent: number): number =>
  times.count === 0 ? Number.NaN : times.percentile(percent);

export const median = (samples: readonly number[]): number => percentile([...samples], 0.5);

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Text table; the first column stands left, figures stand right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  const pad = (cell: string | number, column: number) =>
    column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
