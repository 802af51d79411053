/** What one region server is told at its start, and what of it can be wrong. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { WORKERS, WORLDS } from './limits.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface WorldEntry {
  /** What players and operators call it. */
  readonly name: string;
  /** The definition, by its own name; several worlds may have one. */
  readonly definition: string;
}

export interface RegionConfig {
  readonly region: string;
  /** Region names in the order that numbers them, equal on all region servers. */
  readonly regions: readonly string[];
  /** One peer address a region, in that order. */
  readonly peers: readonly Address[];
  /** Where this region listens for its peers, if not where they dial. */
  readonly peerListen: Address | undefined;
  /** PEM texts for links between regions; undefined: plain TCP, authenticated by the secret. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string } | undefined;
  readonly listen: Address;
  readonly admin: Address;
  readonly data: string;
  readonly worlds: readonly WorldEntry[];
  readonly secret: string;
  /** null: the admin port asks for none; allowed on loopback only. */
  readonly adminToken: string | null;
  readonly guests: boolean;
  readonly allowFaults: boolean;
  /** A follower that heard nothing from a leader for this long looks for another; the other times follow from it. */
  readonly electionMs: number;
  /**
   * Who counts votes: every region (`all`, claim 3), or the leader, who tells the others (`leader`, claim 2); `auto`: by the number of regions.
   * Regions that differ stay safe, and learn some commands later: no part of the cluster's digest, so that it can be changed region by region.
   */
  readonly voting: 'auto' | 'all' | 'leader';
  /** Life of a player token; a session that nobody uses is forgotten after twice as long. */
  readonly tokenMs: number;
  readonly transport: 'auto' | 'uws' | 'ws';
  /** Folder of the playable page; undefined: none. */
  readonly page: string | undefined;
  /** Worker threads among which the worlds are dealt out; 0: all worlds on the main thread. */
  readonly workers: number;
  /** A fault that this process does to itself, for tests; see region/fault.ts. */
  readonly fault: string | undefined;
}

export class ConfigError extends Error {}

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
/** It stands in URLs, keys of the store and lines of the log. */
const WORLD_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** A device is a bit of a mask in the consensus core. */
const MOST_REGIONS = 31;
const LEAST_TOKEN_MS = 36_000;
const MOST_TOKEN_MS = 365 * 24 * 3_600_000;
/** Secrets shorter than this can be guessed. */
const SECRET_LENGTH = 16;
/** What two processes on one machine share where nobody gave them a secret; never used off loopback. */
export const LOOPBACK_SECRET = 'throughline-loopback-without-a-secret';

/** `127.0.0.1:2567`, `[::1]:2567`, `host:2567`. */
export function parseAddress(text: string, what: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port >= 0 && port <= 65_535))
    throw new ConfigError(`${what}: expected HOST:PORT, got '${text}'`);
  return { host, port };
}

export const formatAddress = ({ host, port }: Address) =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** `eu=127.0.0.1:7567,us=127.0.0.1:7568,…` */
export function parsePeers(text: string): { regions: string[]; peers: Address[] } {
  const regions: string[] = [];
  const peers: Address[] = [];
  for (const part of text.split(',')) {
    const [name = '', address = ''] = part.trim().split(/=(.*)/s);
    if (!NAME.test(name)) throw new ConfigError(`peers: '${name}' is no name of a region`);
    if (regions.includes(name)) throw new ConfigError(`peers: region ${name} is named twice`);
    const parsed = parseAddress(address, `peers: ${name}`);
    if (parsed.port === 0) throw new ConfigError(`peers: ${name} needs a port that the others know`);
    regions.push(name);
    peers.push(parsed);
  }
  if (regions.length > MOST_REGIONS) throw new ConfigError(`peers: at most ${MOST_REGIONS} regions`);
  return { regions, peers };
}

/**
 * `arena,duel-1=arena,cup-{1..100}=arena`: names of worlds, each with its definition; a name alone is a definition's own. A range
 * stands for the names with each of its numbers, written as wide as the first. Throws ConfigError.
 */
