/** A spectator: the SDK as a game uses it, with a mirror of its own. What it is shown must be what everybody else is sent. */
import { connect } from '../client/connect.ts';
import type { ClientWorld } from '../client/world.ts';
import type { WorldDefinition } from '../game-logic/types.ts';
import type { Meters } from './meters.ts';
import type { Sequence } from './sequence.ts';

export interface WholeClientOptions {
  readonly urls: readonly string[];
  readonly world: string;
  readonly definition: WorldDefinition;
  readonly meters: Meters;
  readonly sequence: Sequence;
}

export class WholeClient {
  readonly #options: WholeClientOptions;
  #world: ClientWorld<WorldDefinition['schema']> | null = null;
  #closed = false;

  constructor(options: WholeClientOptions) {
    this.#options = options;
  }

  get live(): boolean {
    return this.#world?.status.phase === 'live';
  }

  async come(): Promise<void> {
    const { urls, world: name, definition, meters, sequence } = this.#options;
    const from = performance.now();
    const world = await connect(urls, { world: name, definition });
    meters.time('connect', performance.now() - from);
    if (this.#closed) return world.close();
    this.#world = world;
    let next = world.number + 1;
    world.onResync(({ number }) => {
      meters.count('resyncs');
      next = number + 1;
    });
    world.onCommand(({ number, digest }) => {
      if (number !== next) meters.wrong(number, `the SDK told of command ${number} where ${next} was due`);
      next = number + 1;
      meters.count('commands');
      const known = sequence.digestAt(number);
      if (known !== undefined && known !== digest)
        meters.wrong(number, `command ${number} has digest ${digest} here and ${known} for others`);
    });
    let was = world.status.phase;
    world.onStatus(({ phase }) => {
      if (was === 'live' && phase === 'connecting') meters.reconnect('spectator');
      was = phase;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#world?.close();
  }
}
