/**
 * Redis from its Debian package. `redis`: one server that flushes before it answers, so one copy of everything. `redis-stream`: a
 * server and a replica, and WAIT 1 before a write counts: two copies, the replica's not flushed.
 */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../../cluster/harness.ts';
import type { Endpoint } from '../lines/line.ts';
import { start } from '../processes.ts';
import { Started, whenReady } from './started.ts';
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

class Redis extends Started implements Running {
  readonly endpoints: readonly Endpoint[];

  private constructor(ports: readonly number[]) {
    super('redis');
    // Writes go to the first only.
    this.endpoints = [{ host: '127.0.0.1', port: ports[0]! }];
    ports.forEach((port, index) => {
      const dir = join(this.folder.path, `r${index}`);
      mkdirSync(dir);
      this.children[index] = start(found(...PROGRAM) ?? 'redis-server', [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--repl-diskless-sync-delay', '0'],
        ...(index === 0 ? [] : ['--replicaof', '127.0.0.1', String(ports[0])]),
      ]);
    });
  }

  static async start(servers: number): Promise<Redis> {
    const redis = new Redis(await freePorts(servers));
    return whenReady(redis, () =>
      until('Redis', redis.children[0]!, async () => {
        const info = await ask(redis.endpoints[0]!, 'INFO replication');
        return info.split('state=online').length === servers ? true : null;
      }),
    );
  }

  async leader(): Promise<number> {
    return 0;
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
