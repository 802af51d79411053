/**
 * The ceiling of this runtime: a plain system of our own in the same runtime, on the same store, under the same load, without anything that
 * makes a system one to rely on. What we reach is told as a share of it.
 */
import { join } from 'node:path';
import type { Endpoint } from '../lines/line.ts';
import { startHelper } from '../processes.ts';
import { told } from '../receivers.ts';
import type { CeilingOrder } from './ceiling-main.ts';
import { Started, whenReady } from './started.ts';
import type { Running } from './system.ts';

const FOLLOWERS = 2;

export class Ceiling extends Started implements Running {
  endpoints: readonly Endpoint[] = [];

  private constructor() {
    super('ceiling');
  }

  static start(): Promise<Ceiling> {
    const ceiling = new Ceiling();
    return whenReady(ceiling, async () => {
      const followers = [];
      for (let i = 0; i < FOLLOWERS; i++) followers.push(await ceiling.#spawn([]));
      ceiling.endpoints = [{ host: '127.0.0.1', port: await ceiling.#spawn(followers) }];
    });
  }

  async leader(): Promise<number> {
    return 0;
  }

  /** Resolves with the port that it listens on. */
  async #spawn(followers: readonly number[]): Promise<number> {
    const child = startHelper('./systems/ceiling-main.ts');
    this.children.push(child);
    const order: CeilingOrder = { folder: join(this.folder.path, `${this.children.length}`), followers };
    return ((await told(child, order)) as { port: number }).port;
  }
}
