/** `throughline bots`: a load test that ends with a verdict. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { NUMBERS } from '../../bots/conclude.ts';
import { type Fault, parseFault, randomFaults } from '../../bots/faults.ts';
import { TRENDS } from '../../bots/messages.ts';
import { playForPeople } from '../../bots/opponents.ts';
import { ACTS_AT_MOST, BadPlan, BOTS_AT_MOST, type Plan } from '../../bots/plan.ts';
import { parseMix } from '../../bots/population.ts';
import { loadReplay } from '../../bots/replay/load.ts';
import { RecordWriter } from '../../bots/replay/record-writer.ts';
import type { Replay } from '../../bots/replay/replay.ts';
import { csvReport } from '../../bots/report/csv.ts';
import { htmlReport } from '../../bots/report/html.ts';
import { markdownReport } from '../../bots/report/markdown.ts';
import { textReport } from '../../bots/report/text.ts';
import type { Report } from '../../bots/report/types.ts';
import { runBots } from '../../bots/run.ts';
import { scripts } from '../../bots/scripts/index.ts';
import { lengthOf, parseStages, playedSeconds, staysOf } from '../../bots/stages.ts';
import { Unreachable, worldNames } from '../../bots/target.ts';
import { parseThreshold } from '../../bots/thresholds.ts';
import { runWorker } from '../../bots/worker.ts';
import { help, type OptionSpecs, type Options, readOptions } from './options.ts';
import { UsageError } from './usage.ts';

const UNREACHABLE = 3;
const SECONDS_AT_MOST = 86_400;

const OPTIONS: OptionSpecs = {
  url: {
    value: 'URL,…',
    help: 'regions or relays; bots are spread over them and move on to the next',
    initial: 'ws://127.0.0.1:2567,ws://127.0.0.1:2568,ws://127.0.0.1:2569',
  },
  world: { value: 'NAME[=DEFINITION]', help: 'which world, and what it plays', initial: 'arena' },
  bots: { value: 'N', help: 'how many', initial: '50' },
  mix: { value: 'KIND=N,…', help: 'who plays, by weight; see below' },
  rate: { value: 'N', help: 'acts a second of each bot', initial: '10' },
  seconds: { value: 'N', help: 'how long, ramp included', initial: '30' },
  ramp: { value: 'SECONDS', help: 'the bots come spread over this time; usually 1 s for 200 bots' },
  stages: {
    value: 'N@S,…',
    help: 'how many play when, instead of --bots, --seconds and --ramp: 100@10s,500@30s,0@5s goes to so many within so long',
  },
  seed: { value: 'N', help: 'who they are and what they do; the same again for the same seed', initial: '1' },
  workers: { value: 'N', help: 'processes that play; usually one for 500 bots' },
  watchers: {
    value: 'N',
    help: 'bots of each worker and region that take the commands, the others only their answers; usually all',
  },
  zipf: {
    value: 'SKEW',
    help: 'how much traders want the same goods: 0 not at all, 1 a market, 2 a crush',
    initial: '1',
  },
  warehouses: { value: 'N', help: 'for traders; opened and filled before the run', initial: '100' },
  threshold: { value: 'EXPR', help: "such as 'issued.p99<150' or 'lost==0'; may be given again" },
  fault: { value: 'FAULT', help: 'such as kill:leader@10s, random:5; may be given again; see below' },
  admin: {
    value: 'HOST:PORT,…',
    help: 'admin ports of all regions, for faults',
    initial: '127.0.0.1:8567,127.0.0.1:8568,127.0.0.1:8569',
  },
  keys: { value: 'FILE', help: "a demo's keys.json, for its admin token" },
  json: { value: 'FILE', help: 'write the whole report' },
  markdown: { value: 'FILE', help: 'write the report as Markdown' },
  csv: { value: 'FILE', help: 'write the seconds as CSV' },
  html: { value: 'FILE', help: 'write the report with charts' },
  play: {
    help: 'play for people: computer opponents in the arena, as many as it wants, until stopped; no load, no report',
  },
  record: { value: 'FILE', help: 'write down what each bot did when, to be replayed' },
  replay: {
    value: 'FILE',
    help: 'do again what a record, or a file of `throughline commands`, holds; see below',
  },
  from: { value: 'N', help: "replay from this command on; without --replay of the world's own sequence" },
  to: { value: 'N', help: 'replay up to this command' },
  speed: { value: 'FACTOR', help: 'replay so much faster', initial: '1' },
  quiet: { help: 'no progress, only the end report' },
  'admin-token': { help: 'opens the admin ports', secret: true },
};

const KINDS = [...scripts.values()].map(
  ({ name, worlds, summary }) =>
    `  ${name.padEnd(12)} ${summary} (${worlds.length > 2 ? 'any world' : worlds.join(', ')})`,
);

export const BOTS_HELP = `${help(
  'bots',
  '[--url URL,…] [--world NAME] [--bots N] [--rate N] [--seconds N] …',
  'Loads a world with bots and ends with a verdict. Bots act when they mean to, not when the server lets them (open\n' +
    'model): latencies count from the intended moment. Exit code 0: all well; 1: the verdict or a threshold failed;\n' +
    '2: wrong usage; 3: the target cannot be reached. Ctrl-C ends the run, and it still reports.',
  OPTIONS,
)}
Kinds for --mix:
${KINDS.join('\n')}

Faults for --fault, against servers with --allow-faults (the demo's are):
  kill:leader@10s  restart:all@60s  hand-over:us@5s  cut:us@20s-30s  freeze:ap@40s-42s  random:5
  A region's name, or leader; killed servers must be started again by somebody, as the demo does.

Thresholds: ${TRENDS.join(', ')} (in ms; correction in m) with
  .avg .min .med .max .count .p90 .p95 .p99 .p99.9; ${NUMBERS.join(', ')}.

Replay (--replay FILE, or --from N --to M of the world itself):
  Each session of the slice becomes a bot that does the same actions in the same order, --speed times as fast; --bots,
  --mix, --rate and --seconds do not count then. A record has each act as it was meant. A sequence has what players did,
  at the time the leader ran it, and no arguments: they are worked out from what each command changed, and made up where
  that is not enough (steps by dice, amounts of 1; the report says how many). A strike is at the nearest foe. Timers,
  joins, refused acts and acts that changed nothing are not in it. Warehouses it names are opened and filled before.

What is checked:
  numbers     the stream of every bot that takes the commands (--watchers) is consecutive across reconnects
  bytes       every command that a bot is sent is the same bytes that all other bots of its worker were sent; a bot that is
              more than 65,536 commands behind has its numbers checked only ("by number only" in the report)
  digests     each worker verifies each command once in full: structure, number, precedent, digest of the tables after it;
              spectators verify each on a mirror of their own, with the SDK as it ships
  ledger      at the end every acknowledgement and every definite no is held against the commands that a region wrote
              down: lost, doubled, misordered, told no but done, never asked for; and the regions' digests must agree
`;

export async function bots(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  if (argv[0] === '--worker') return runWorker();
  const options = readOptions('bots', OPTIONS, gathered(argv, ['threshold', 'fault']), environment);
  const stop = new AbortController();
  const interrupt = () => {
    // The second time means now.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  if (options.flag('play')) {
    if (options.positionals.length > 0) throw wrong(`bots takes no '${options.positionals[0]}'`);
    await playForPeople(options.need('url').split(',').map(address), stop.signal);
    return 0;
  }
  const silent = { write: () => true };
  let record: RecordWriter | null = null;
  try {
    const plan = planOf(options, argv, await replayOf(options));
    const writer = recordOf(options, plan);
    record = writer;
    const report = await runBots(
      { ...plan, record: writer && ((act) => writer.add(act)) },
      options.flag('quiet') ? silent : process.stdout,
      stop.signal,
    );
    process.stdout.write(textReport(report));
    writeFiles(options, report);
    return report.passed ? 0 : 1;
  } catch (error) {
    if (error instanceof BadPlan) throw wrong(error.message);
    if (!(error instanceof Unreachable)) throw error;
    process.stderr.write(`throughline bots: the target cannot be reached: ${error.message}\n`);
    return UNREACHABLE;
  } finally {
    record?.close();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function writeFiles(options: Options, report: Report): void {
  const formats: { readonly [name: string]: (report: Report) => string } = {
    json: (whole) => `${JSON.stringify(whole, null, 2)}\n`,
    markdown: markdownReport,
    csv: csvReport,
    html: htmlReport,
  };
  for (const [name, format] of Object.entries(formats)) {
    const path = options.get(name);
    if (path !== undefined) writeFileSync(path, format(report));
  }
}

/** Throws UsageError. */
function planOf(options: Options, argv: readonly string[], replay: Replay | null): Omit<Plan, 'record'> {
  if (options.positionals.length > 0) throw wrong(`bots takes no '${options.positionals[0]}'`);
  const { world, definition } = worldOf(options);
  const { count, seconds, stays, stages } = replay === null ? crowdOf(options) : echoesOf(options, replay);
  const rate = number(options, 'rate', 0.01, 1_000);
  const seed = number(options, 'seed', 0, 0xffff_ffff, true);
  const workers =
    options.get('workers') === undefined
      ? Math.max(1, Math.min(Math.ceil(count / 500), availableParallelism()))
      : number(options, 'workers', 1, 64, true);
  if (replay === null && rate * playedSeconds(stays, seconds) > ACTS_AT_MOST)
    throw wrong(`${stages} bots at ${rate}/s are more than ${ACTS_AT_MOST} acts: too many to keep books of`);
  return {
    urls: options.need('url').split(',').map(address),
    ...{
      world,
      definition,
      bots: count,
      stays,
      stages,
      rate,
      seconds,
      seed,
      workers: Math.min(workers, count),
    },
    replay,
    mix: told(() => parseMix(options.get('mix'), definition)),
    watchers: options.get('watchers') === undefined ? count : number(options, 'watchers', 1, count, true),
    zipf: number(options, 'zipf', 0, 10),
    warehouses: number(options, 'warehouses', 2, 100_000, true),
    faults: faultsOf(options, seconds, seed),
    admins: options.need('admin').split(','),
    adminToken: options.get('admin-token') ?? tokenIn(options.get('keys')),
    thresholds: parts(options.get('threshold')).map((text) =>
      told(() => parseThreshold(text, TRENDS, NUMBERS)),
    ),
    entry: process.argv[1] as string,
    commandLine: ['throughline', 'bots', ...argv].join(' '),
    version: version(),
  };
}

