import { readFileSync } from 'node:fs';
import { worlds } from '../../game-logic/worlds/index.ts';
import {
  ConfigError,
  checkConfig,
  LOOPBACK_SECRET,
  parseAddress,
  parsePeers,
  parseWorlds,
  type RegionConfig,
} from '../config.ts';
import { help, type OptionSpecs, type Options, peekOption, readOptions } from './options.ts';
import { UsageError } from './usage.ts';

export const SERVE_OPTIONS: OptionSpecs = {
  region: { value: 'NAME', help: 'which of the peers this server is' },
  peers: {
    value: 'NAME=HOST:PORT,…',
    help: 'all region servers with their peer addresses; the same list, in the same order, everywhere',
  },
  listen: { value: 'HOST:PORT', help: 'for clients: HTTP and WebSocket', initial: '127.0.0.1:2567' },
  admin: { value: 'HOST:PORT', help: 'for operators: console, status, metrics', initial: '127.0.0.1:8567' },
  'peer-listen': { value: 'HOST:PORT', help: 'where to listen for peers, if not at the address in --peers' },
  'tls-key': { value: 'FILE', help: 'PEM, for links between regions; with tls-cert and tls-ca' },
  'tls-cert': { value: 'FILE', help: 'PEM, for the name of the region or its host' },
  'tls-ca': { value: 'FILE', help: 'PEM of who signs the certificates of all regions' },
  data: { value: 'DIR', help: 'where the worlds are kept' },
  worlds: {
    value: 'NAME[=DEFINITION],…',
    help: 'worlds to serve: duel-1=arena is a world of its own with the rules of the arena, duel-{1..9}=arena are nine',
    initial: [...worlds.keys()].join(','),
  },
  guests: { help: 'anybody may get a session' },
  'election-ms': {
    value: 'MS',
    help: 'silence of a leader after which another is looked for, beside the round trip to the farthest region',
    initial: '150',
  },
  voting: {
    value: 'auto|all|leader',
    help: 'who counts votes: all regions, so that each knows one way after the leader, or the leader, who tells them, for fewer messages; auto: all up to 5 regions',
    initial: 'auto',
  },
  workers: {
    value: 'N',
    help: 'threads among which the worlds are dealt out; their clients come to the N ports after that of --listen; 0: all on one thread, best for few worlds',
    initial: '0',
  },
  'token-hours': {
    value: 'HOURS',
    help: 'life of a player token, the same everywhere; a session that nobody uses is forgotten after twice as long',
    initial: '24',
  },
  transport: { value: 'auto|uws|ws', help: 'what carries WebSockets', initial: 'auto' },
  page: { value: 'DIR', help: 'a page to serve at /' },
  'log-level': { value: 'LEVEL', help: 'debug, info, warn or error', initial: 'info' },
  'allow-faults': { help: 'let the admin port cut, delay and kill; for tests and demonstrations' },
  config: { value: 'FILE', help: 'JSON with any of these options by name' },
  secret: { help: "the cluster's shared secret, at least 16 characters", secret: true },
  'admin-token': { help: 'opens the admin port', secret: true },
  fault: { help: 'with --allow-faults: a fault at an exact point of the protocol', secret: true },
};

export const SERVE_HELP = help(
  'serve',
  '--region NAME --peers NAME=HOST:PORT,… --data DIR',
  'Runs one region server. Each option may also come from the environment (THROUGHLINE_REGION, …) or the\n' +
    'configuration file; the command line is the strongest, the file the weakest.',
  SERVE_OPTIONS,
);

export interface ServeOptions {
  readonly config: RegionConfig;
  readonly logLevel: string;
}

/** Throws UsageError for everything that an operator can have got wrong. */
export function readServeOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): ServeOptions {
  const path = peekOption('serve', SERVE_OPTIONS, argv, environment, 'config');
  const file = path === undefined ? {} : readConfigFile(path);
  const options = readOptions('serve', SERVE_OPTIONS, argv, environment, file);
  if (options.positionals.length > 0)
    throw new UsageError(`serve takes no '${options.positionals[0]}'`, 'serve');
  const secret = options.get('secret');
  const adminToken = options.get('admin-token');
  const allowFaults = options.flag('allow-faults');
  try {
    const config: RegionConfig = {
      region: options.need('region'),
      ...parsePeers(options.need('peers')),
      peerListen: optional(options.get('peer-listen'), (text) => parseAddress(text, 'peer-listen')),
      tls: readTls(options),
      listen: parseAddress(options.need('listen'), 'listen'),
      admin: parseAddress(options.need('admin'), 'admin'),
      data: options.need('data'),
      worlds: parseWorlds(options.need('worlds'), [...worlds.keys()]),
      secret: secret ?? LOOPBACK_SECRET,
      adminToken: adminToken ?? null,
      guests: options.flag('guests'),
      allowFaults,
      electionMs: Number(options.need('election-ms')),
      voting: oneOf('voting', options.need('voting'), ['auto', 'all', 'leader']),
      workers: Number(options.need('workers')),
      tokenMs: Number(options.need('token-hours')) * 3_600_000,
      transport: oneOf('transport', options.need('transport'), ['auto', 'uws', 'ws']),
      page: options.get('page'),
      fault: allowFaults ? options.get('fault') : undefined,
    };
    checkConfig(config, { secret: secret !== undefined, adminToken: adminToken !== undefined });
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
    return { config, logLevel: oneOf('log-level', options.need('log-level'), levels) };
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, 'serve');
    throw error;
  }
}

const optional = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
  text === undefined ? undefined : read(text);

function readTls(options: Options): RegionConfig['tls'] {
  const [key, cert, ca] = ['tls-key', 'tls-cert', 'tls-ca'].map((name) =>
    optional(options.get(name), (path) => readText(path, name)),
  );
  if (key === undefined && cert === undefined && ca === undefined) return undefined;
  if (key === undefined || cert === undefined || ca === undefined)
    throw new ConfigError('tls-key, tls-cert and tls-ca belong together');
  return { key, cert, ca };
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw new ConfigError(`${name}: expected one of ${allowed.join(', ')}, got '${value}'`);
  return found;
}

function readConfigFile(path: string): { readonly [name: string]: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `config ${path}: ${error instanceof Error ? error.message : String(error)}`,
      'serve',
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`config ${path}: expected a JSON object`, 'serve');
  return value as { readonly [name: string]: unknown };
}
