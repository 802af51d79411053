/**
 * `npm run bench -- NAME [--rounds N] [--seconds S] …`: one named benchmark; a table for people, JSON on the last line.
 * Speed is measured here and asserted nowhere.
 */
import { parseArgs } from 'node:util';
import { machine } from './machine.ts';

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly inFlight: readonly number[] | null;
}

interface Benchmark {
  readonly about: string;
  readonly run: (options: BenchOptions) => Promise<object>;
}

const BENCHMARKS: { readonly [name: string]: Benchmark } = {
  commits: {
    about:
      'issued actions per second and latency by actions in flight: three server processes, real stable storage, WebSocket clients',
    run: async (options) => (await import('./commits.ts')).commits(options),
  },
  codec: {
    about: 'nanoseconds of encoding, verifying and decoding a warehouse transfer; one thread, no server',
    run: async (options) => (await import('./codec.ts')).codec(options),
  },
  execute: {
    about: 'nanoseconds of running and of applying a warehouse transfer; one thread, no server',
    run: async ({ rounds }) => (await import('./execute.ts')).measureExecute(rounds),
  },
  consensus: {
    about:
      'nanoseconds of the consensus core per command and device, by commands in a batch; no disk, no sockets',
    run: async () => (await import('./consensus.ts')).consensus(),
  },
  storage: {
    about: 'entries per second on stable storage by group size, and the time to open and read a large log',
    run: async (options) => (await import('./storage.ts')).storage(options),
  },
  links: {
    about: 'messages per second and round trips between two processes over the peer link',
    run: async (options) => (await import('./links.ts')).links(options),
  },
};

const usage = `npm run bench -- NAME [--rounds N] [--seconds S] [--in-flight 1,64,…]

${Object.entries(BENCHMARKS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

  --rounds N       rounds a figure is the median of (default 3)
  --seconds S      measured seconds of a round, after one of warm-up (default 4)
  --in-flight L    actions in flight, comma-separated (default: the benchmark's own)`;

async function main(): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const name = parsed.positionals[0];
  if (parsed.values.help === true) {
    console.log(usage);
    return 0;
  }
  const benchmark = name === undefined ? undefined : BENCHMARKS[name];
  const rounds = Number(parsed.values.rounds ?? 3);
  const seconds = Number(parsed.values.seconds ?? 4);
  const inFlight = parsed.values['in-flight']?.split(',').map(Number) ?? null;
  const whole = (value: number) => Number.isInteger(value) && value > 0;
  if (benchmark === undefined || !whole(rounds) || !(seconds > 0) || inFlight?.every(whole) === false) {
    console.error(usage);
    return 2;
  }
  const result = await benchmark.run({ rounds, seconds, inFlight });
  console.log(JSON.stringify({ benchmark: name, machine: machine(), ...result }));
  return 0;
}

const parse = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'in-flight': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });

process.exitCode = await main();
