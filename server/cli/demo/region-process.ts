/** One region server as a process of its own: started, watched, started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Keys } from './keys.ts';
import { type BuiltFiles, HOST, type RegionPlace } from './layout.ts';
import { LogFile } from './log-file.ts';

/** A server that ran this long before it died starts the count of failures anew. */
const STEADY_MS = 10_000;
const BACK_OFF_MS = 500;
const BACK_OFF_AT_MOST_MS = 10_000;
/** After a kill on purpose: long enough to see the others go on. */
const AFTER_KILL_MS = 3_000;
/** SIGTERM drains within 5 s; then it is killed. */
const DRAIN_MS = 6_000;
const LAST_WORDS = 12;

/** Leaves by itself when the demo is gone, however it went: the channel between them breaks. */
export const ORPHAN_GUARD = `data:text/javascript,${encodeURIComponent(
  "process.on('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();",
)}`;

export interface RegionProcessOptions {
  readonly place: RegionPlace;
  readonly places: readonly RegionPlace[];
  readonly data: string;
  readonly page: string;
  readonly keys: Keys;
  readonly files: BuiltFiles;
  /** Something a person should read. */
  readonly say: (line: string) => void;
}

export class RegionProcess {
  readonly place: RegionPlace;
  readonly #options: RegionProcessOptions;
  #child: ChildProcess | null = null;
  #ready = false;
  #stopping = false;
  #killed = false;
  #failures = 0;
  #startedAt = 0;
  #restart: NodeJS.Timeout | null = null;
  #lastWords: string[] = [];

  constructor(options: RegionProcessOptions) {
    this.#options = options;
    this.place = options.place;
  }

  /** It serves clients. */
  get ready(): boolean {
    return this.#ready;
  }
  /** Times in a row that it died soon after its start. */
  get failures(): number {
    return this.#failures;
  }
  /** The end of what it said on its error output. */
  get lastWords(): string {
    return this.#lastWords.join('\n');
  }

  start(): void {
    const { place, places, data, page, keys, files } = this.#options;
    const address = (port: number) => `${HOST}:${port}`;
    const peers = places.map(({ name, peer }) => `${name}=${address(peer)}`).join(',');
    const options = [
      ...['--region', place.name, '--peers', peers, '--data', join(data, place.name)],
      ...['--listen', address(place.client), '--admin', address(place.admin)],
      ...['--page', page, '--guests', '--allow-faults'],
    ];
    const env: NodeJS.ProcessEnv = {};
    // What the demo was told through its environment is not meant for the servers.
    for (const [name, value] of Object.entries(process.env))
      if (!name.startsWith('THROUGHLINE_')) env[name] = value;
    env['THROUGHLINE_SECRET'] = keys.secret;
    env['THROUGHLINE_ADMIN_TOKEN'] = keys.adminToken;
    this.#startedAt = performance.now();
    this.#killed = false;
    const child = spawn(process.execPath, ['--import', ORPHAN_GUARD, files.cli, 'serve', ...options], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#keepLog(child);
    child.once('error', (error) => this.#lastWords.push(error.message));
    child.once('close', (code, signal) => this.#died(signal ?? `code ${code}`));
  }

  /** As a crash would: it gets no chance to say good-bye. Comes back after a moment. */
  kill(): void {
    this.#killed = true;
    this.#child?.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart) clearTimeout(this.#restart);
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const limit = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    child.kill('SIGTERM');
    await gone;
    clearTimeout(limit);
  }

  /** The last resort, when there is no time for `stop`. */
  abandon(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  #died(how: string): void {
    this.#child = null;
    this.#ready = false;
    if (this.#stopping) return;
    const { say, place } = this.#options;
    const steady = performance.now() - this.#startedAt > STEADY_MS;
    this.#failures = steady || this.#killed ? 0 : this.#failures + 1;
    const pause = this.#killed
      ? AFTER_KILL_MS
      : Math.min(BACK_OFF_AT_MOST_MS, BACK_OFF_MS * 2 ** Math.max(0, this.#failures - 1));
    say(`${place.name} died (${how}); it starts again in ${pause / 1_000} s`);
    this.#restart = setTimeout(() => this.start(), pause);
  }

  #keepLog(child: ChildProcess): void {
    const { data, place } = this.#options;
    const log = new LogFile(join(data, 'logs'), place.name);
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        log.write(line);
        if (!this.#ready && isReady(line)) this.#becameReady();
      });
    if (child.stderr)
      createInterface({ input: child.stderr }).on('line', (line) => {
        log.write(line);
        this.#lastWords = [...this.#lastWords, line].slice(-LAST_WORDS);
      });
    child.once('close', () => log.close());
  }

  #becameReady(): void {
    this.#ready = true;
    this.#lastWords = [];
  }
}

function isReady(line: string): boolean {
  try {
    return (JSON.parse(line) as { event?: unknown } | null)?.event === 'ready';
  } catch {
    return false;
  }
}
