/**
 * Hosts of our own on one machine: network namespaces with a bridge between them. Needs Linux, root, `ip` (iproute2) and
 * `iptables`. Nothing outside the namespaces is touched.
 */
import { execFileSync } from 'node:child_process';
import type { RegionName } from '../cluster/harness.ts';

export const HOSTS: readonly RegionName[] = ['eu', 'us', 'ap'];

const sh = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export const addressOf = (host: RegionName): string => `10.83.0.${HOSTS.indexOf(host) + 1}`;

/** The names of one run; `tag` keeps runs apart. Interface names have at most 15 characters. */
export class Network {
  readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }

  get hub(): string {
    return `tl-hub-${this.tag}`;
  }

  namespace(host: RegionName): string {
    return `tl-${host}-${this.tag}`;
  }

  /** Why this machine cannot do it, or null. */
  static obstacle(): string | null {
    if (process.platform !== 'linux') return 'network namespaces need Linux';
    if (process.getuid?.() !== 0) return 'network namespaces and iptables need root';
    for (const program of ['ip', 'iptables', 'mount']) {
      try {
        sh(program, '-V');
      } catch {
        return `the program '${program}' is missing (Debian: apt-get install iproute2 iptables mount)`;
      }
    }
    try {
      sh('ip', 'netns', 'add', 'tl-probe');
      sh('ip', 'netns', 'exec', 'tl-probe', 'iptables', '-L', '-n');
    } catch (error) {
      return `this machine refuses: ${String((error as { stderr?: string }).stderr ?? error).trim()}`;
    } finally {
      quietly(() => sh('ip', 'netns', 'del', 'tl-probe'));
    }
    return null;
  }

  create(): void {
    sh('ip', 'netns', 'add', this.hub);
    this.in(this.hub, 'ip', 'link', 'set', 'lo', 'up');
    this.in(this.hub, 'ip', 'link', 'add', 'bridge', 'type', 'bridge');
    this.in(this.hub, 'ip', 'addr', 'add', '10.83.0.254/24', 'dev', 'bridge');
    this.in(this.hub, 'ip', 'link', 'set', 'bridge', 'up');
    for (const host of HOSTS) {
      const namespace = this.namespace(host);
      const [inside, outside] = [`tl-${host}-in`, `tl-${host}`];
      sh('ip', 'netns', 'add', namespace);
      this.in(this.hub, 'ip', 'link', 'add', outside, 'type', 'veth', 'peer', 'name', inside);
      this.in(this.hub, 'ip', 'link', 'set', inside, 'netns', namespace);
      this.in(this.hub, 'ip', 'link', 'set', outside, 'master', 'bridge', 'up');
      this.in(namespace, 'ip', 'link', 'set', 'lo', 'up');
      this.in(namespace, 'ip', 'addr', 'add', `${addressOf(host)}/24`, 'dev', inside);
      this.in(namespace, 'ip', 'link', 'set', inside, 'up');
    }
  }

  remove(): void {
    for (const namespace of [...HOSTS.map((host) => this.namespace(host)), this.hub])
      quietly(() => sh('ip', 'netns', 'del', namespace));
  }

  /** From now on nothing that `from` sends reaches `to`; the other direction is left alone. */
  drop(from: RegionName, to: RegionName): void {
    this.in(this.namespace(to), 'iptables', '-A', 'INPUT', '-s', addressOf(from), '-j', 'DROP');
  }

  heal(): void {
    for (const host of HOSTS) this.in(this.namespace(host), 'iptables', '-F');
  }

  private in(namespace: string, ...command: readonly string[]): string {
    return sh('ip', 'netns', 'exec', namespace, ...command);
  }
}

/** A file system in memory of a given size, to be filled up. */
export const smallDisk = {
  mount: (path: string, megabytes: number): string =>
    sh('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path),
  grow: (path: string, megabytes: number): string => sh('mount', '-o', `remount,size=${megabytes}m`, path),
  unmount: (path: string): void => quietly(() => sh('umount', path)),
};

function quietly(action: () => unknown): void {
  try {
    action();
  } catch {
    // It was not there, or is gone already.
  }
}
