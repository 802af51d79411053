/**
 * Children, temporary folders and what /proc tells about a process. Whatever is registered here is gone when the benchmark
 * ends, however it ends: each child is stopped by its own process id.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const endings = new Set<() => void>();
let installed = false;

/** Runs at the end of this process, also after Ctrl-C; call what is returned once it is not needed any more. */
export function atEnd(run: () => void): () => void {
  if (!installed) {
    installed = true;
    process.once('exit', () => {
      // Last come, first gone: a child before the folder that it works in.
      for (const ending of [...endings].reverse()) {
        try {
          ending();
        } catch (error) {
          // The others must still be stopped.
          console.error(error);
        }
      }
    });
    // Not once: a second signal, from a terminal or npm to the whole group, must not cut the tidying short.
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)
      process.on(signal, () => process.exit(code));
  }
  endings.add(run);
  return () => void endings.delete(run);
}

export interface Folder {
  readonly path: string;
  remove(): void;
}

/** Under TMPDIR, which says on which disk it is measured. */
export function temporaryFolder(what: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `throughline-bench-${what}-`));
  // A server that was just killed may be in the middle of a write.
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  const forget = atEnd(remove);
  return {
    path,
    remove() {
      forget();
      remove();
    },
  };
}

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Last words on standard error and output, for an error message. */
  tail(): string;
  /** Resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const TAIL = 2_000;

/** A server of somebody else; its words are kept for the case that it does not start. */
export function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  });
  return watch(child);
}

/** One of our own helpers, given by its file beside this one; it talks by IPC and ends when we do. */
export function startHelper(file: string, nodeOptions: readonly string[] = []): Child {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const execArgv = ['--import', 'tsx', ...nodeOptions];
  return watch(fork(path, { execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
}

function watch(child: ChildProcess): Child {
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-TAIL);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.on('error', (error) => hear(Buffer.from(error.message)));
  const forget = atEnd(() => child.kill('SIGKILL'));
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      forget();
      resolve();
    });
    child.once('error', () => resolve());
  });
  return {
    process: child,
    get pid() {
      return child.pid ?? 0;
    },
    tail: () => said,
    stop(signal = 'SIGKILL') {
      // One that is stopped by SIGSTOP dies of SIGKILL only.
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return gone;
    },
  };
}

/** Gives a helper its order and waits for its one answer; the helper is gone afterwards. */
export async function ask<Order extends object, Answer>(
  file: string,
  order: Order,
  nodeOptions: readonly string[] = [],
): Promise<Answer> {
  const helper = startHelper(file, nodeOptions);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      helper.process.once('message', (answer) => resolve(answer as Answer));
      helper.process.once('exit', (code, signal) =>
        reject(new Error(`${file} ended with ${code ?? signal}: ${helper.tail()}`)),
      );
      helper.process.send(order);
    });
  } finally {
    await helper.stop();
  }
}

/** The other side of `ask`, in the helper's process. */
export function answer<Order, Answer>(work: (order: Order) => Promise<Answer>): void {
  process.once('disconnect', () => process.exit(0));
  process.once('message', (order) => {
    work(order as Order).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

/** User and system time of running processes in seconds, from Linux' /proc; clock ticks are 10 ms. */
export const cpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + secondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0);

/** The same of each thread of a running process, by its id; that of the main thread is the process' own and comes first. */
export type ThreadSeconds = ReadonlyMap<number, number>;

export function threadSeconds(pid: number): ThreadSeconds {
  // Names come sorted as text, and numbers go round.
  const ids = new Set([pid, ...readdirSync(`/proc/${pid}/task`).map(Number)]);
  return new Map([...ids].map((id) => [id, secondsIn(readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8'))]));
}

/** What each thread that is there `now` used since `before`, in the order of `now`. */
export const usedSince = (before: ThreadSeconds, now: ThreadSeconds): number[] =>
  [...now].map(([id, seconds]) => seconds - (before.get(id) ?? 0));

export function secondsIn(stat: string): number {
  // The name in brackets may hold anything, also spaces.
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? Number.NaN) * 1024;
}

/** Seconds of a clock that all processes of this machine share. */
export const sharedClock = (): number => Number(process.hrtime.bigint()) / 1e9;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One line for whoever waits. */
export const progress = (line: string): void => void process.stderr.write(`${line}\n`);
