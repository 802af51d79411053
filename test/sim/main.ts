import { parseArgs } from 'node:util';
import { parseSpans, type Span } from './kept.ts';
import { MUTANTS } from './mutants/all.ts';
import { type Caught, HEADER, hunt, row, summary } from './mutants/hunt.ts';
import { loadProduction } from './mutants/load.ts';
import { PINNED } from './pinned.ts';
import * as production from './production.ts';
import { commandOf, KINDS, type Result, runSpec, type Spec, Tally } from './run.ts';
import { Shrinker } from './shrink.ts';

const HELP = `npm run sim -- [options]

Runs the production code in a seeded simulator under faults, checks every rule of the protocol at every step, then heals
the cluster and checks that it recovers. A seed is any text; the same seed is the same run on every machine.

  --seed S          run exactly this seed
  --steps N         events under fire in each run (default 4000)
  --seconds T       without --seed: fresh seeds for this long (default 20)
  --runs N          without --seed: this many fresh seeds
  --from TEXT       without --seed: seeds TEXT-0, TEXT-1, ... (default: the time of day)
  --kind K          ${KINDS.join(' | ')} (default: the seed decides)
  --voting V        all | leader (default: the seed decides)
  --keep SPANS      with --seed: only the choices at these positions, like 0-75,93; all others are the harmless ones
  --shrink          with --seed: the smallest run that breaks the same rule; else: of the first seed that fails
  --columns         one line per event, one column per region
  --mutants [TEXT]  break the production code in each known way (or those whose names hold TEXT) and show what catches it
  --pins            check that each pinned seed still fails under its fault; where it does not, look for one that does
  --help

Exit code 0: no violation. 1: a violation, or a mutant that survives; the command that repeats it is printed. 2: wrong usage.`;

/** Seeds tried in place of one that shows nothing any more. */
const PIN_SEEDS = 1000;
/** Violations printed in full; the others are only counted. */
const SHOWN = 8;

class UsageError extends Error {}

interface Plan {
  readonly spec: Omit<Spec, 'seed'>;
  readonly seed: string | undefined;
  readonly from: string;
  readonly runs: number;
  readonly seconds: number;
  readonly columns: boolean;
  readonly shrink: boolean;
  /** Hunt the mutants whose names hold this text. */
  readonly mutants: string | null;
  readonly pins: boolean;
}

function parse(args: readonly string[]): Plan | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      steps: { type: 'string' },
      seconds: { type: 'string' },
      runs: { type: 'string' },
      from: { type: 'string' },
      kind: { type: 'string' },
      voting: { type: 'string' },
      columns: { type: 'boolean' },
      keep: { type: 'string' },
      shrink: { type: 'boolean' },
      mutants: { type: 'boolean' },
      pins: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  if (positionals.length > (values.mutants ? 1 : 0)) throw new UsageError(`what is ${positionals.at(-1)}?`);
  if (values.keep !== undefined && values.seed === undefined) throw new UsageError('--keep goes with --seed');
  const kind = oneOf('kind', values.kind, KINDS);
  const voting = oneOf('voting', values.voting, ['all', 'leader'] as const);
  return {
    spec: {
      steps: natural('steps', values.steps, 4000),
      ...(kind === undefined ? {} : { kind }),
      ...(voting === undefined ? {} : { voting }),
      ...(values.keep === undefined ? {} : { keep: kept(values.keep) }),
    },
    seed: values.seed,
    from: values.from ?? Date.now().toString(36),
    runs: natural('runs', values.runs, Number.MAX_SAFE_INTEGER),
    seconds: natural('seconds', values.seconds, values.runs === undefined ? 20 : Number.MAX_SAFE_INTEGER),
    columns: values.columns ?? false,
    shrink: values.shrink ?? false,
    mutants: values.mutants ? (positionals[0] ?? '') : null,
    pins: values.pins ?? false,
  };
}

function kept(text: string): readonly Span[] {
  const spans = parseSpans(text);
  if (spans === undefined) throw new UsageError(`--keep ${text}: ascending, like 0-75,93; or none`);
  return spans;
}

