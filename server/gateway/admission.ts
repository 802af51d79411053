/** Who may join what: the options of a join, checked before a seat is given out. */
import { ThroughlineError } from '../errors.ts';
import type { WorldService } from '../world-service.ts';
import type { Admission } from './member.ts';
import { newSession, type Tokens } from './tokens.ts';

export interface Doorkeeper {
  readonly worlds: ReadonlyMap<string, WorldService>;
  readonly tokens: Tokens;
  readonly guests: boolean;
  readonly draining: () => boolean;
}

/** Throws `no-such-world` unless this gateway serves it. */
export function worldNamed<T>(worlds: ReadonlyMap<string, T>, name: unknown): T {
  if (typeof name !== 'string') throw new ThroughlineError('bad-request', 'a world has to be named');
  const world = worlds.get(name);
  if (world === undefined)
    throw new ThroughlineError('no-such-world', `this server has no world '${name.slice(0, 64)}'`);
  return world;
}

/** Options of joinOrCreate('world', { world, token?, from?, stream? }). Rejects with a code of the contract. */
export async function admit(door: Doorkeeper, options: unknown): Promise<Admission> {
  if (typeof options !== 'object' || options === null)
    throw new ThroughlineError('bad-request', 'join options are missing');
  const { world, token, from, stream } = options as Readonly<Record<string, unknown>>;
  const { name } = worldNamed(door.worlds, world);
  if (door.draining()) throw new ThroughlineError('draining', 'this server is leaving');
  const sent = checkStream(stream);
  const first = checkFrom(from);
  return { ...(await identify(door, name, token)), from: first, stream: sent };
}

/** A guest's session and token. Rejects `forbidden` where there are no guests. */
export function makeGuest(door: Pick<Doorkeeper, 'guests' | 'tokens'>, world: string) {
  if (!door.guests) throw new ThroughlineError('forbidden', 'this server takes no guests: bring a token');
  const session = newSession();
  return { session, token: door.tokens.make(session, world) };
}

async function identify(door: Doorkeeper, world: string, token: unknown) {
  if (token === undefined || token === null || token === '') {
    if (!door.guests)
      throw new ThroughlineError('unauthorized', 'this server takes no guests: bring a token');
    return makeGuest(door, world);
  }
  if (typeof token !== 'string') throw new ThroughlineError('unauthorized', 'a token is a string');
  const claims = await door.tokens.verify(token);
  if (claims.world !== world)
    throw new ThroughlineError('forbidden', `the token is for world '${claims.world}'`);
  const renewed = door.tokens.isOld(claims) ? door.tokens.make(claims.session, world) : '';
  return { session: claims.session, token: renewed };
}

function checkStream(stream: unknown): Admission['stream'] {
  if (stream === undefined || stream === null || stream === 'commands') return 'commands';
  if (stream === 'frames' || stream === 'answers') return stream;
  throw new ThroughlineError('bad-request', "stream is 'commands', 'frames' or 'answers'");
}

function checkFrom(from: unknown): number | null {
  if (from === undefined || from === null) return null;
  if (!Number.isSafeInteger(from) || (from as number) < 1)
    throw new ThroughlineError('bad-request', 'from is a whole number from 1 to 9007199254740991');
  return from as number;
}
