/** What a benchmark reports: named figures with all their samples, and how two runs of them compare. Pure. */
import { median, round } from './statistics.ts';

export interface Figure {
  /** Unique within a benchmark and stable between runs: `--compare` goes by it. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** One value a round, in the order of the rounds. */
  readonly samples: readonly number[];
}

/** What a benchmark hands back; `tables` are for people, where a list of all figures would be hard to read. */
export interface Report {
  readonly figures: readonly Figure[];
  readonly tables?: readonly string[];
  readonly notes?: readonly string[];
  readonly details?: object;
}

export interface Summary extends Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Samples that are no number, from a round in which nothing was measured, are left out. */
export function summarise(figure: Figure): Summary {
  const samples = figure.samples.filter(Number.isFinite).map(significant);
  const [min, max] = [Math.min(...samples), Math.max(...samples)];
  return { ...figure, samples, median: median(samples), min, max };
}

/** Four significant digits: more would be noise, and long lines. */
export const significant = (value: number): number => Number(value.toPrecision(4));

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly before: number;
  readonly now: number;
  /** now / before. */
  readonly ratio: number;
  /** `same` where the spreads of the two runs overlap: then the difference says nothing. */
  readonly verdict: 'better' | 'worse' | 'same';
}

/** Figures that both runs have, in the order of this one. */
export function compare(before: readonly Summary[], now: readonly Summary[]): Comparison[] {
  const known = new Map(before.map((each) => [each.name, each]));
  return now.flatMap((each) => {
    const old = known.get(each.name);
    if (old === undefined || old.unit !== each.unit) return [];
    return [
      {
        ...{ name: each.name, unit: each.unit, before: old.median, now: each.median },
        ratio: round(each.median / old.median, 3),
        verdict: verdict(old, each),
      },
    ];
  });
}

function verdict(before: Summary, now: Summary): Comparison['verdict'] {
  if (now.min <= before.max && now.max >= before.min) return 'same';
  const more = now.median > before.median;
  return more === (now.better === 'more') ? 'better' : 'worse';
}

/** Ours beside another's: the ratio of the medians, or NaN where one of them was not measured. */
export function ratio(figures: readonly Figure[], ours: string, theirs: string): number {
  const of = (name: string) => median(figures.find((figure) => figure.name === name)?.samples ?? []);
  return round(of(ours) / of(theirs), 2);
}

/** Gathers samples under their names, in the order in which the names first came. */
export class Samples {
  readonly #figures = new Map<string, { unit: string; better: Figure['better']; samples: number[] }>();

  add(name: string, value: number, unit: string, better: Figure['better']): void {
    let figure = this.#figures.get(name);
    if (figure === undefined) {
      figure = { unit, better, samples: [] };
      this.#figures.set(name, figure);
    }
    figure.samples.push(value);
  }

  of(name: string): readonly number[] {
    return this.#figures.get(name)?.samples ?? [];
  }

  /** The median, rounded for a table; '-' where nothing was measured. */
  cell(name: string, digits = 2): number | string {
    const samples = this.of(name).filter(Number.isFinite);
    return samples.length === 0 ? '-' : round(median(samples), digits);
  }

  /** `min-max`, for a table. */
  spread(name: string, digits = 0): string {
    const samples = this.of(name).filter(Number.isFinite);
    if (samples.length === 0) return '-';
    return `${round(Math.min(...samples), digits)}-${round(Math.max(...samples), digits)}`;
  }

  figures(): Figure[] {
    return [...this.#figures].map(([name, { unit, better, samples }]) => ({ name, unit, better, samples }));
  }
}
