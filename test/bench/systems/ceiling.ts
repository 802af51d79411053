/**
 * The ceiling of this runtime: a plain system of our own in the same runtime, on the same store, under the same load, without anything that
 * makes a system one to rely on. What we reach is told as a share of it.
 */
import { join } from 'node:path';
import type { Endpoint } from '../lines/line.ts';
import { type Child, type Folder, startHelper, temporaryFolder } from '../processes.ts';
import { told } from '../receivers.ts';
import type { CeilingOrder } from './ceiling-main.ts';
import type { Running } from './system.ts';

const FOLLOWERS = 2;

export class Ceiling implements Running {
  readonly #folder: Folder;
  readonly #children: Child[] = [];
  endpoints: readonly Endpoint[] = [];

  private constructor() {
    this.#folder = temporaryFolder('ceiling');
  }

  static async start(): Promise<Ceiling> {
    const ceiling = new Ceiling();
    try {
      const followers = [];
      for (let i = 0; i < FOLLOWERS; i++) followers.push(await ceiling.#spawn([]));
      ceiling.endpoints = [{ host: '127.0.0.1', port: await ceiling.#spawn(followers) }];
      return ceiling;
    } catch (error) {
      await ceiling.stop();
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

  /** Resolves with the port that it listens on. */
  async #spawn(followers: readonly number[]): Promise<number> {
    const child = startHelper('./systems/ceiling-main.ts');
    this.#children.push(child);
    const order: CeilingOrder = { folder: join(this.#folder.path, `${this.#children.length}`), followers };
    return ((await told(child, order)) as { port: number }).port;
  }
}
