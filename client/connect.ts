/** The door of the SDK. */
import type { WorldDefinition } from '../game-logic/types.ts';
import type { WorldSchema } from '../schemas/support/types.ts';
import { dialRoom } from './connection.ts';
import { Unavailable } from './errors.ts';
import { type ClientLimits, DEFAULT_LIMITS } from './limits.ts';
import { ClientWorld, type Host } from './world.ts';

export interface ConnectOptions<S extends WorldSchema> {
  readonly world: string;
  /** The same definition that the servers run: its schema, its first rows, and its functions for prediction. */
  readonly definition: WorldDefinition & { readonly schema: S };
  /** Of an earlier connection, to go on as the same player; without one the server makes a guest, where it allows that. */
  readonly token?: string | null;
  /**
   * 'commands' (the default): each command whole. 'frames': merged at the server to the last values of each row, for busy games: a
   * fraction of the bytes, no `onCommand`.
   */
  readonly stream?: 'commands' | 'frames';
  /**
   * Actions shown in `predicted` before they are confirmed; all unless given. Their functions run here as well, when
   * somebody looks: dice they throw here are a guess, so a game may want to leave out those that live of dice.
   */
  readonly predict?: readonly string[];
  readonly limits?: Partial<ClientLimits>;
  /** For tests: another clock, other dice, another way to dial. */
  readonly host?: Partial<Host>;
}

const HOST: Host = {
  now: () => performance.now(),
  wall: Date.now,
  random: Math.random,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  dial: dialRoom,
};

/**
 * Connects to a world at the first of these addresses that answers, the preferred one first (ws://, wss://, http:// or
 * https://), and resolves once its state is here and current. Rejects with Refused when every address says no, with
 * Unavailable when none answers in time.
 */
export async function connect<S extends WorldSchema>(
  urls: string | readonly string[],
  options: ConnectOptions<S>,
): Promise<ClientWorld<S>> {
  const addresses = (typeof urls === 'string' ? [urls] : urls).map(address);
  if (addresses.length === 0) throw new TypeError('connect needs at least one address');
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const host = { ...HOST, ...options.host };
  const world = new ClientWorld<S>({
    urls: addresses,
    world: options.world,
    definition: options.definition,
    token: options.token || null,
    stream: options.stream ?? 'commands',
    predict: options.predict === undefined ? null : new Set(options.predict),
    limits,
    host,
  });
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = host.after(limits.connectMs, () =>
      reject(
        new Unavailable(
          'timeout',
          `no region of ${addresses.join(', ')} in ${limits.connectMs} ms: ${world.status.reason}`,
        ),
      ),
    );
  });
  try {
    await Promise.race([world.start(), late]);
  } catch (error) {
    await world.close();
    throw error;
  } finally {
    cancel();
  }
  return world;
}

function address(url: string): string {
  const parsed = new URL(url);
  if (!/^(ws|http)s?:$/.test(parsed.protocol))
    throw new TypeError(`${url} is no ws, wss, http or https address`);
  return parsed.href.replace(/^http/, 'ws').replace(/\/$/, '');
}
