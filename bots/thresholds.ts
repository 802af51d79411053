/** What a run has to reach: `issued.p99<150`, `lost==0`. Pure. */
import type { Histogram } from './histogram.ts';

export interface Threshold {
  readonly text: string;
  readonly metric: string;
  /** '' for a plain number; otherwise avg, min, med, max, count or a percentile such as p99.9. */
  readonly statistic: string;
  readonly operator: string;
  readonly bound: number;
}

export interface Judged {
  readonly text: string;
  readonly actual: number;
  readonly passed: boolean;
}

/** Everything a threshold can name. Trends are in milliseconds. */
export interface Figures {
  readonly trends: ReadonlyMap<string, Histogram>;
  readonly numbers: ReadonlyMap<string, number>;
}

const COMPARE: { readonly [operator: string]: (a: number, b: number) => boolean } = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

/** Throws an Error with words for the user. `trends` and `numbers` are the names that exist. */
export function parseThreshold(
  text: string,
  trends: readonly string[],
  numbers: readonly string[],
): Threshold {
  const match = /^\s*([a-z-]+)(?:\.([a-z][a-z0-9.]*))?\s*(<=|>=|==|!=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*$/.exec(
    text,
  );
  if (match === null)
    throw new Error(`threshold '${text}': expected something like issued.p99<150 or lost==0`);
  const [, metric = '', statistic = '', operator = '', bound = ''] = match;
  const trend = trends.includes(metric);
  if (!trend && !numbers.includes(metric))
    throw new Error(
      `threshold '${text}': there is no '${metric}', only ${[...trends, ...numbers].join(', ')}`,
    );
  if (!trend && statistic !== '') throw new Error(`threshold '${text}': ${metric} is one number`);
  if (trend && !isStatistic(statistic))
    throw new Error(
      `threshold '${text}': ${metric} needs one of avg, min, med, max, count, p90, p95, p99, p99.9`,
    );
  return { text: text.trim(), metric, statistic, operator, bound: Number(bound) };
}

function isStatistic(name: string): boolean {
  if (['avg', 'min', 'med', 'max', 'count'].includes(name)) return true;
  const percent = /^p([0-9]{1,2}(?:\.[0-9]+)?|100)$/.exec(name)?.[1];
  return percent !== undefined;
}

/** A trend without a single value reaches no bound: silence is no success. */
export function judge(threshold: Threshold, figures: Figures): Judged {
  const { text, metric, statistic, operator, bound } = threshold;
  const trend = figures.trends.get(metric);
  const actual =
    trend === undefined ? (figures.numbers.get(metric) ?? Number.NaN) : statisticOf(trend, statistic);
  const passed = !Number.isNaN(actual) && (COMPARE[operator]?.(actual, bound) ?? false);
  return { text, actual, passed };
}

function statisticOf(trend: Histogram, statistic: string): number {
  if (statistic === 'count') return trend.count;
  if (trend.count === 0) return Number.NaN;
  if (statistic === 'avg') return trend.avg;
  if (statistic === 'min') return trend.min;
  if (statistic === 'max') return trend.max;
  if (statistic === 'med') return trend.percentile(50);
  return trend.percentile(Number(statistic.slice(1)));
}
