/** Real processes: three `serve` on free loopback ports with a data folder of their own, and what a client needs of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildCommandLine } from '../../scripts/build.mjs';

export type RegionName = 'eu' | 'us' | 'ap';
const REGIONS: readonly RegionName[] = ['eu', 'us', 'ap'];

const READY_MS = 15_000;

/** The command line as it ships, made once for a test file, beside the packages it loads. */
export async function bundle(): Promise<{ cli: string; imports: readonly string[]; remove: () => void }> {
  mkdirSync('node_modules/.cache', { recursive: true });
  const folder = mkdtempSync(join('node_modules/.cache', 'cluster-test-'));
  const { file: cli, imports } = await buildCommandLine(folder);
  return { cli, imports, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * Below what systems give to outgoing connections, and a block of its own for each process, so that nobody takes the port of a
 * server that is down for a moment.
 */
const BLOCK = 100;
const FIRST_PORT = 23_100 + BLOCK * (process.pid % 96);
let nextPort = 0;

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Free at this moment; all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 2 * BLOCK) throw new Error(`no ${count} free ports from ${FIRST_PORT}`);
    const port = FIRST_PORT + (nextPort++ % BLOCK);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/** The first of each of `count` runs of so many free ports. */
async function freeRuns(count: number, length: number): Promise<number[]> {
  const firsts: number[] = [];
  while (firsts.length < count) {
    const [first = 0, ...others] = await freePorts(length);
    if (others.every((port, at) => port === first + 1 + at)) firsts.push(first);
  }
  return firsts;
}

/** Waits until `look` gives something; never longer than `ms`. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 10_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Where a server's process runs: its address, and what starts it there. */
export interface Place {
  readonly host: string;
  readonly launch: readonly string[];
}
const HERE: Place = { host: '127.0.0.1', launch: [process.execPath] };

export class Server {
  readonly region: RegionName;
  readonly listen: number;
  readonly admin: number;
  /** Parsed lines of the running or last process, oldest first. */
  lines: { readonly [field: string]: unknown }[] = [];
  errors = '';
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }> = Promise.resolve({
    code: null,
    signal: null,
  });
  /** How long it may take until it is ready. */
  readyMs = READY_MS;
  private child: ChildProcess | null = null;
  private readonly command: readonly string[];
  private readonly place: Place;

  constructor(
    region: RegionName,
    listen: number,
    admin: number,
    command: readonly string[],
    place: Place = HERE,
  ) {
    this.place = place;
    this.region = region;
    this.listen = listen;
    this.admin = admin;
    this.command = command;
  }

  get running(): boolean {
    return this.child !== null;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get url(): string {
    return `http://${this.place.host}:${this.listen}`;
  }

  get adminUrl(): string {
    return `http://${this.place.host}:${this.admin}`;
  }

  /** Resolves when the process says it is ready; rejects if it ends before. */
  async start(options: { env?: NodeJS.ProcessEnv; args?: readonly string[] } = {}): Promise<void> {
    if (this.child !== null) throw new Error(`${this.region} runs already`);
    const [program = process.execPath, ...before] = this.place.launch;
    const child = spawn(program, [...before, ...this.command, ...(options.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...options.env },
    });
    this.child = child;
    // A test run that ends early leaves no server behind.
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('exit', () => process.off('exit', reap));
    this.lines = [];
    this.errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString()).slice(-4_000);
    });
    this.exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.child = null;
        resolve({ code, signal });
      });
    });
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const parsed = parse(line);
        this.lines.push(parsed);
        if (parsed['event'] === 'ready') resolve();
      });
    });
    const ended = this.exit.then(({ code, signal }) => {
      throw new Error(
        `${this.region} ended (${code ?? signal}) before it was ready: ${this.errors} ${this.tail}`,
      );
    });
    ended.catch(() => {});
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`${this.region} is not ready: ${this.tail}`)), this.readyMs).unref();
    });
    await Promise.race([ready, ended, late]);
  }

  get tail(): string {
    return this.lines
      .slice(-8)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  /** Sends a signal and waits for the end of the process. */
  async stop(
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child?.kill(signal);
    return this.exit;
  }

  /** Pauses (SIGSTOP) or continues (SIGCONT) the process. */
  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }
}

