/**
 * `npm run bench -- NAME… [--rounds N] [--seconds S] …`: named benchmarks; tables for people, JSON on the last line.
 * Speed is measured here and asserted nowhere.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Arguments, OPTIONS_HELP, readArguments } from './args.ts';
import { BENCHMARKS } from './catalogue.ts';
import { type Comparison, compare, type Report, type Summary, summarise } from './figures.ts';
import { describeMachine, machine, unquiet } from './machine.ts';
import { reportOf } from './plain-results.ts';
import { atEnd, progress } from './processes.ts';
import { table } from './statistics.ts';

export type { BenchOptions } from './args.ts';

interface Written {
  readonly benchmarks: { readonly [name: string]: { readonly figures: readonly Summary[] } };
}

const usage = `npm run bench -- NAME… [options]

${Object.entries(BENCHMARKS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

${OPTIONS_HELP}`;

async function main(argv: readonly string[]): Promise<number> {
  let args: Arguments;
  let earlier: Written | null;
  try {
    args = readArguments(argv, Object.keys(BENCHMARKS));
    earlier = args.compare === null ? null : readEarlier(args.compare);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (args.help) {
    console.log(usage);
    return 0;
  }
  const { names, options } = args;
  // Also where a benchmark registers nothing: Ctrl-C ends this process in order.
  atEnd(() => {});
  const started = new Date().toISOString();
  const on = machine();
  console.log(describeMachine(on));
  const warning = unquiet(on);
  if (warning !== null) progress(warning);
  const benchmarks: { [name: string]: object } = {};
  let failed = false;
  for (const name of names) {
    progress(`${name}: starting`);
    try {
      const report = reportOf((await BENCHMARKS[name]?.run(options)) ?? {});
      benchmarks[name] = show(name, report, earlier);
    } catch (error) {
      // The others may have taken an hour.
      failed = true;
      benchmarks[name] = { error: String(error) };
      console.error(error);
    }
  }
  const line = JSON.stringify({ started, warning, machine: on, options, benchmarks });
  if (args.json !== null) writeFileSync(args.json, `${line}\n`);
  console.log(line);
  return failed ? 1 : 0;
}

/** Prints a report for people and hands back what stands of it in the JSON. */
function show(name: string, { figures, tables, notes, details }: Report, earlier: Written | null): object {
  const summaries = figures.map(summarise);
  const text = tables?.join('\n\n') ?? figureTable(summaries);
  if (text !== '') console.log(`\n${name}\n${text}`);
  for (const note of notes ?? []) console.log(note);
  const before = earlier?.benchmarks[name]?.figures;
  const comparisons = before === undefined ? undefined : compare(before, summaries);
  if (comparisons !== undefined) console.log(`\n${comparisonTable(comparisons)}`);
  return { figures: summaries, notes, details, comparisons };
}

const figureTable = (figures: readonly Summary[]): string =>
  table([
    ['figure', 'median', 'min', 'max', 'unit'],
    ...figures.map(({ name, median, min, max, unit }) => [name, median, min, max, unit]),
  ]);

const comparisonTable = (comparisons: readonly Comparison[]): string =>
  table([
    ['figure', 'before', 'now', 'ratio', ''],
    ...comparisons.map((each) => {
      const { name, before, now, ratio, verdict } = each;
      return [name, before, now, ratio, verdict === 'same' ? 'within the spread' : verdict];
    }),
  ]);

/** The last line of a report that was written by `--json` or taken from standard output. */
function readEarlier(path: string): Written {
  const last = readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '';
  try {
    const written = JSON.parse(last) as Written;
    if (typeof written.benchmarks === 'object') return written;
  } catch {
    // Told below.
  }
  throw new Error(`--compare: the last line of ${path} is no report of this program`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  // Children that still run would keep this process alive; they end with it.
  process.exit(1);
}