/** How many come when, and for how long in all. */
function crowdOf(options: Options) {
  const text = options.get('stages');
  if (text === undefined) {
    const count = number(options, 'bots', 1, BOTS_AT_MOST, true);
    const seconds = number(options, 'seconds', 1, SECONDS_AT_MOST);
    const usual = Math.min(count / 200, seconds / 2);
    const ramp = options.get('ramp') === undefined ? usual : number(options, 'ramp', 0, seconds);
    const stays = staysOf([{ to: count, seconds: ramp }]);
    return { count, seconds, stays, stages: String(count) };
  }
  if (options.get('ramp') !== undefined) throw wrong('stages and ramp: one of them says who comes when');
  const all = told(() => parseStages(text));
  const seconds = lengthOf(all);
  const stays = staysOf(all);
  if (!(seconds >= 1 && seconds <= SECONDS_AT_MOST))
    throw wrong(`stages: ${seconds} s in all, expected 1 to ${SECONDS_AT_MOST}`);
  if (stays.length > BOTS_AT_MOST) throw wrong(`stages: more than ${BOTS_AT_MOST} bots come`);
  return { count: Math.max(...all.map(({ to }) => to)), seconds, stays, stages: text };
}

/** The load of a replay. */
function echoesOf(options: Options, { players, seconds, startsAt, words }: Replay) {
  if (options.get('stages') !== undefined) throw wrong('stages and replay: one of them says who comes when');
  if (players > BOTS_AT_MOST) throw wrong(`replay: ${players} players, at most ${BOTS_AT_MOST}`);
  if (seconds > SECONDS_AT_MOST)
    throw wrong(
      `replay: takes ${Math.ceil(seconds)} s, at most ${SECONDS_AT_MOST}: see --speed, --from and --to`,
    );
  // All have come when the first one acts.
  const stays = staysOf([{ to: players, seconds: startsAt / 2_000 }]);
  return { count: players, seconds, stays, stages: `${words} by ${players}` };
}

