/** `throughline demo` as a newcomer runs it, without a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFree, until } from '../cluster/harness.ts';

const REGIONS = ['eu', 'us', 'ap'] as const;
const READY_MS = 45_000;

/** With 6,000 more for admin below those of the cluster's tests, and so of outgoing connections: a demo that starts again finds its ports. */
const DEMO_PORTS = { from: 12_000, to: 17_000 };

/** A first port whose companions for peers and admin are free as well. */
export async function freeFirstPort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const first = DEMO_PORTS.from + Math.floor(Math.random() * (DEMO_PORTS.to - DEMO_PORTS.from));
    const wanted = [0, 1, 2].flatMap((i) => [first + i, first + 5_000 + i, first + 6_000 + i]);
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

export class DemoProcess {
  readonly port: number;
  readonly data: string;
  out = '';
  err = '';
  exit: Promise<number | NodeJS.Signals> = Promise.resolve(0);
  #child: ChildProcess | null = null;

  constructor(port: number, data = mkdtempSync(join(tmpdir(), 'throughline-demo-'))) {
    this.port = port;
    this.data = data;
  }

  start(extra: readonly string[] = []): void {
    const args = ['bin/throughline.mjs', 'demo', '--port', String(this.port), '--data', this.data, ...extra];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.out = '';
    this.err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.err += chunk.toString();
    });
    this.exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
    });
  }

  async ready(): Promise<void> {
    let ended = false;
    void this.exit.then(() => {
      ended = true;
    });
    await until(
      `the demo to be ready`,
      () => {
        if (ended) throw new Error(`the demo ended: ${this.out}\n${this.err}`);
        return /ready after/.test(this.out) && this.out.includes(`kept in`);
      },
      READY_MS,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  get adminToken(): string {
    const keys = JSON.parse(readFileSync(join(this.data, 'keys.json'), 'utf8')) as { adminToken: string };
    return keys.adminToken;
  }

  client(region: (typeof REGIONS)[number]): string {
    return `http://127.0.0.1:${this.port + REGIONS.indexOf(region)}`;
  }

  async admin(region: (typeof REGIONS)[number], path: string, body?: object): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port + 6_000 + REGIONS.indexOf(region)}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${this.adminToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  /** The region that leads the arena. */
  async leader(): Promise<(typeof REGIONS)[number]> {
    return await until('a leader of the arena', async () => {
      for (const region of REGIONS) {
        try {
          const { worlds } = (await this.admin(region, '/api/status')) as {
            worlds: { world: string; role: string }[];
          };
          if (worlds.some(({ world, role }) => world === 'arena' && role === 'leader')) return region;
        } catch {
          // Down, or on its way up.
        }
      }
      return undefined;
    });
  }

  /** Nothing of it listens any more. */
  async gone(): Promise<void> {
    const ports = [0, 1, 2].flatMap((i) => [this.port + i, this.port + 5_000 + i, this.port + 6_000 + i]);
    await until(
      'all region servers to be gone',
      async () => !(await Promise.all(ports.map(answers))).some(Boolean),
      15_000,
    );
  }

  /** Stops it and removes its data. */
  async end(): Promise<number | NodeJS.Signals> {
    this.signal('SIGTERM');
    const code = await this.exit;
    rmSync(this.data, { recursive: true, force: true });
    return code;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
