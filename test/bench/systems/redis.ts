/**
 * Redis from its Debian package. `redis`: one server that flushes before it answers, so one copy of everything. `redis-stream`: a
 * server and a replica, and WAIT 1 before a write counts: two copies, the replica's not flushed.
 */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../../cluster/harness.ts';
import type { Endpoint } from '../lines/line.ts';
import { type Child, type Folder, start, temporaryFolder } from '../processes.ts';
import { found, missingPackage, type Running, type System, until } from './system.ts';

const PROGRAM = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'];
const missing = () => (found(...PROGRAM) === null ? missingPackage('Redis', 'redis-server') : null);

export const redis: System = {
  kind: 'redis',
  title: 'Redis, one node',
  about: 'one server, appendfsync always; SET, pipelined',
  debian: 'redis-server',
  missing,
  start: () => Redis.start(1),
};

export const redisStream: System = {
  kind: 'redis-stream',
  title: 'Redis + replica',
  about: 'appendfsync always and one replica; XADD to one stream, pipelined, one WAIT 1 for those of a turn',
  debian: 'redis-server',
  missing,
  start: () => Redis.start(2),
};

class Redis implements Running {
  readonly endpoints: readonly Endpoint[];
  readonly #folder: Folder;
  readonly #children: readonly Child[];

  private constructor(folder: Folder, ports: readonly number[]) {
    this.#folder = folder;
    // Writes go to the first only.
    this.endpoints = [{ host: '127.0.0.1', port: ports[0]! }];
    this.#children = ports.map((port, index) => {
      const dir = join(folder.path, `r${index}`);
      mkdirSync(dir);
      return start(found(...PROGRAM) ?? 'redis-server', [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--repl-diskless-sync-delay', '0'],
        ...(index === 0 ? [] : ['--replicaof', '127.0.0.1', String(ports[0])]),
      ]);
    });
  }

  static async start(servers: number): Promise<Redis> {
    const redis = new Redis(temporaryFolder('redis'), await freePorts(servers));
    try {
      await until('Redis', redis.#children[0]!, async () => {
        const info = await ask(redis.endpoints[0]!, 'INFO replication');
        return info.split('state=online').length === servers ? true : null;
      });
      return redis;
    } catch (error) {
      await redis.stop();
      throw error;
    }
  }

  get pids(): number[] {
    return this.#children.map(({ pid }) => pid);
  }

  async leader(): Promise<number> {
    return 0;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    this.#folder.remove();
  }
}

/** An inline command and whatever comes back until the server hangs up. */
function ask({ host, port }: Endpoint, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write(`${command}\r\nQUIT\r\n`));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
