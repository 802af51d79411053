/**
 * `players`: everybody moves 10 or 20 times a second and is sent what all do. How long until a player sees the own move, how much processor time
 * the servers take, and the most players for whom p99 stays within 100 ms; beside the same game as a Colyseus room with Schema state.
 */
import { Histogram } from '../../bots/histogram.ts';
import { type BenchOptions, wanted } from './args.ts';
import { listening } from './fanout.ts';
import { type Report, Samples } from './figures.ts';
import { atLeast, type Goal, goalCell, goalList } from './goals.ts';
import type { Endpoint } from './lines/line.ts';
import type { PlayersOrder, PlayersReport } from './lines/players-main.ts';
import { cpuSeconds, pause, progress, startHelper } from './processes.ts';
import { told } from './receivers.ts';
import { nextCount } from './search.ts';
import { median, round, table } from './statistics.ts';
import { throughline } from './systems/throughline.ts';

const RATES = [10, 20];
const GOOD_MS = 100;
/** Of both games: what a server runs under load is compiled within the first seconds of it. */
const WARM_UP_MS = 6_000;
/** As many players as the room in one process serves, and so much more. */
const BEYOND_SCHEMA_ROOM = 1.2;
const FIRST = 50;
/** The search ends when the largest that is good and the least that is not are this close. */
const CLOSE = 1.15;
const MOST = 4_000;

type Game = PlayersOrder['game'];
const TITLES: { readonly [game in Game]: string } = {
  arena: 'Throughline arena',
  'schema-room': 'Colyseus Schema room',
};

interface Served {
  readonly p50: number;
  readonly p99: number;
  readonly cores: number;
  readonly loadCores: number;
  readonly good: boolean;
  readonly bytesPerSecond: number;
  /** Bytes to one player for one move of one player, framing and all else included. */
  readonly bytesPerMove: number;
}

export async function players(options: BenchOptions): Promise<Report> {
  const samples = new Samples();
  const rows: (string | number)[][] = [];
  const rates = options.rates ?? RATES;
  for (let index = 0; index < options.rounds; index++) {
    for (const rate of rates) {
      for (const game of ['arena', 'schema-room'] as const) {
        const title = titleOf(game, options);
        if (!wanted(options, `${title} ${rate}`)) continue;
        const most = await search(game, title, rate, options, samples, rows);
        samples.add(mostName(title, rate), most, 'players', 'more');
      }
    }
  }
  const head = [
    'game',
    'acts/s each',
    'players',
    'act-seen p50',
    'p99 ms',
    'server cores',
    'load cores',
    'MB/s',
    'B a move',
    '',
  ];
  const goals = goalList(rates.map((rate) => goalOf(rate, options, samples)));
  const most = samples.figures().filter(({ name }) => name.includes('most players'));
  const notes = [
    ...most.map(({ name }) => `${name}: ${samples.cell(name, 0)} (${samples.spread(name)})`),
    ...goals.map((goal) => `${goalCell([goal])}: ${round(goal.measured, 0)} of ${round(goal.bound, 0)}`),
    'the three region servers, their disks, and all players share this machine; the Schema room is one process without a disk',
  ];
  return { figures: samples.figures(), tables: [table([head, ...rows])], notes, details: { goals } };
}

const titleOf = (game: Game, { stream }: BenchOptions): string =>
  game === 'arena' ? `${TITLES[game]} (${stream})` : TITLES[game];

const mostName = (title: string, rate: number): string =>
  `${title}, ${rate}/s: most players with p99 <= ${GOOD_MS} ms`;

/** Only a search finds the most; given numbers do not. */
function goalOf(rate: number, options: BenchOptions, samples: Samples): Goal | null {
  if (options.counts !== null) return null;
  const found = (game: Game) => samples.of(mostName(titleOf(game, options), rate));
  if (found('arena').length === 0) return null;
  const most = (game: Game) => median(found(game));
  const bound = BEYOND_SCHEMA_ROOM * most('schema-room');
  return atLeast(`>= ${BEYOND_SCHEMA_ROOM} x the Schema room at ${rate}/s`, most('arena'), bound);
}

