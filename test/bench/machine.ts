/** What a figure was measured on; part of every report. */
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './processes.ts';
import { percentile, round } from './statistics.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  /** Runnable processes in the last minute, before this run. */
  readonly load: number;
  /** Milliseconds to append 4 KiB to a growing file and flush it. */
  readonly flush: { readonly p50: number; readonly p99: number };
}

export function machine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: commit(),
    load: round(loadavg()[0] ?? 0),
    flush: flushTimes(),
  };
}

/** Half a core in use by others already bends figures. */
const QUIET = 0.25;

/** Why figures of this run may be worse than the machine; null if it is quiet. */
export function unquiet({ load, cores }: Pick<Machine, 'load' | 'cores'>): string | null {
  if (load <= QUIET * cores) return null;
  return `the machine is not quiet: load ${load} on ${cores} cores. Trust ratios within one run and CPU figures only.`;
}

export const describeMachine = (it: Machine): string =>
  `${it.cores} x ${it.cpu}, ${it.memoryGiB} GiB, ${it.system}, Node ${it.node}, ${it.commit}; load ${it.load}; ` +
  `4 KiB + fdatasync p50 ${it.flush.p50} ms, p99 ${it.flush.p99} ms`;

const FLUSHES = 200;

function flushTimes(): Machine['flush'] {
  const folder = temporaryFolder('flush');
  try {
    const file = openSync(join(folder.path, 'file'), 'w');
    const block = Buffer.alloc(4096, 1);
    const times: number[] = [];
    for (let i = 0; i < FLUSHES; i++) {
      const from = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      times.push(performance.now() - from);
    }
    closeSync(file);
    return { p50: round(percentile(times, 0.5), 3), p99: round(percentile(times, 0.99), 3) };
  } finally {
    folder.remove();
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