function parse(line: string): { readonly [field: string]: unknown } {
  try {
    return JSON.parse(line) as { readonly [field: string]: unknown };
  } catch {
    return { line };
  }
}

export interface ClusterOptions {
  readonly worlds?: string;
  readonly workers?: number;
  readonly args?: readonly string[];
  readonly readyMs?: number;
}

export class Cluster {
  readonly servers: readonly Server[];
  readonly folder: string;
  readonly cli: string;
  private readonly remove: () => void;

  private constructor(servers: readonly Server[], folder: string, cli: string, remove: () => void) {
    this.servers = servers;
    this.folder = folder;
    this.cli = cli;
    this.remove = remove;
  }

  /** Prepares everything; no process runs yet. */
  static async prepare(options: ClusterOptions = {}): Promise<Cluster> {
    const { cli, remove } = await bundle();
    const folder = mkdtempSync(join(tmpdir(), 'throughline-cluster-'));
    // Workers take the ports that follow their region's.
    const workers = options.workers ?? 0;
    const ports = [...(await freePorts(6)), ...(await freeRuns(REGIONS.length, 1 + workers))];
    const peers = REGIONS.map((region, at) => `${region}=127.0.0.1:${ports[at]}`).join(',');
    const servers = REGIONS.map((region, at) => {
      const [admin = 0, listen = 0] = [ports[3 + at], ports[6 + at]];
      return new Server(region, listen, admin, [
        ...[cli, 'serve', '--region', region, '--peers', peers],
        ...['--listen', `127.0.0.1:${listen}`, '--admin', `127.0.0.1:${admin}`],
        ...['--data', join(folder, region), '--worlds', options.worlds ?? 'warehouse'],
        ...['--guests', '--allow-faults', '--workers', String(workers), ...(options.args ?? [])],
      ]);
    });
    for (const server of servers) server.readyMs = options.readyMs ?? READY_MS;
    return new Cluster(servers, folder, cli, remove);
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.prepare(options);
    await cluster.startAll();
    return cluster;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    await this.leader(undefined, Math.max(...this.servers.map(({ readyMs }) => readyMs)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
    this.remove();
  }

  of(region: RegionName): Server {
    return this.servers.find((server) => server.region === region) as Server;
  }

  /** The region that leads, once all that run agree on it. */
  async leader(world = 'warehouse', ms = 10_000): Promise<Server> {
    return until(
      'a leader',
      async () => {
        const running = this.servers.filter((server) => server.running);
        const views = await Promise.all(running.map((server) => statusOf(server, world).catch(() => null)));
        const [first] = views;
        if (first?.leader === null || first === null || first === undefined) return false;
        if (!views.every((view) => view?.leader === first.leader && view.ballot.round === first.ballot.round))
          return false;
        const leader = this.of(first.leader);
        return leader.running ? leader : false;
      },
      ms,
    );
  }
}

export interface StatusOfWorld {
  readonly world: string;
  readonly role: string;
  readonly leader: RegionName | null;
  readonly ballot: { readonly round: number; readonly region: string };
  readonly issued: number;
  readonly applied: number;
  readonly digest: string;
}

export async function statusOf(server: Server, world = 'warehouse'): Promise<StatusOfWorld> {
  const response = await fetch(`${server.adminUrl}/api/status`, { signal: AbortSignal.timeout(2_000) });
  const { worlds } = (await response.json()) as { worlds: StatusOfWorld[] };
  const found = worlds.find((candidate) => candidate.world === world);
  if (found === undefined) throw new Error(`${server.region} does not serve ${world}`);
  return found;
}

export async function adminPost(server: Server, path: string, body: object): Promise<Response> {
  return fetch(`${server.adminUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
}
