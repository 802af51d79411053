/** ZooKeeper from its Debian package: three servers on loopback, each a Java process with a folder of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../../cluster/harness.ts';
import type { Endpoint } from '../lines/line.ts';
import { start } from '../processes.ts';
import { Started, whenReady } from './started.ts';
import { type Breakable, type BreakableSystem, found, missingPackage, until } from './system.ts';

const JAVA = ['/usr/bin/java'];
const JAR = ['/usr/share/java/zookeeper.jar'];
const MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
const SERVERS = 3;

export const zookeeper: BreakableSystem = {
  kind: 'zookeeper',
  title: 'ZooKeeper',
  about: 'three servers, tickTime 2000, defaults; setData by a client of its own wire format, pipelined',
  debian: 'zookeeper',
  missing: () =>
    found(...JAVA) === null || found(...JAR) === null ? missingPackage('ZooKeeper', 'zookeeper') : null,
  start: () => ZooKeeper.start(),
};

class ZooKeeper extends Started implements Breakable {
  readonly endpoints: readonly Endpoint[];

  private constructor(ports: readonly number[]) {
    super('zookeeper');
    this.endpoints = Array.from({ length: SERVERS }, (_, i) => ({ host: '127.0.0.1', port: ports[i]! }));
    const servers = this.endpoints.map(
      (_, i) => `server.${i + 1}=127.0.0.1:${ports[SERVERS + i]}:${ports[2 * SERVERS + i]}`,
    );
    this.endpoints.forEach(({ port }, i) => {
      const data = this.#path(i);
      mkdirSync(data);
      writeFileSync(join(data, 'myid'), String(i + 1));
      const lines = [
        ...['tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${data}`, `clientPort=${port}`],
        ...['clientPortAddress=127.0.0.1', 'maxClientCnxns=0', 'admin.enableServer=false'],
        ...['4lw.commands.whitelist=srvr', ...servers],
      ];
      writeFileSync(join(data, 'zoo.cfg'), `${lines.join('\n')}\n`);
    });
  }

  static async start(): Promise<ZooKeeper> {
    const zookeeper = new ZooKeeper(await freePorts(3 * SERVERS));
    return whenReady(zookeeper, () => {
      for (const index of zookeeper.endpoints.keys()) zookeeper.#spawn(index);
      return Promise.all(zookeeper.endpoints.map((_, index) => zookeeper.#serves(index)));
    });
  }

  async leader(): Promise<number> {
    const modes = await Promise.all(this.endpoints.map((endpoint) => mode(endpoint).catch(() => '')));
    return modes.indexOf('leader');
  }

  /** The upper half of a transaction's number is the epoch of its leader. */
  async leadership(): Promise<number> {
    return Math.floor((await zxid(this.endpoints[await this.leader()]!)) / 2 ** 32);
  }

  applied(index: number): Promise<number> {
    return zxid(this.endpoints[index]!);
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.children[index]?.process.kill(signal);
  }

  async restart(index: number): Promise<void> {
    await this.children[index]?.stop();
    this.#spawn(index);
    await this.#serves(index);
  }

  #path(index: number): string {
    return join(this.folder.path, `s${index + 1}`);
  }

  #spawn(index: number): void {
    const config = join(this.#path(index), 'zoo.cfg');
    this.children[index] = start(found(...JAVA) ?? 'java', ['-cp', found(...JAR) ?? '', MAIN, config]);
  }

  async #serves(index: number): Promise<void> {
    const endpoint = this.endpoints[index]!;
    await until(`ZooKeeper ${index + 1}`, this.children[index]!, async () => {
      const found = await mode(endpoint);
      return found === 'leader' || found === 'follower' ? true : null;
    });
  }
}

/** `leader`, `follower`, or '' while it does not serve. */
async function mode(endpoint: Endpoint): Promise<string> {
  return /^Mode: (\w+)/m.exec(await srvr(endpoint))?.[1] ?? '';
}

async function zxid(endpoint: Endpoint): Promise<number> {
  const found = /^Zxid: 0x([0-9a-f]+)/m.exec(await srvr(endpoint))?.[1];
  if (found === undefined) throw new Error('it does not serve');
  return Number.parseInt(found, 16);
}

/** What the server says of itself. */
function srvr({ host, port }: Endpoint): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write('srvr'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
