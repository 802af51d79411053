import { readFileSync } from 'node:fs';
import { worlds } from '../../game-logic/worlds/index.ts';
import {
  ConfigError,
  checkConfig,
  LOOPBACK_SECRET,
  parseAddress,
  parsePeers,
  type RegionConfig,
} from '../config.ts';
import { type OptionSpecs, peekOption, readOptions } from './options.ts';
import { UsageError } from './usage.ts';

export const SERVE_OPTIONS: OptionSpecs = {
  region: { value: 'NAME', help: 'which of the peers this server is' },
  peers: {
    value: 'NAME=HOST:PORT,…',
    help: 'all region servers with their peer addresses; the same list, in the same order, everywhere',
  },
  listen: { value: 'HOST:PORT', help: 'for clients: HTTP and WebSocket', initial: '127.0.0.1:2567' },
  admin: { value: 'HOST:PORT', help: 'for operators: console, status, metrics', initial: '127.0.0.1:8567' },
  data: { value: 'DIR', help: 'where the worlds are kept' },
  worlds: { value: 'NAME,…', help: 'worlds to serve', initial: [...worlds.keys()].join(',') },
  guests: { help: 'anybody may get a session' },
  'election-ms': {
    value: 'MS',
    help: 'silence of a leader after which another is looked for; more than two round trips',
    initial: '150',
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
      listen: parseAddress(options.need('listen'), 'listen'),
      admin: parseAddress(options.need('admin'), 'admin'),
      data: options.need('data'),
      worlds: options
        .need('worlds')
        .split(',')
        .map((name) => name.trim()),
      secret: secret ?? LOOPBACK_SECRET,
      adminToken: adminToken ?? null,
      guests: options.flag('guests'),
      allowFaults,
      electionMs: Number(options.need('election-ms')),
      transport: oneOf('transport', options.need('transport'), ['auto', 'uws', 'ws']),
      page: options.get('page'),
      fault: allowFaults ? options.get('fault') : undefined,
    };
    const unknown = config.worlds.find((name) => !worlds.has(name));
    if (unknown !== undefined)
      throw new ConfigError(`there is no world '${unknown}', only ${[...worlds.keys()].join(', ')}`);
    checkConfig(config, { secret: secret !== undefined, adminToken: adminToken !== undefined });
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
    return { config, logLevel: oneOf('log-level', options.need('log-level'), levels) };
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, 'serve');
    throw error;
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
