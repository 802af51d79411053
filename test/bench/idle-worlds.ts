/**
 * `idle-worlds`: what worlds cost in which nothing happens: bytes between the servers, processor time and memory, by number of worlds. The
 * servers serve the worlds that ship, each once, so that is as far as it can be counted; what one more adds is told.
 */
import { execFileSync } from 'node:child_process';
import { worlds } from '../../game-logic/worlds/index.ts';
import type { BenchOptions } from './args.ts';
import { type Report, Samples } from './figures.ts';
import { cpuSeconds, pause, progress, residentBytes } from './processes.ts';
import { bytesByPort } from './socket-bytes.ts';
import { median, round, table } from './statistics.ts';
import { type Throughline, throughline } from './systems/throughline.ts';

const SETTLE_MS = 3_000;
const LEAST_SECONDS = 5;

export async function idleWorlds(options: BenchOptions): Promise<Report> {
  const all = [...worlds.keys()].sort((a, b) => Number(b === 'warehouse') - Number(a === 'warehouse'));
  const counts = options.counts ?? all.map((_, index) => index + 1);
  const samples = new Samples();
  const notes: string[] = [];
  for (let index = 0; index < options.rounds; index++) {
    for (const count of counts) {
      const names = all.slice(0, count);
      if (names.length < count) throw new Error(`only ${all.length} worlds ship: ${all.join(', ')}`);
      await measure(names, Math.max(LEAST_SECONDS, options.seconds), samples);
    }
  }
  const [first, last] = [counts[0] ?? 0, counts.at(-1) ?? 0];
  for (const what of ['bytes/s', 'CPU', 'resident']) {
    const more =
      Number(samples.cell(`${last} worlds: ${what}`, 4)) -
      Number(samples.cell(`${first} worlds: ${what}`, 4));
    if (last > first) notes.push(`one more world adds ${round(more / (last - first), 4)} (${what})`);
  }
  notes.push(
    `worlds in this order: ${all.join(', ')}; a world is served once by a server, so more cannot be started`,
  );
  const rows = samples
    .figures()
    .map(({ name, unit }) => [name, samples.cell(name, 4), samples.spread(name, 4), unit]);
  return {
    figures: samples.figures(),
    tables: [table([['figure', 'median', 'spread', 'unit'], ...rows])],
    notes,
  };
}

async function measure(names: readonly string[], seconds: number, samples: Samples): Promise<void> {
  const running = await throughline({ worlds: names.join(',') }).start();
  try {
    for (const name of names) await running.leader(name);
    await pause(SETTLE_MS);
    const [cpu, bytes, from] = [cpuSeconds(running.pids), peerBytes(running), performance.now()];
    await pause(seconds * 1_000);
    const elapsed = (performance.now() - from) / 1_000;
    const perSecond = (peerBytes(running) - bytes) / elapsed;
    const cores = (cpuSeconds(running.pids) - cpu) / elapsed;
    const worlds = `${names.length} worlds`;
    samples.add(`${worlds}: bytes/s`, perSecond, 'B/s, three servers', 'less');
    samples.add(`${worlds}: CPU`, cores, 'cores, three servers', 'less');
    samples.add(
      `${worlds}: resident`,
      median(running.pids.map(residentBytes)) / 2 ** 20,
      'MiB a server',
      'less',
    );
    progress(`${worlds}: ${Math.round(perSecond)} B/s, ${round(cores, 3)} cores`);
  } finally {
    await running.stop();
  }
}

/** Everything said so far on the links between the servers. */
function peerBytes(running: Throughline): number {
  const ports = running.peerPorts;
  // Only these: a machine may have many thousand connections.
  const filter = ports.map((port) => `sport = :${port}`).join(' or ');
  const text = execFileSync('ss', ['-tinH', 'state', 'established', `( ${filter} )`], { encoding: 'utf8' });
  const byPort = bytesByPort(text);
  return ports.reduce((sum, port) => sum + (byPort.get(port) ?? 0), 0);
}
