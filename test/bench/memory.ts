/**
 * `memory`: resident memory of region servers: idle, for each connected client, for each row. A process keeps what it once took, so each figure
 * is the growth of one that just started.
 */
import { type BenchOptions, wanted } from './args.ts';
import { type Report, Samples } from './figures.ts';
import type { RowsOrder, RowsReport } from './lines/rows-main.ts';
import { ask, pause, progress, residentBytes } from './processes.ts';
import { Receivers } from './receivers.ts';
import { median, round, table } from './statistics.ts';
import { throughline } from './systems/throughline.ts';

const SOCKETS = 1_000;
const ROWS = 100_000;
/** Every client is told what all the others' joins changed, and all is written. */
const SETTLE_MS = 3_000;
/** V8 gives back what a crowd's arrival made its young generation grow by some ten seconds after it. */
const REST_MS = 15_000;
/** In the goals a row has seven fields; the tables that ship have these. */
const FIELDS = 7;

export async function memory(options: BenchOptions): Promise<Report> {
  const samples = new Samples();
  const sockets = options.counts?.[0] ?? SOCKETS;
  for (let index = 0; index < options.rounds; index++) {
    if (wanted(options, 'clients')) await measureServers(sockets, samples);
    if (wanted(options, 'rows')) {
      const order = { rows: options.quick ? ROWS / 10 : ROWS };
      const report = await ask<RowsOrder, RowsReport>('./lines/rows-main.ts', order, ['--expose-gc']);
      for (const { table: name, fields, bytes } of report)
        samples.add(`heap of a row, ${name}, ${fields} fields`, bytes, 'B', 'less');
      samples.add(`heap of a row of ${FIELDS} fields`, interpolate(report, FIELDS), 'B', 'less');
    }
    progress(`round ${index + 1}: done`);
  }
  const figures = samples.figures();
  const rows = figures.map(({ name, unit }) => [name, samples.cell(name, 1), samples.spread(name, 1), unit]);
  const notes = [
    `at rest is ${REST_MS / 1000} s without a join; the first ${sockets} also make a process that never had a client compile its code for them`,
    `a row of ${FIELDS} fields: no table that ships has that many; a straight line between the tables that have fewer and more`,
  ];
  return { figures, tables: [table([['figure', 'median', 'spread', 'unit'], ...rows])], notes };
}

async function measureServers(sockets: number, samples: Samples): Promise<void> {
  const running = await throughline().start();
  const crowds: Receivers[] = [];
  try {
    await pause(REST_MS);
    samples.add('resident, idle', median(running.pids.map(residentBytes)) / 2 ** 20, 'MiB', 'less');
    const leader = await running.leader();
    // Not the leader: what a client costs, and nothing else.
    const index = (leader + 1) % running.endpoints.length;
    const pid = running.servers[index]!.pid;
    const room = { name: 'world', options: { world: 'warehouse', stream: 'commands' } };
    const idle = residentBytes(pid);
    const each = (name: string, before: number) =>
      samples.add(name, (residentBytes(pid) - before) / sockets / 1024, 'KiB', 'less');
    crowds.push(await Receivers.open({ endpoint: running.endpoints[index]!, sockets, room }));
    await pause(SETTLE_MS);
    each('resident, each client, just after they came', idle);
    await pause(REST_MS);
    const first = residentBytes(pid);
    samples.add(`resident, ${sockets} clients`, first / 2 ** 20, 'MiB', 'less');
    each('resident, each client', idle);
    crowds.push(await Receivers.open({ endpoint: running.endpoints[index]!, sockets, room }));
    await pause(REST_MS);
    each(`resident, each client after the first ${sockets}`, first);
  } finally {
    for (const crowd of crowds) await crowd.close();
    await running.stop();
  }
}

/** The value at `fields` on the line between the nearest tables with fewer and with more; NaN without both. */
export function interpolate(report: RowsReport, fields: number): number {
  const sorted = [...report].sort((a, b) => a.fields - b.fields);
  const [below, above] = [
    sorted.findLast((each) => each.fields <= fields),
    sorted.find((each) => each.fields >= fields),
  ];
  if (below === undefined || above === undefined) return Number.NaN;
  if (below === above) return below.bytes;
  const share = (fields - below.fields) / (above.fields - below.fields);
  return round(below.bytes + share * (above.bytes - below.bytes), 1);
}
