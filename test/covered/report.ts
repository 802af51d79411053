/** The part of istanbul's format that a report needs. */
interface Place {
  readonly start: { readonly line?: number; readonly column?: number };
  readonly end: { readonly line?: number; readonly column?: number };
}

export interface Covered {
  readonly path: string;
  readonly statementMap: Readonly<Record<string, Place>>;
  readonly s: Readonly<Record<string, number>>;
  readonly branchMap: Readonly<Record<string, { readonly loc: Place; readonly locations: readonly Place[] }>>;
  readonly b: Readonly<Record<string, readonly number[]>>;
}

/**
 * `stop`: the code stops itself, or refuses its configuration: only a fault in this project's own code gets there. `alarm`: a
 * peer broke the protocol, which no simulated peer does. `code`: anything else.
 */
export type Why = 'stop' | 'alarm' | 'code';

export interface Gap {
  readonly line: number;
  readonly why: Why;
  readonly text: string;
}

export interface Share {
  readonly covered: number;
  readonly all: number;
}

export interface FileReport {
  readonly lines: Share;
  readonly branches: Share;
  /** The same without what only a fault can reach. */
  readonly honestLines: Share;
  readonly honestBranches: Share;
  readonly gaps: readonly Gap[];
}

const STOPS = /\bfail\(|throw new \w*(Error|Violation)\(/;
const ALARMS = /alarms\.push|disagreement\(/;

/** What was and was not reached in one file, with its source. */
export function reportOf(file: Covered, source: string): FileReport {
  const text = source.split('\n');
  const lines = new Map<number, boolean>();
  const whys = new Map<number, Why>();
  for (const [id, place] of Object.entries(file.statementMap)) {
    const line = place.start.line ?? 1;
    const reached = file.s[id]! > 0;
    lines.set(line, (lines.get(line) ?? true) && reached);
    if (!reached) whys.set(line, stronger(whys.get(line), whyOf(text, place, file.path)));
  }
  const branches: { readonly line: number; readonly reached: boolean; readonly why: Why }[] = [];
  for (const [id, { loc, locations }] of Object.entries(file.branchMap)) {
    for (const [at, place] of locations.entries()) {
      const where = place.start.line === undefined ? loc : place;
      const line = where.start.line ?? 1;
      branches.push({ line, reached: file.b[id]![at]! > 0, why: whyOf(text, where, file.path) });
    }
  }
  for (const { line, reached, why } of branches) if (!reached) whys.set(line, stronger(whys.get(line), why));
  const honest = (line: number) => whys.get(line) !== 'stop';
  const gaps = [...whys]
    .sort(([a], [b]) => a - b)
    .map(([line, why]) => ({ line, why, text: text[line - 1]!.trim() }));
  return {
    lines: shareOf([...lines.values()]),
    branches: shareOf(branches.map(({ reached }) => reached)),
    honestLines: shareOf(
      [...lines].filter(([line, reached]) => reached || honest(line)).map(([, reached]) => reached),
    ),
    honestBranches: shareOf(
      branches.filter(({ reached, why }) => reached || why !== 'stop').map(({ reached }) => reached),
    ),
    gaps,
  };
}

/** A line with a gap of its own is not excused by an assertion that stands on it, too. */
function stronger(before: Why | undefined, now: Why): Why {
  if (before === undefined || before === now) return now;
  return before === 'stop' ? now : before;
}

function whyOf(text: readonly string[], { start, end }: Place, path: string): Why {
  if (path.endsWith('/assert.ts')) return 'stop';
  const from = start.line ?? 1;
  const to = Math.min(end.line ?? from, from + 12);
  const lines = text.slice(from - 1, to);
  const first = (lines[0] ?? '').slice(from === to || start.column === undefined ? 0 : start.column);
  const code = [first, ...lines.slice(1)].join('\n');
  // A condition on one line and its assertion on the next are one.
  const next = /^\s*(if|else if|\} else if)\b[^{]*\)$/.test(code) ? (text[to] ?? '') : '';
  if (STOPS.test(code) || STOPS.test(next)) return 'stop';
  return ALARMS.test(code) || ALARMS.test(next) ? 'alarm' : 'code';
}

function shareOf(reached: readonly boolean[]): Share {
  return { covered: reached.filter(Boolean).length, all: reached.length };
}

export function sum(shares: readonly Share[]): Share {
  return shares.reduce((a, b) => ({ covered: a.covered + b.covered, all: a.all + b.all }), {
    covered: 0,
    all: 0,
  });
}

export function percent({ covered, all }: Share): number {
  return all === 0 ? 100 : (100 * covered) / all;
}
