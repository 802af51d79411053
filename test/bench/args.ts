/** The command line of `npm run bench`. Pure; throws Error with words for whoever typed it. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly inFlight: readonly number[] | null;
  /** Faults of each kind in `failover`, repetitions in `recovery`. */
  readonly times: number;
  /** Length of `elections`. */
  readonly minutes: number;
  /** Run the other systems beside ours where a benchmark leaves it open. */
  readonly peers: boolean;
  /** Install missing packages first. */
  readonly install: boolean;
  /** Short and rough: does it run at all? */
  readonly quick: boolean;
  /** Actions a second of each player; null: the benchmark's own. */
  readonly rates: readonly number[] | null;
  /** The stream that clients of `players` and `fanout` take. */
  readonly stream: string;
  /** What `commits` speaks: ws (players' WebSockets) or link (gateways on the peer port). */
  readonly over: 'ws' | 'link';
  /** Actions a second in `commits`, started when due whatever is in flight; null: as many as `inFlight` allows. */
  readonly rate: number | null;
  /** Processes that the load of `commits` comes from. */
  readonly generators: number;
  /** Only those parts of a benchmark whose name contains one of these words; null: all. */
  readonly only: readonly string[] | null;
  /** Players, idle worlds …: what a benchmark counts; null: its own choice. */
  readonly counts: readonly number[] | null;
}

export interface Arguments {
  readonly names: readonly string[];
  readonly options: BenchOptions;
  readonly json: string | null;
  readonly compare: string | null;
  readonly help: boolean;
}

export const OPTIONS_HELP = `  --rounds N       rounds a figure is the median of (default 3), interleaved where several systems are measured
  --seconds S      measured seconds of a round, after a warm-up (default 4)
  --in-flight L    actions in flight, comma-separated (default: the benchmark's own)
  --times N        faults of each kind in failover (default 30), repetitions in recovery (default 3)
  --minutes M      how long elections loads each system (default 10)
  --counts L       numbers of players, sockets or worlds, comma-separated (default: the benchmark's own)
  --rates L        actions a second of each player, comma-separated (default 10,20)
  --stream S       what clients of players and fanout take: commands, frames (default commands)
  --over ws|link   what commits speaks: WebSockets of players, or gateways on the peer port (default ws)
  --rate N         actions a second in commits, started when they are due (default: as many as are in flight)
  --generators N   processes that the load of commits comes from (default 1)
  --only L         only parts whose name contains one of these words, comma-separated
  --peers          other systems, too, where a benchmark can do without
  --install        install missing Debian packages of other systems (root)
  --quick          one short round: does it run at all?
  --json FILE      writes the report to a file, too
  --compare FILE   beside an earlier report: ratios, and whether they are beyond the spread`;

const QUICK = { rounds: 1, seconds: 1, times: 2, minutes: 0.2 };

export function readArguments(argv: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'in-flight': { type: 'string' },
      times: { type: 'string' },
      minutes: { type: 'string' },
      counts: { type: 'string' },
      rates: { type: 'string' },
      stream: { type: 'string' },
      only: { type: 'string' },
      over: { type: 'string' },
      rate: { type: 'string' },
      generators: { type: 'string' },
      json: { type: 'string' },
      compare: { type: 'string' },
      peers: { type: 'boolean' },
      install: { type: 'boolean' },
      quick: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const help = values.help === true;
  const stranger = positionals.find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new Error(`there is no benchmark '${stranger}', only ${known.join(', ')}`);
  if (positionals.length === 0 && !help) throw new Error('which benchmark?');
  const quick = values.quick === true;
  const options: BenchOptions = {
    rounds: whole('rounds', values.rounds) ?? (quick ? QUICK.rounds : 3),
    seconds: positive('seconds', values.seconds) ?? (quick ? QUICK.seconds : 4),
    times: whole('times', values.times) ?? (quick ? QUICK.times : 30),
    minutes: positive('minutes', values.minutes) ?? (quick ? QUICK.minutes : 10),
    inFlight: wholes('in-flight', values['in-flight']),
    counts: wholes('counts', values.counts),
    rates: wholes('rates', values.rates),
    stream: values.stream ?? 'commands',
    only: values.only?.split(',') ?? null,
    over: wayOf(values.over),
    rate: positive('rate', values.rate),
    generators: whole('generators', values.generators) ?? 1,
    peers: values.peers === true,
    install: values.install === true,
    quick,
  };
  return { names: positionals, options, json: values.json ?? null, compare: values.compare ?? null, help };
}

/** Whether a part of a benchmark was asked for. */
export const wanted = (options: BenchOptions, part: string): boolean =>
  options.only?.some((word) => part.includes(word)) ?? true;

function wayOf(text = 'ws'): BenchOptions['over'] {
  if (text === 'ws' || text === 'link') return text;
  throw new Error(`--over: expected ws or link, got '${text}'`);
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new Error(`--${name}: expected a number above 0, got '${text}'`);
  return value;
}

function whole(name: string, text: string | undefined): number | null {
  const value = positive(name, text);
  if (value !== null && !Number.isInteger(value))
    throw new Error(`--${name}: expected a whole number, got '${text}'`);
  return value;
}

const wholes = (name: string, text: string | undefined): number[] | null =>
  text?.split(',').map((part) => whole(name, part) as number) ?? null;
