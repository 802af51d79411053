import { parseArgs } from 'node:util';
import { type Exploration, Explorer, type Progress } from './explore/explorer.ts';
import { nameOf, type Scope, SMALLEST } from './explore/scope.ts';
import * as production from './production.ts';

const HELP = `npm run explore -- [options]

Visits every state that the production consensus core can reach within a scope, breadth first, and checks agreement,
dependency and history (G1-G4) on each. Messages may be lost, doubled, delayed and reordered at any time.

  --size DxNxL      devices x numbers x devices that may lead (default 3x2x2)
  --rounds R        ballots each of them may begin (default 1)
  --restarts R      crashes with restart, over all devices (default 0)
  --voting V        leader (claim 2, default) | all (claim 3)
  --window W        R8 (default: wider than the numbers)
  --late-marks      issued marks become durable with a later write
  --taught          anybody may be told at any time what another knows to be issued
  --minutes M       stop after this long (default 30); --states N: after this many states
  --nightly         all of: 3x2x3; 3x3x2 with a restart; voting all 3x2x2
  --help

Exit code 0: complete, no violation. 1: a violation, with a shortest way to it. 2: wrong usage. 3: stopped at a limit.`;

class UsageError extends Error {}

const NIGHTLY: readonly Partial<Scope>[] = [
  { numbers: 2, leaders: 3 },
  { numbers: 3, leaders: 2, restarts: 1 },
  { numbers: 2, leaders: 2, voting: 'all' },
];

interface Plan {
  readonly scopes: readonly Scope[];
  readonly minutes: number;
  readonly states: number;
}

function parse(args: readonly string[]): Plan | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string' },
      rounds: { type: 'string' },
      restarts: { type: 'string' },
      voting: { type: 'string' },
      window: { type: 'string' },
      'late-marks': { type: 'boolean' },
      taught: { type: 'boolean' },
      minutes: { type: 'string' },
      states: { type: 'string' },
      nightly: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  const voting = values.voting ?? 'leader';
  if (voting !== 'leader' && voting !== 'all') throw new UsageError(`--voting ${voting}: leader or all`);
  const base: Scope = {
    ...SMALLEST,
    ...parseSize(values.size ?? '3x2x2'),
    rounds: natural('rounds', values.rounds, 1),
    restarts: natural('restarts', values.restarts, 0, 0),
    window: natural('window', values.window, SMALLEST.window),
    voting,
    lazyMarks: values['late-marks'] ?? false,
    taught: values.taught ?? false,
  };
  return {
    scopes: values.nightly ? NIGHTLY.map((scope) => ({ ...SMALLEST, ...scope })) : [base],
    minutes: natural('minutes', values.minutes, 30),
    states: natural('states', values.states, Number.MAX_SAFE_INTEGER),
  };
}

function parseSize(text: string): Pick<Scope, 'devices' | 'numbers' | 'leaders'> {
  const match = /^(\d+)x(\d+)x(\d+)$/.exec(text);
  if (match === null) throw new UsageError(`--size ${text}: like 3x2x2`);
  const [devices, numbers, leaders] = match.slice(1).map(Number) as [number, number, number];
  if (devices < 1 || devices > 9 || numbers < 1 || leaders < 1 || leaders > devices)
    throw new UsageError(`--size ${text}: 1 to 9 devices, at least one number, no more leaders than devices`);
  return { devices, numbers, leaders };
}

function natural(name: string, text: string | undefined, otherwise: number, least = 1): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} ${text}: a whole number from ${least}`);
  return value;
}

function show({ scope, states, waiting, devices, messages, tuples, ms }: Progress): string {
  const rate = Math.round(states / Math.max(ms / 1000, 0.001));
  const memory = Math.round(process.memoryUsage().rss / 1e6);
  return `${scope}: ${states} states (${waiting} waiting), ${tuples} tuples of ${devices} device states, ${messages} messages, ${(ms / 1000).toFixed(1)} s, ${rate} states/s, ${memory} MB`;
}

function report(result: Exploration): number {
  console.log(show(result));
  if (result.violation !== undefined) {
    const { detail, steps } = result.violation;
    console.log(`VIOLATION ${detail}\n  ${steps.join('\n  ')}`);
    return 1;
  }
  console.log(result.complete ? 'complete: no violation' : 'stopped at the limit: no violation so far');
  return result.complete ? 0 : 3;
}

function main(): number {
  const plan = parse(process.argv.slice(2));
  if (plan === null) {
    console.log(HELP);
    return 0;
  }
  const until = performance.now() + plan.minutes * 60_000;
  let worst = 0;
  for (const scope of plan.scopes) {
    console.log(`exploring ${nameOf(scope)}`);
    const explorer = new Explorer(production, scope);
    const ms = until - performance.now();
    const progress = (now: Progress) => console.log(show(now));
    worst = Math.max(worst, report(explorer.run({ ms, states: plan.states, progress })));
  }
  return worst;
}

try {
  process.exitCode = main();
} catch (error) {
  const usage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!usage) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
