/**
 * `recovery`: a server that does not lead is killed, 100,000 commands are issued without it, it is started again: how long until it has
 * applied what the leader had applied at that moment. The start of the process counts.
 */
import { type BenchOptions, wanted } from './args.ts';
import { type Report, Samples } from './figures.ts';
import type { LoadOrder, LoadReport } from './lines/load-main.ts';
import { prepare } from './lines/open-line.ts';
import { ask, pause, progress } from './processes.ts';
import { median, round, table } from './statistics.ts';
import { etcd } from './systems/etcd.ts';
import type { Breakable, BreakableSystem } from './systems/system.ts';
import { throughline } from './systems/throughline.ts';
import { zookeeper } from './systems/zookeeper.ts';

const COMMANDS = 100_000;
const QUICK_COMMANDS = 10_000;
const LINES = 64;
const IN_FLIGHT = 1_024;
const LONGEST_MS = 300_000;
const ROUNDS = 3;
/** Between two questions: a server that catches up must not spend its time on them. */
const ASK_MS = 20;

export async function recovery(options: BenchOptions): Promise<Report> {
  const commands = options.counts?.[0] ?? (options.quick ? QUICK_COMMANDS : COMMANDS);
  const systems: BreakableSystem[] = [throughline(), ...(options.peers ? [etcd(), zookeeper] : [])];
  const samples = new Samples();
  const notes: string[] = [];
  const rows: (string | number)[][] = [];
  // `times` counts faults by the dozen elsewhere; each of these takes a minute.
  const times = Math.min(options.times, ROUNDS);
  for (const system of systems.filter(({ kind }) => wanted(options, kind))) {
    const missing = system.missing();
    if (missing !== null) {
      notes.push(`left out: ${missing}`);
      continue;
    }
    const name = `${system.title}: killed server current after ${commands} commands`;
    const serving: number[] = [];
    for (let index = 0; index < times; index++) {
      const { current, serves } = await recoverOnce(system, commands);
      samples.add(name, current, 's', 'less');
      serving.push(serves);
      progress(`${system.title} ${index + 1}: current after ${round(current)} s`);
    }
    rows.push([system.title, commands, samples.cell(name), samples.spread(name, 2), round(median(serving))]);
  }
  const head = ['system', 'commands missed', 'current after s', 'spread', 'serves after s'];
  return { figures: samples.figures(), tables: [table([head, ...rows])], notes };
}

async function recoverOnce(system: BreakableSystem, commands: number) {
  const running = await system.start();
  try {
    const leader = await running.leader();
    await prepare(system.kind, running.endpoints[leader]!);
    const killed = (leader + 1) % running.endpoints.length;
    running.signal(killed, 'SIGKILL');
    const endpoints = running.endpoints.filter((_, index) => index !== killed);
    const report = await ask<LoadOrder, LoadReport>('./lines/load-main.ts', {
      ...{ kind: system.kind, endpoints, lines: LINES, inFlight: IN_FLIGHT },
      ...{ warmUpMs: 0, measureMs: LONGEST_MS, most: commands },
    });
    if (report.acknowledged < commands)
      throw new Error(`only ${report.acknowledged} writes in ${report.seconds} s`);
    // What was still in flight settles.
    await pause(500);
    const target = await running.applied(await running.leader());
    return await comeBack(running, killed, target);
  } finally {
    await running.stop();
  }
}

async function comeBack(running: Breakable, index: number, target: number) {
  const from = performance.now();
  const since = () => (performance.now() - from) / 1_000;
  let serves = Number.NaN;
  const started = running.restart(index).then(() => {
    serves = since();
  });
  for (;;) {
    const applied = await running.applied(index).catch(() => -1);
    if (applied >= target) break;
    if (since() > LONGEST_MS / 1_000) throw new Error(`it stands at ${applied} of ${target}`);
    await pause(ASK_MS);
  }
  const current = since();
  await started;
  return { current, serves };
}
