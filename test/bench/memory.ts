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
/** A heartbeat or two of quiet, so that what the start needed is collected. */
const SETTLE_MS = 3_000;
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
    `the first ${sockets} clients also make code and heap of a process that just started grow to their size; each after them is what a client costs`,
    `a row of ${FIELDS} fields: no table that ships has that many; a straight line between the tables that have fewer and more`,
  ];
  return { figures, tables: [table([['figure', 'median', 'spread', 'unit'], ...rows])], notes };
}

async function measureServers(sockets: number, samples: Samples): Promise<void> {
  const running = await throughline().start();
  try {
    await pause(SETTLE_MS);
    samples.add('resident, idle', median(running.pids.map(residentBytes)) / 2 ** 20, 'MiB', 'less');
    const leader = await running.leader();
    // Not the leader: what a client costs, and nothing else.
    const index = (leader + 1) % running.endpoints.length;
    const pid = running.servers[index]!.pid;
    const crowds: Receivers[] = [];
    /** Bytes that so many more clients added. */
    const more = async () => {
      const before = residentBytes(pid);
      const room = { name: 'world', options: { world: 'warehouse', stream: 'commands' } };
      crowds.push(await Receivers.open({ endpoint: running.endpoints[index]!, sockets, room }));
      await pause(SETTLE_MS);
      return residentBytes(pid) - before;
    };
    const first = await more();
    samples.add(`resident, ${sockets} clients`, residentBytes(pid) / 2 ** 20, 'MiB', 'less');
    samples.add('resident, each client', first / sockets / 1024, 'KiB', 'less');
    samples.add(`resident, each after the first ${sockets}`, (await more()) / sockets / 1024, 'KiB', 'less');
    for (const crowd of crowds) await crowd.close();
  } finally {
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
