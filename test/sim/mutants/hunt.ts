import { Explorer } from '../explore/explorer.ts';
import { nameOf, type Scope, SMALLEST } from '../explore/scope.ts';
import type { Production } from '../production.ts';
import { type Kind, runSpec } from '../run.ts';
import { Violation } from '../violation.ts';
import { STORIES } from '../world/stories.ts';
import { type Edit, loadProduction } from './load.ts';

/** Where to look for a mutant, in this order; the first catch ends the hunt. */
export type Ground =
  | { readonly explore: Partial<Scope>; readonly states?: number }
  | { readonly sim: Kind; readonly runs?: number }
  | { readonly story: string };

export interface Mutant {
  /** What is broken. */
  readonly name: string;
  /** Where PROTOCOL.md names it (section, then its rule or test there), or `own`. */
  readonly source: string;
  readonly edits: readonly Edit[];
  readonly hunt?: readonly Ground[];
  /** A seed that shows it, for a suite that has no time to look for one. */
  readonly seen?: string;
}

export interface Caught {
  readonly mutant: Mutant;
  /** null: it survived. */
  readonly by: {
    /** The checker. */
    readonly rule: string;
    /** Kind of run and seed, scope of an exploration, or story. */
    readonly where: string;
    /** Seeds it took; null where chance plays no part. */
    readonly seeds: number | null;
    /** Events in the run that showed it, or states visited. */
    readonly after: string;
    readonly detail: string;
  } | null;
  readonly ms: number;
}

const EVERYWHERE: readonly Ground[] = [
  { explore: { restarts: 1 } },
  { explore: { leaders: 3 } },
  { explore: { numbers: 2 } },
  { sim: 'wild' },
  { sim: 'timed' },
];

/** Global states and runs after which one ground is given up. */
const STATES = 6_000_000;
const RUNS = 600;
/** The same where there is no time: what it takes to find again what moved a little. */
const QUICK_STATES = 400_000;
const QUICK_RUNS = {
  wild: 250,
  timed: 100,
  'wild-world': 60,
  world: 40,
  rest: 60,
  'rest-world': 40,
} as const;
/** Events in each run: short runs, many seeds. */
export const STEPS = 1500;

/** `quick`: the seed that is known to show it comes first, and the search is given up soon. */
export async function hunt(mutant: Mutant, quick = false): Promise<Caught> {
  const production = await loadProduction(mutant.edits);
  const start = performance.now();
  const grounds = mutant.hunt ?? EVERYWHERE;
  const known = quick && mutant.seen !== undefined ? grounds.filter((ground) => 'sim' in ground) : [];
  const looks = [
    ...known.map((ground) => () => simulate(production, ground.sim, [mutant.seen!])),
    ...grounds.map((ground) => () => search(production, ground, quick)),
  ];
  for (const look of looks) {
    const by = look();
    if (by !== null) return { mutant, by, ms: performance.now() - start };
  }
  return { mutant, by: null, ms: performance.now() - start };
}

function search(production: Production, ground: Ground, quick: boolean): Caught['by'] {
  if ('story' in ground) return tell(production, ground.story);
  if ('explore' in ground) return explore(production, ground, quick ? QUICK_STATES : STATES);
  const most = ground.runs ?? RUNS;
  const runs = quick ? Math.min(most, QUICK_RUNS[ground.sim]) : most;
  const seeds = Array.from({ length: runs }, (_, index) => `mutant-${index}`);
  return simulate(production, ground.sim, seeds);
}

function tell(production: Production, name: string): Caught['by'] {
  try {
    STORIES[name]!(production);
    return null;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { rule: error.rule, detail: error.message, where: `story: ${name}`, seeds: null, after: '' };
  }
}

function explore(
  production: Production,
  ground: Extract<Ground, { explore: unknown }>,
  most: number,
): Caught['by'] {
  const scope = { ...SMALLEST, ...ground.explore };
  const { violation, states } = new Explorer(production, scope).run({
    states: Math.min(most, ground.states ?? STATES),
  });
  if (violation === undefined) return null;
  const { rule, detail, steps } = violation;
  return {
    rule,
    detail,
    where: `explore ${nameOf(scope)}`,
    seeds: null,
    after: `${states} states, ${steps.length} actions`,
  };
}

function simulate(production: Production, kind: Kind, seeds: readonly string[]): Caught['by'] {
  for (const [index, seed] of seeds.entries()) {
    const { finding, report } = runSpec(production, { seed, steps: STEPS, kind });
    if (finding !== undefined)
      return { ...finding, where: `${kind} ${seed}`, seeds: index + 1, after: `${report.steps} events` };
  }
  return null;
}

export const HEADER =
  '| mutant | source | caught by | where | seeds | after | time |\n|---|---|---|---|---|---|---|';

export function row({ mutant, by, ms }: Caught): string {
  const cells = by === null ? ['SURVIVED', '', '', ''] : [by.rule, by.where, by.seeds ?? '-', by.after];
  return `| ${[mutant.name, mutant.source, ...cells, `${(ms / 1000).toFixed(1)} s`].join(' | ')} |`;
}

/** The last line of a table. */
export function summary(all: readonly Caught[]): string {
  const caught = all.filter(({ by }) => by !== null);
  const seeds = caught.flatMap(({ by }) => by!.seeds ?? []).sort((a, b) => a - b);
  const median = seeds.length === 0 ? '-' : seeds[seeds.length >> 1];
  return `caught ${caught.length} of ${all.length}, median seeds ${median}`;
}
