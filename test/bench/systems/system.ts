/** Another system that does what ours does, as a benchmark sees it: three servers on loopback, with folders of their own. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Endpoint, LineKind } from '../lines/line.ts';
import { type Child, pause, progress } from '../processes.ts';

export interface System {
  readonly kind: LineKind;
  /** How tables call it. */
  readonly title: string;
  /** Name and settings, for the report. */
  readonly about: string;
  /** Why it cannot run here, with what to install; null if it can. */
  missing(): string | null;
  /** Debian package that brings it; null: nothing to install. */
  readonly debian: string | null;
  start(): Promise<Running>;
}

export interface Running {
  readonly endpoints: readonly Endpoint[];
  readonly pids: readonly number[];
  /** Index of the server that leads. */
  leader(): Promise<number>;
  stop(): Promise<void>;
}

/** A cluster whose servers can be taken away one by one. */
export interface Breakable extends Running {
  signal(index: number, signal: NodeJS.Signals): void;
  /** After SIGKILL: starts it again on its old data; resolves when it serves. */
  restart(index: number): Promise<void>;
  /** Number of the leadership (ballot round, term, epoch): it rises with each election. */
  leadership(): Promise<number>;
  /** How far this server has applied the sequence; rejects while it does not serve. */
  applied(index: number): Promise<number>;
}

export interface BreakableSystem extends System {
  start(): Promise<Breakable>;
}

/** The path of the first that exists. */
export const found = (...paths: readonly string[]): string | null =>
  paths.find((path) => existsSync(path)) ?? null;

export function missingPackage(what: string, debian: string): string {
  return `${what} is not installed: apt-get install ${debian} (or --install as root)`;
}

/** Installs what is missing, where this is allowed and possible. Never throws: what is missing is told by `missing`. */
export function install({ debian, title }: Pick<System, 'debian' | 'title'>): void {
  if (debian === null) return;
  if (process.getuid?.() !== 0) {
    progress(`${title}: only root can install ${debian}`);
    return;
  }
  progress(`${title}: apt-get install ${debian}`);
  // The package must not start a service of its own beside ours.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', debian], {
    env,
    stdio: 'ignore',
  });
  if (status !== 0) progress(`${title}: apt-get ended with ${status}`);
}

/** Polls until `look` gives something; says the server's last words where it never does. */
export async function until<T>(
  what: string,
  child: Child,
  look: () => Promise<T | null>,
  ms = 20_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await look().catch(() => null);
    if (value !== null) return value;
    if (performance.now() > end || child.process.exitCode !== null)
      throw new Error(`waited in vain for ${what}: ${child.tail()}`);
    await pause(10);
  }
}