export function parseWorlds(text: string, definitions: readonly string[]): WorldEntry[] {
  const worlds = new Map<string, string>();
  for (const part of text.split(',')) {
    const [pattern = '', given] = part.trim().split(/=(.*)/s);
    const definition = given?.trim() ?? pattern;
    const only = `only ${definitions.join(', ')}`;
    if (!definitions.includes(definition))
      throw new ConfigError(
        given === undefined
          ? `there is no world '${pattern}', ${only}; one of your own is NAME=DEFINITION`
          : `worlds: there is no definition '${definition}' for '${pattern}', ${only}`,
      );
    for (const name of namesOf(pattern, WORLDS - worlds.size)) {
      if (!WORLD_NAME.test(name))
        throw new ConfigError(
          `worlds: '${name.slice(0, 80)}' is no name: up to 63 of a-z, 0-9, _ and -, the first a letter or a digit`,
        );
      if (worlds.has(name)) throw new ConfigError(`worlds: ${name} is named twice`);
      worlds.set(name, definition);
    }
  }
  return [...worlds].map(([name, definition]) => ({ name, definition }));
}

/** The names that a pattern stands for: at most `room`, or a ConfigError. */
function namesOf(pattern: string, room: number): string[] {
  const range = /^([^{}]*)\{(\d{1,9})\.\.(\d{1,9})\}([^{}]*)$/.exec(pattern);
  const [, before = '', first = '0', last = '0', after = ''] = range ?? [];
  const count = range === null ? 1 : Number(last) - Number(first) + 1;
  if (count < 1) throw new ConfigError(`worlds: ${pattern} ends before it begins`);
  if (count > room) throw new ConfigError(`worlds: at most ${WORLDS} on one server`);
  if (range === null) return [pattern];
  return Array.from({ length: count }, (_, index) => {
    const number = String(Number(first) + index);
    return `${before}${first.startsWith('0') ? number.padStart(first.length, '0') : number}${after}`;
  });
}

/** Throws ConfigError for what cannot work or is not safe. */
export function checkConfig(config: RegionConfig, given: { secret: boolean; adminToken: boolean }): void {
  const own = config.peers[config.regions.indexOf(config.region)];
  if (own === undefined)
    throw new ConfigError(`region '${config.region}' is not one of the peers ${config.regions.join(', ')}`);
  if (!Number.isInteger(config.electionMs) || config.electionMs < 50 || config.electionMs > 60_000)
    throw new ConfigError(`election-ms: expected 50 to 60000, got ${config.electionMs}`);
  if (!(config.tokenMs >= LEAST_TOKEN_MS && config.tokenMs <= MOST_TOKEN_MS))
    throw new ConfigError('token-hours: expected a number from 0.01 to 8760');
  const { workers, listen, fault } = config;
  if (!Number.isInteger(workers) || workers < 0 || workers > WORKERS)
    throw new ConfigError(`workers: expected 0 to ${WORKERS}, got ${workers}`);
  if (workers > 0 && listen.port + workers > 65_535)
    throw new ConfigError(`workers: there are no ${workers} ports after ${listen.port}`);
  if (workers > 0 && fault !== undefined)
    throw new ConfigError('fault: worlds on worker threads make none; use --workers 0');
  if (given.secret && config.secret.length < SECRET_LENGTH)
    throw new ConfigError(`THROUGHLINE_SECRET needs at least ${SECRET_LENGTH} characters`);
  const open = [config.peerListen ?? own, config.listen, config.admin].filter(
    ({ host }) => !isLoopback(host),
  );
  if (open.length === 0 || (given.secret && given.adminToken)) return;
  const missing = [
    ...(given.secret ? [] : ['THROUGHLINE_SECRET']),
    ...(given.adminToken ? [] : ['THROUGHLINE_ADMIN_TOKEN']),
  ];
  throw new ConfigError(
    `without ${missing.join(' and ')} nothing but loopback is listened on, not ${open.map(formatAddress).join(', ')}`,
  );
}

/** Names the cluster: two servers with different lists of regions must not talk. */
export function clusterDigest(regions: readonly string[], weights: readonly number[]): string {
  return createHash('sha256').update(JSON.stringify({ regions, weights })).digest('hex').slice(0, 32);
}