/** The largest number of players that is good; given numbers are only measured. */
async function search(
  game: Game,
  title: string,
  rate: number,
  options: BenchOptions,
  samples: Samples,
  rows: (string | number)[][],
): Promise<number> {
  let [good, bad] = [0, Number.POSITIVE_INFINITY];
  const given = [...(options.counts ?? [])];
  for (;;) {
    const count =
      options.counts === null ? nextCount(good, bad, FIRST, MOST, CLOSE) : (given.shift() ?? null);
    if (count === null) return good;
    const served = await measureTwice(game, count, rate, options);
    const name = `${title}, ${rate}/s, ${count} players`;
    samples.add(`${name}: act-seen p50`, served.p50, 'ms', 'less');
    samples.add(`${name}: act-seen p99`, served.p99, 'ms', 'less');
    samples.add(`${name}: server CPU`, served.cores, 'cores', 'less');
    samples.add(`${name}: bytes a move and receiver`, served.bytesPerMove, 'B', 'less');
    const { p50, p99, cores, loadCores, bytesPerSecond, bytesPerMove } = served;
    const verdict = served.good ? '' : 'too many';
    rows.push([
      title,
      rate,
      count,
      ...[p50, p99].map((ms) => round(ms, 1)),
      round(cores),
      round(loadCores),
      round(bytesPerSecond / 1e6, 1),
      round(bytesPerMove, 1),
      verdict,
    ]);
    progress(`${name}: p99 ${round(p99, 0)} ms, ${round(cores)} cores ${verdict}`);
    if (served.good) good = Math.max(good, count);
    else bad = Math.min(bad, count);
  }
}

/** What others do on the machine must not end the search: too many is what was too many twice. */
async function measureTwice(game: Game, count: number, rate: number, options: BenchOptions): Promise<Served> {
  const first = await measure(game, count, rate, options);
  if (first.good) return first;
  const second = await measure(game, count, rate, options);
  return second.good || second.p99 < first.p99 ? second : first;
}

interface Host {
  readonly endpoints: readonly Endpoint[];
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

async function host(game: Game): Promise<Host> {
  if (game === 'arena') return throughline({ worlds: 'arena,warehouse' }).start();
  const server = startHelper('./lines/schema-room-main.ts');
  const { port } = await listening(server);
  return { endpoints: [{ host: '127.0.0.1', port }], pids: [server.pid], stop: () => server.stop() };
}

async function measure(game: Game, count: number, rate: number, options: BenchOptions): Promise<Served> {
  const running = await host(game);
  const load = startHelper('./lines/players-main.ts');
  try {
    const { endpoints } = running;
    const order: PlayersOrder = { game, endpoints, players: count, perSecond: rate, stream: options.stream };
    await told(load, order);
    await pause(WARM_UP_MS);
    const before = (await told(load, {})) as PlayersReport;
    const [cpu, from] = [cpuSeconds(running.pids), performance.now()];
    await pause(options.seconds * 1_000);
    const used = cpuSeconds(running.pids) - cpu;
    const after = (await told(load, {})) as PlayersReport;
    const seconds = (performance.now() - from) / 1_000;
    return served(before, after, used, seconds, order);
  } finally {
    await load.stop();
    await running.stop();
  }
}

function served(
  before: PlayersReport,
  after: PlayersReport,
  cpu: number,
  seconds: number,
  { perSecond, players: count }: PlayersOrder,
): Served {
  const seen = Histogram.from(after.seen);
  const bytes = after.bytes - before.bytes;
  const p99 = seen.count === 0 ? Number.POSITIVE_INFINITY : seen.percentile(99);
  // Those who look, at most 80 of them, may have a tenth of a second open; far more means that it piles up.
  const piling = after.open > before.open + 80 * Math.max(1, (perSecond * GOOD_MS) / 1_000);
  return {
    p50: seen.percentile(50),
    p99,
    cores: cpu / seconds,
    loadCores: (after.cpuSeconds - before.cpuSeconds) / seconds,
    good: p99 <= GOOD_MS && !piling && after.closed === 0,
    bytesPerSecond: bytes / seconds,
    bytesPerMove: bytes / (after.sent - before.sent) / count,
  };
}
