/** Figures out of the results of benchmarks that print their own table and hand back plain rows. Pure. */
import type { Figure, Report } from './figures.ts';

/** Keys that name a row rather than measure it. */
const NAMES = ['inFlight', 'group', 'batch', 'voting', 'name', 'kind', 'transport', 'direction'];
const MORE = /persecond|rate/i;

type Row = { readonly [key: string]: unknown };

/** `{ rows: [{ group: 10, perSecond: … }] }` and `{ figures: { name: value } }`; anything else is kept as it is. */
export function reportOf(result: object): Report {
  if (Array.isArray((result as { figures?: unknown }).figures)) return result as Report;
  const { rows, figures, unit } = result as { rows?: unknown; figures?: unknown; unit?: unknown };
  const listed = Array.isArray(rows) ? rows.flatMap((row) => ofRow(row as Row)) : [];
  const named = Object.entries((figures as Row | undefined) ?? {}).flatMap(([name, value]) =>
    typeof value === 'number' ? [figure(name, value, typeof unit === 'string' ? unit : '')] : [],
  );
  // No table: the benchmark printed its own.
  return { figures: [...listed, ...named], tables: [], details: result };
}

function ofRow(row: Row): Figure[] {
  const label = NAMES.filter((key) => row[key] !== undefined).map((key) => `${key} ${String(row[key])}`);
  return Object.entries(row).flatMap(([key, value]) => {
    if (typeof value !== 'number' || NAMES.includes(key)) return [];
    const made = figure([...label, key].join(', '), value, '');
    const spread = key === 'perSecond' ? row['spread'] : undefined;
    // Its two ends keep the comparison honest about what a round may bring.
    return [Array.isArray(spread) ? { ...made, samples: [spread[0], value, spread[1]] } : made];
  });
}

const figure = (name: string, value: number, unit: string): Figure => ({
  ...{ name, unit, samples: [value] },
  better: MORE.test(name) ? 'more' : 'less',
});