/** Null: this is no replay. */
async function replayOf(options: Options): Promise<Replay | null> {
  const file = options.get('replay');
  if (file === undefined && options.get('from') === undefined && options.get('to') === undefined) return null;
  const most = Number.MAX_SAFE_INTEGER;
  const from = options.get('from') === undefined ? 1 : number(options, 'from', 1, most, true);
  const to = options.get('to') === undefined ? most : number(options, 'to', from, most, true);
  const speed = number(options, 'speed', 0.01, 1_000);
  const urls = options.need('url').split(',').map(address);
  return loadReplay({ file, urls, ...worldOf(options) }, { from, to, speed });
}

/** `arena`, or `duel-1=arena` as the servers have it: which world, and what is played there. */
function worldOf(options: Options): { readonly world: string; readonly definition: string } {
  const [world = '', definition = world] = options.need('world').split('=');
  if (worldNames().includes(definition)) return { world, definition };
  throw wrong(
    `there is no world '${definition}', only ${worldNames().join(', ')}; one of your own is NAME=DEFINITION`,
  );
}

function recordOf(options: Options, { definition, commandLine }: Omit<Plan, 'record'>): RecordWriter | null {
  const path = options.get('record');
  if (path === undefined) return null;
  return told(
    () => new RecordWriter(path, { world: definition, commandLine, startedAt: new Date().toISOString() }),
  );
}

