/**
 * Bots and faults for a long time, while memory, handles, disk and latency are watched for drift. Fails where a verdict does,
 * or where a figure climbs.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from '../../bots/random.ts';
import type { Report } from '../../bots/report/types.ts';
import { Cluster, type RegionName, type Server, statusOf } from '../cluster/harness.ts';
import { curve, driftOf, SAMPLES_LEAST } from './drift.ts';

/** One run of bots; its faults are over well before its end. */
const SEGMENT_SECONDS = 20;
/** Segments until the tails of the log are full, and pools and the compiler have settled; in a short run a third of it. */
const WARM_UP = 30;
/** Sessions of bots that left must be forgotten while it runs: tokens live for 36 s, sessions that nobody uses for 72 s. */
const TOKEN_HOURS = '0.01';
/** Segments from which on memory is judged: in a shorter run tails and caches are still filling. */
const MEMORY_JUDGED = 2 * WARM_UP;
/** A figure may gain so much over the whole time. */
const MEMORY_SHARE = 0.3;
const HANDLES_SHARE = 0.3;
const LATENCY_SHARE = 1;
const DISK_SHARE = 0.3;
const GRAPH_COLUMNS = 60;

const HELP = `npm run soak -- [--minutes 60] [--bots 30] [--seed 1]

Three servers of its own, bots that act, leave and return, and a fault every ${SEGMENT_SECONDS} seconds: leadership handed over, a region
cut off, a leader frozen. Watches memory, handles, disk and latency of each server, draws them at the end, and exits
with 1 where one climbs (memory: in runs of ${(MEMORY_JUDGED * SEGMENT_SECONDS) / 60} minutes or more) or an acknowledged act is lost, doubled or
misordered. JSON on the last line.
`;

function options(): { readonly minutes: number; readonly bots: number; readonly seed: number } {
  const natural = (name: string, text: string) => {
    if (!(Number(text) > 0)) throw new Error(`--${name} ${text}: expected a number above 0`);
    return Number(text);
  };
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '60' },
        bots: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const { minutes, bots, seed } = values;
    return { minutes: natural('minutes', minutes), bots: natural('bots', bots), seed: natural('seed', seed) };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

const values = options();
const REGIONS: readonly RegionName[] = ['eu', 'us', 'ap'];
const random = seeded(values.seed, 'soak');
const folder = mkdtempSync(join(tmpdir(), 'throughline-soak-'));

/** Not kills: a process that starts anew forgets its leaks. */
function faultOf(): string {
  const region = REGIONS[Math.floor(random() * REGIONS.length)] ?? 'eu';
  const from = 4 + Math.floor(4 * random());
  const kind = Math.floor(random() * 3);
  if (kind === 0) return `hand-over:${region}@${from}s`;
  return `${kind === 1 ? 'cut' : 'freeze'}:${kind === 1 ? region : 'leader'}@${from}s-${from + 1 + Math.floor(3 * random())}s`;
}

async function segment(cluster: Cluster, at: number): Promise<Report> {
  const file = join(folder, 'report.json');
  const urls = cluster.servers.map(({ url }) => url).join(',');
  const admins = cluster.servers.map(({ admin }) => `127.0.0.1:${admin}`).join(',');
  const argv = [
    ...[
      '--url',
      urls,
      '--admin',
      admins,
      '--world',
      'warehouse',
      '--bots',
      String(values.bots),
      '--rate',
      '5',
    ],
    ...['--seconds', String(SEGMENT_SECONDS), '--mix', 'trader=6,churner=1,roamer=1,mobile=1,spectator=0.3'],
    ...['--seed', String(values.seed + at), '--fault', faultOf(), '--quiet', '--json', file],
  ];
  const child = spawn(process.execPath, [cluster.cli, 'bots', ...argv], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0 && code !== 1) throw new Error(`bots ended with ${code}`);
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

interface Sample {
  readonly memoryMb: number;
  readonly handles: number;
  readonly diskBytes: number;
  readonly commands: number;
}

async function sample(server: Server, data: string): Promise<Sample> {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const { applied } = await statusOf(server);
  return {
    memoryMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
    handles: readdirSync(`/proc/${server.pid}/fd`).length,
    diskBytes: sizeOf(data),
    commands: applied,
  };
}

/** Files may go while they are counted. */
function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

const warmUp = (segments: number) => Math.min(WARM_UP, Math.floor(segments / 3));

function drifts(samples: readonly (readonly Sample[])[], reports: readonly Report[]) {
  const from = warmUp(samples.length);
  const settled = samples.slice(from);
  const servers = REGIONS.flatMap((region, which) => {
    const of = (figure: (sample: Sample) => number) => settled.map((all) => figure(all[which] as Sample));
    return [
      driftOf(
        `${region} memory, MB`,
        of(({ memoryMb }) => memoryMb),
        samples.length < MEMORY_JUDGED ? Number.POSITIVE_INFINITY : MEMORY_SHARE,
      ),
      driftOf(
        `${region} handles`,
        of(({ handles }) => handles),
        HANDLES_SHARE,
      ),
      // The log is kept whole: it may grow, but not faster than the commands.
      driftOf(
        `${region} disk, bytes a command`,
        of(({ diskBytes, commands }) => diskBytes / commands),
        DISK_SHARE,
      ),
    ];
  });
  const latency = reports.slice(from).map(({ trends }) => trends.issued.med);
  return [...servers, driftOf('latency p50, ms', latency, LATENCY_SHARE)];
}

const cluster = await Cluster.start({ args: ['--token-hours', TOKEN_HOURS] });
let failed = false;
try {
  const reports: Report[] = [];
  const samples: Sample[][] = [];
  const end = performance.now() + values.minutes * 60_000;
  for (let at = 0; performance.now() < end; at++) {
    const report = await segment(cluster, at);
    reports.push(report);
    samples.push(
      await Promise.all(cluster.servers.map((server) => sample(server, join(cluster.folder, server.region)))),
    );
    const { verdict, counts, faults, trends } = report;
    const memory = samples
      .at(-1)
      ?.map(({ memoryMb }) => Math.round(memoryMb))
      .join('/');
    console.log(
      `${at + 1}  ${verdict.sound ? '✓' : '✗'}  ${counts.issued} acknowledged, p50 ${trends.issued.med.toFixed(1)} ms, ` +
        `${memory} MB, ${faults.map(({ fault, pauseMs }) => `${fault} paused ${pauseMs} ms`).join()}`,
    );
    if (!verdict.sound)
      throw new Error(`${verdict.complaints.join('; ')} ${JSON.stringify(verdict.problems)}`);
  }
  const all = drifts(samples, reports);
  for (const { name, from, to, climbs, samples } of all)
    console.log(
      `${climbs ? '✗' : '✓'} ${name.padEnd(26)} ${from.toFixed(1).padStart(8)} → ${to.toFixed(1).padEnd(8)} ${curve(samples, GRAPH_COLUMNS)}`,
    );
  if (samples.length - warmUp(samples.length) < SAMPLES_LEAST) console.log('too short to tell a trend');
  else if (samples.length < MEMORY_JUDGED)
    console.log(
      `too short to judge memory: tails and caches fill for ${(MEMORY_JUDGED * SEGMENT_SECONDS) / 60} minutes`,
    );
  failed = all.some(({ climbs }) => climbs);
  const acknowledged = reports.reduce((sum, { counts }) => sum + counts.issued, 0);
  console.log(JSON.stringify({ name: 'soak', minutes: values.minutes, acknowledged, failed, drifts: all }));
} catch (error) {
  failed = true;
  console.error(error instanceof Error ? error.message : error);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
