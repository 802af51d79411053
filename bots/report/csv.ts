/** The seconds of a run as CSV. Pure. */
import type { Report, SecondFigures } from './types.ts';

const COLUMNS: readonly (keyof SecondFigures)[] = [
  'second',
  'live',
  'acts',
  'issued',
  'refused',
  'failed',
  'p50',
  'p95',
  'p99',
  'max',
  'bytesDown',
  'bytesUp',
  'leader',
  'number',
];

export function csvReport({ series }: Report): string {
  const lines = series.map((second) =>
    COLUMNS.map((column) => {
      const value = second[column];
      return typeof value === 'number' ? String(Math.round(value * 1_000) / 1_000) : (value ?? '');
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}