/** Of the package; the bundle lies one folder below it. */
function version(): string {
  try {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}

function faultsOf(options: Options, seconds: number, seed: number): Fault[] {
  return parts(options.get('fault')).flatMap((text) => {
    const count = /^random:([0-9]{1,3})$/.exec(text)?.[1];
    const faults =
      count === undefined ? [told(() => parseFault(text))] : randomFaults(Number(count), seconds, seed);
    const late = faults.find(({ to }) => to >= seconds);
    if (late !== undefined) throw wrong(`fault '${late.text}': the run is over after ${seconds} s`);
    return faults;
  });
}

function tokenIn(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    const { adminToken } = JSON.parse(readFileSync(path, 'utf8')) as { adminToken?: unknown };
    if (typeof adminToken === 'string') return adminToken;
  } catch (error) {
    throw wrong(`keys ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw wrong(`keys ${path}: there is no adminToken`);
}

function address(text: string): string {
  try {
    const url = new URL(text.includes('://') ? text.trim() : `ws://${text.trim()}`);
    if (/^(ws|http)s?:$/.test(url.protocol)) return url.href.replace(/^http/, 'ws').replace(/\/$/, '');
  } catch {
    // Told below.
  }
  throw wrong(`url: '${text}' is no ws://HOST:PORT`);
}

function number(options: Options, name: string, least: number, most: number, whole = false): number {
  const value = Number(options.need(name));
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw wrong(
    `${name}: expected ${whole ? 'a whole number' : 'a number'} from ${least} to ${most}, got '${options.get(name)}'`,
  );
}

/** An option that may be given again becomes one with commas. */
function gathered(argv: readonly string[], names: readonly string[]): string[] {
  const rest: string[] = [];
  const found = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at++) {
    const text = argv[at] as string;
    const name = names.find((one) => text === `--${one}` || text.startsWith(`--${one}=`));
    const value =
      name === undefined
        ? undefined
        : text.includes('=', 2) && text !== `--${name}`
          ? text.slice(name.length + 3)
          : argv[++at];
    if (name === undefined || value === undefined) rest.push(text);
    else found.set(name, [...(found.get(name) ?? []), value]);
  }
  return [...rest, ...[...found].map(([name, values]) => `--${name}=${values.join(',')}`)];
}

const parts = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const wrong = (words: string) => new UsageError(words, 'bots');

/** What a parser threw is wrong usage. */
function told<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}
