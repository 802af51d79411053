import { parseArgs } from 'node:util';
import { type Exploration, Explorer, type Progress } from './explore/explorer.ts';
import { nameOf, type Scope, SMALLEST } from './explore/scope.ts';
import { LIST, type Named } from './explore/scopes.ts';
import * as production from './production.ts';

const HELP = `npm run explore -- [options]

Visits every state that the production consensus core can reach within a scope, breadth first, and checks agreement,
dependency and history (G1-G4) on each. Messages may be lost, doubled, delayed and reordered at any time.

Without --scope and --size, all of these one after the other:
${LIST.map(({ name, scope }) => `  ${name.padEnd(18)} ${nameOf(scope)}`).join('\n')}

  --scope NAME      only this one
  --minutes M       for all of them together (default 30)
  --each M          for one of them at most (default: a third of what is left)
  --states N        states of one of them at most
  --quiet           no progress lines

A scope of your own:
  --size DxNxL      devices x numbers x devices that may lead
  --rounds R        ballots each of them may begin (default 1)
  --restarts R      crashes with restart, over all devices (default 0)
  --voting V        leader (claim 2, default) | all (claim 3)
  --window W        R8 (default: wider than the numbers)
  --ahead N         the core runs ahead of its disk by up to N writes (default 0)
  --late-marks      issued marks become durable with a later write
  --taught          anybody may be told at any time what another knows to be issued
  --help

Exit code 0: no violation; a line says which scopes were cut short. 1: a violation, with a shortest way to it. 2: wrong usage.`;

class UsageError extends Error {}

interface Plan {
  readonly scopes: readonly Named[];
  /** Milliseconds. */
  readonly budget: number;
  readonly each: number | undefined;
  readonly states: number;
  readonly quiet: boolean;
}

const OPTIONS = {
  scope: { type: 'string' },
  size: { type: 'string' },
  rounds: { type: 'string' },
  restarts: { type: 'string' },
  voting: { type: 'string' },
  window: { type: 'string' },
  ahead: { type: 'string' },
  'late-marks': { type: 'boolean' },
  taught: { type: 'boolean' },
  minutes: { type: 'string' },
  each: { type: 'string' },
  states: { type: 'string' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = { readonly [Name in keyof typeof OPTIONS]?: string | boolean | undefined };

function parse(args: readonly string[]): Plan | null {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return null;
  return {
    scopes: scopesOf(values),
    budget: number('minutes', values.minutes, 30) * 60_000,
    each: values.each === undefined ? undefined : number('each', values.each, 0) * 60_000,
    states: natural('states', values.states, Number.MAX_SAFE_INTEGER),
    quiet: values.quiet ?? false,
  };
}

function scopesOf(values: Values): readonly Named[] {
  if (typeof values.size === 'string') return [ownScope(values.size, values)];
  const own = ['rounds', 'restarts', 'voting', 'window', 'ahead', 'late-marks', 'taught'] as const;
  const stray = own.find((name) => values[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray} goes with --size`);
  if (values.scope === undefined) return LIST;
  const found = LIST.filter(({ name }) => name === values.scope);
  if (found.length === 0)
    throw new UsageError(`--scope ${values.scope}: one of ${LIST.map(({ name }) => name).join(', ')}`);
  return found;
}

function ownScope(size: string, values: Values): Named {
  const voting = values.voting ?? 'leader';
  if (voting !== 'leader' && voting !== 'all') throw new UsageError(`--voting ${voting}: leader or all`);
  const scope: Scope = {
    ...SMALLEST,
    ...parseSize(size),
    rounds: natural('rounds', values.rounds, 1),
    restarts: natural('restarts', values.restarts, 0, 0),
    window: natural('window', values.window, SMALLEST.window),
    ahead: natural('ahead', values.ahead, 0, 0),
    voting,
    lazyMarks: values['late-marks'] === true,
    taught: values.taught === true,
  };
  return { name: nameOf(scope), scope };
}

function parseSize(text: string): Pick<Scope, 'devices' | 'numbers' | 'leaders'> {
  const match = /^(\d+)x(\d+)x(\d+)$/.exec(text);
  if (match === null) throw new UsageError(`--size ${text}: like 3x2x2`);
  const [devices, numbers, leaders] = match.slice(1).map(Number) as [number, number, number];
  if (devices < 1 || devices > 9 || numbers < 1 || leaders < 1 || leaders > devices)
    throw new UsageError(`--size ${text}: 1 to 9 devices, at least one number, no more leaders than devices`);
  return { devices, numbers, leaders };
}

function natural(name: string, text: string | boolean | undefined, otherwise: number, least = 1): number {
  const value = number(name, text, otherwise);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} ${text}: a whole number from ${least}`);
  return value;
}

function number(name: string, text: string | boolean | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value >= 0)) throw new UsageError(`--${name} ${text}: a number`);
  return value;
}

function counts({ states, waiting, depth, devices, tuples, checked, ms }: Progress): string {
  const rate = Math.round(states / Math.max(ms / 1000, 0.001));
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  return `${states} states (${waiting} waiting), depth ${depth}, ${tuples} tuples of ${devices} device states, ${checked} disks and logs checked, ${(ms / 1000).toFixed(1)} s, ${rate} states/s, ${memory} MB`;
}

function verdict({ complete, violation }: Exploration): string {
  if (violation !== undefined) return 'VIOLATION';
  return complete ? 'complete' : 'CUT SHORT by its budget';
}

function explore({ name, scope }: Named, ms: number, { states, quiet }: Plan): Exploration {
  console.log(`${name}: ${nameOf(scope)}, at most ${(ms / 60_000).toFixed(1)} minutes`);
  const progress = (now: Progress) => console.log(`  ${counts(now)}`);
  const result = new Explorer(production, scope).run({ ms, states, ...(quiet ? {} : { progress }) });
  console.log(`${name}: ${verdict(result)}: ${counts(result)}`);
  if (result.violation !== undefined)
    console.log(`${result.violation.detail}\n  ${result.violation.steps.join('\n  ')}`);
  return result;
}

function main(): number {
  const plan = parse(process.argv.slice(2));
  if (plan === null) {
    console.log(HELP);
    return 0;
  }
  const until = performance.now() + plan.budget;
  const results: { readonly name: string; readonly result: Exploration }[] = [];
  const untouched: string[] = [];
  for (const [index, named] of plan.scopes.entries()) {
    const left = until - performance.now();
    const share = index === plan.scopes.length - 1 ? left : left / 3;
    if (left <= 0) untouched.push(named.name);
    else results.push({ name: named.name, result: explore(named, Math.min(plan.each ?? share, left), plan) });
  }
  if (plan.scopes.length > 1) summary(results, untouched);
  return results.some(({ result }) => result.violation !== undefined) ? 1 : 0;
}

function summary(
  results: readonly { readonly name: string; readonly result: Exploration }[],
  untouched: readonly string[],
): void {
  console.log('\n| scope | | states | depth | seconds | violations |\n|---|---|---|---|---|---|');
  for (const { name, result } of results) {
    const { states, depth, ms, violation } = result;
    console.log(
      `| ${name} | ${verdict(result)} | ${states} | ${depth} | ${(ms / 1000).toFixed(1)} | ${violation?.rule ?? 0} |`,
    );
  }
  if (untouched.length > 0) console.log(`not begun, no time left: ${untouched.join(', ')}`);
}

try {
  process.exitCode = main();
} catch (error) {
  const usage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!usage) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
