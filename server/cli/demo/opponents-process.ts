/** The demo's computer opponents: `bots --play` as a process of its own, started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type BuiltFiles, HOST, type RegionPlace } from './layout.ts';
import { LogFile } from './log-file.ts';
import { ORPHAN_GUARD } from './region-process.ts';

const AGAIN_MS = 1_000;
const AGAIN_AT_MOST_MS = 30_000;
/** One that ran this long before it died starts the count anew. */
const STEADY_MS = 60_000;
/** They say good-bye within 1.5 s; then it is killed. */
const LEAVE_MS = 2_500;

export interface OpponentsOptions {
  readonly places: readonly RegionPlace[];
  readonly data: string;
  readonly files: BuiltFiles;
}

export class OpponentsProcess {
  readonly #options: OpponentsOptions;
  #child: ChildProcess | null = null;
  #again: NodeJS.Timeout | null = null;
  #deaths = 0;
  #startedAt = 0;
  #stopping = false;

  constructor(options: OpponentsOptions) {
    this.#options = options;
  }

  start(): void {
    const { places, data, files } = this.#options;
    const urls = places.map(({ client }) => `ws://${HOST}:${client}`).join(',');
    const env: NodeJS.ProcessEnv = { THROUGHLINE_NO_BUILD: '1' };
    // They are players: what else the demo knows is not for them.
    for (const [name, value] of Object.entries(process.env))
      if (!name.startsWith('THROUGHLINE_')) env[name] = value;
    const argv = ['--import', ORPHAN_GUARD, files.cli, 'bots', '--play', '--url', urls];
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    this.#startedAt = performance.now();
    const log = new LogFile(join(data, 'logs'), 'opponents');
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => log.write(line));
    child.once('error', (error) => log.write(error.message));
    child.once('close', (code, signal) => {
      log.write(`ended: ${signal ?? code}`);
      log.close();
      this.#died();
    });
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#again) clearTimeout(this.#again);
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const limit = setTimeout(() => child.kill('SIGKILL'), LEAVE_MS);
    child.kill('SIGTERM');
    await gone;
    clearTimeout(limit);
  }

  /** The last resort, when there is no time for `stop`. */
  abandon(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  #died(): void {
    this.#child = null;
    if (this.#stopping) return;
    if (performance.now() - this.#startedAt > STEADY_MS) this.#deaths = 0;
    const pause = Math.min(AGAIN_AT_MOST_MS, AGAIN_MS * 2 ** Math.min(this.#deaths++, 10));
    this.#again = setTimeout(() => this.start(), pause);
  }
}