function natural(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`--${name} ${text}: not a whole number above 0`);
  return value;
}

function oneOf<T extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new UsageError(`--${name} ${text}: one of ${allowed.join(', ')}`);
  return found;
}

function show(result: Result): void {
  const { spec, kind, report, finding } = result;
  const verdict = finding === undefined ? 'ok' : `VIOLATION ${finding.detail}`;
  const { issued, ballots, faults, steps, time } = report;
  console.log(
    `${spec.seed} ${kind}: ${steps} events, ${(time / 1000).toFixed(1)} simulated s, ${issued} issued in ${ballots} ballots, ${faults} faults: ${verdict}`,
  );
  if (finding !== undefined) console.log(`repeat with: ${commandOf(spec)}`);
}

function runMany(plan: Plan): boolean {
  const { spec, from, runs, seconds } = plan;
  const tally = new Tally();
  const start = performance.now();
  let printed = start;
  console.log(`seeds ${from}-0, ${from}-1, ...`);
  for (let index = 0; index < runs && performance.now() - start < seconds * 1000; index++) {
    const result = runSpec(production, { ...spec, seed: `${from}-${index}` });
    tally.add(result);
    if (result.finding !== undefined && tally.failed.length <= SHOWN) show(result);
    if (result.finding !== undefined && plan.shrink) {
      shrink(result.spec);
      return false;
    }
    if (performance.now() - printed > 5000) {
      printed = performance.now();
      console.log(tally.line);
    }
  }
  console.log(`${tally.line} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return tally.failed.length === 0;
}

function shrink(spec: Spec): void {
  console.log('making it smaller, a minute at most');
  const shrunk = new Shrinker(production).shrink(spec);
  if (shrunk === null) return;
  const { from, to, kept: choices, runs } = shrunk;
  console.log(
    `${from.report.steps} events, ${choices.from} choices, ${from.report.faults} faults -> ${to.report.steps} events, ${choices.to} choices, ${to.report.faults} faults, after ${runs} runs`,
  );
  show(to);
}

/** False if one survives. */
async function huntAll(text: string): Promise<boolean> {
  const wanted = MUTANTS.filter(({ name }) => name.includes(text));
  if (wanted.length === 0) throw new UsageError(`no mutant's name holds '${text}'`);
  const all: Caught[] = [];
  console.log(HEADER);
  for (const mutant of wanted) {
    const caught = await hunt(mutant);
    all.push(caught);
    console.log(row(caught));
  }
  console.log(`\n${summary(all)}`);
  return all.every(({ by }) => by !== null);
}

/** False if a pinned seed shows its fault no more. */
async function checkPins(): Promise<boolean> {
  let stale = 0;
  for (const { fault, ...pin } of PINNED) {
    const mutant = MUTANTS.find(({ name }) => name === fault);
    const broken = await loadProduction(mutant?.edits ?? []);
    const shows = (seed: string) => runSpec(broken, { ...pin, seed }).finding !== undefined;
    if (shows(pin.seed)) console.log(`${pin.name}: ${pin.seed} shows it`);
    else {
      stale++;
      const seeds = Array.from({ length: PIN_SEEDS }, (_, index) => `pin-${index}`);
      const found = seeds.find(
        (seed) => shows(seed) && runSpec(production, { ...pin, seed }).finding === undefined,
      );
      console.log(`${pin.name}: ${pin.seed} shows nothing any more; ${found ?? 'no seed'} does`);
    }
  }
  return stale === 0;
}

async function main(): Promise<boolean> {
  const plan = parse(process.argv.slice(2));
  if (plan === null) {
    console.log(HELP);
    return true;
  }
  if (plan.mutants !== null) return huntAll(plan.mutants);
  if (plan.pins) return checkPins();
  if (plan.seed === undefined) return runMany(plan);
  const print = plan.columns ? (line: string) => console.log(line) : undefined;
  const result = runSpec(production, { ...plan.spec, seed: plan.seed }, print);
  show(result);
  if (plan.shrink && result.finding !== undefined) shrink(result.spec);
  return result.finding === undefined;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  const usage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!usage) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
