import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Faults } from '../admin/types.ts';
import { ThroughlineError } from '../errors.ts';
import type { Links } from '../links/types.ts';

/** Faults on purpose, as far as this process can bring them about: on its own links, and on itself. */
export class LinkFaults implements Faults {
  readonly #region: string;
  readonly #regions: readonly string[];
  readonly #links: Pick<Links, 'cut' | 'delay'>;
  readonly #cuts = new Set<number>();
  readonly #delays = new Set<number>();

  constructor(region: string, regions: readonly string[], links: Pick<Links, 'cut' | 'delay'>) {
    this.#region = region;
    this.#regions = regions;
    this.#links = links;
  }

  async cut(a: string, b: string): Promise<void> {
    this.#cuts.add(this.#other(a, b));
    this.#links.cut([...this.#cuts]);
  }

  async heal(): Promise<void> {
    this.#cuts.clear();
    this.#links.cut(null);
    for (const device of this.#delays) this.#links.delay(device, 0);
    this.#delays.clear();
  }

  async delay(a: string, b: string, ms: number): Promise<void> {
    const device = this.#other(a, b);
    this.#delays.add(device);
    this.#links.delay(device, ms);
  }

  async kill(region: string): Promise<void> {
    if (region !== this.#region) throw elsewhere([region]);
    // The answer leaves first.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 10);
  }

  async freeze(region: string, ms: number): Promise<void> {
    if (region !== this.#region) throw elsewhere([region]);
    // Who is stopped cannot wake itself: another process does it, and outlives this one.
    const wake = `setTimeout(() => process.kill(${process.pid}, 'SIGCONT'), ${Math.ceil(ms)})`;
    const waker = spawn(process.execPath, ['-e', wake], { detached: true, stdio: 'ignore' });
    await once(waker, 'spawn');
    waker.unref();
    setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 10);
  }

  /** Index of the other end of a link of this region. */
  #other(a: string, b: string): number {
    const other = a === this.#region ? b : b === this.#region ? a : undefined;
    if (other === undefined) throw elsewhere([a, b]);
    const device = this.#regions.indexOf(other);
    if (device === -1 || other === this.#region)
      throw new ThroughlineError('not-found', `there is no region '${other}' to be cut off from`);
    return device;
  }
}

const elsewhere = (regions: readonly string[]) =>
  new ThroughlineError(
    'not-found',
    `ask the admin port of ${regions.join(' or ')}: a process can fail only itself`,
  );
