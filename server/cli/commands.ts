/** The small commands: each is one or two HTTP requests, printed for people or, with --json, as they came. */
import { ask, askJson, baseUrl } from './ask.ts';
import { help, type OptionSpecs, type Options, readOptions } from './options.ts';
import { UsageError } from './usage.ts';

const JSON_OPTION = { json: { help: 'print the answer as JSON' } };
const CLIENT = {
  url: { value: 'HOST:PORT', help: 'client port of any region server', initial: '127.0.0.1:2567' },
  world: { value: 'NAME', help: 'which world', initial: 'warehouse' },
};
const ADMIN = {
  admin: { value: 'HOST:PORT', help: 'admin port of a region server', initial: '127.0.0.1:8567' },
  'admin-token': { help: 'opens the admin port', secret: true },
} as const;
const PLAYER = { token: { help: "a player's token; without one a guest is made", secret: true } } as const;

export interface SmallCommand {
  readonly synopsis: string;
  readonly intro: string;
  readonly options: OptionSpecs;
  /** How many positional arguments at most. */
  readonly positionals: number;
  run(options: Options, print: (line: string) => void): Promise<void>;
}

export const SMALL_COMMANDS: { readonly [name: string]: SmallCommand } = {
  status: {
    synopsis: '[--admin HOST:PORT]',
    intro: 'Shows a region server: its peers, and who leads each world.',
    options: { ...ADMIN, ...JSON_OPTION },
    positionals: 0,
    async run(options, print) {
      const url = `${baseUrl(options.need('admin'))}/api/status`;
      const status = (await askJson({ url, token: options.get('admin-token') })) as Status;
      if (options.flag('json')) print(JSON.stringify(status));
      else for (const line of describeStatus(status)) print(line);
    },
  },

  act: {
    synopsis: 'ACTION [\'{"to":"A","amount":500}\'] [--world NAME]',
    intro: 'Asks for one action and waits until it is issued.',
    options: {
      ...CLIENT,
      sequence: { value: 'N', help: "number of the session's action; rises from 1", initial: '1' },
      ...PLAYER,
      ...JSON_OPTION,
    },
    positionals: 2,
    async run(options, print) {
      const [action, args = '{}'] = options.positionals;
      if (action === undefined) throw new UsageError('which action?', 'act');
      const base = baseUrl(options.need('url'));
      const world = options.need('world');
      const token = options.get('token') ?? (await guest(base, world));
      const answer = await askJson({
        url: `${base}/v1/worlds/${encodeURIComponent(world)}/actions`,
        method: 'POST',
        token,
        body: { sequence: count('act', 'sequence', options), action, args: parseJson(args) },
      });
      if (options.flag('json')) print(JSON.stringify(answer));
      else {
        const { number, result, duplicate } = answer as {
          number: number;
          result: unknown;
          duplicate?: boolean;
        };
        print(`number ${number}${duplicate === true ? ' (a repeat)' : ''}: ${JSON.stringify(result)}`);
      }
    },
  },

  state: {
    synopsis: '[--world NAME] [--at N]',
    intro: "Shows a world's tables, now or as of a command.",
    options: {
      ...CLIENT,
      at: { value: 'N', help: 'as of command N' },
      min: { value: 'N', help: 'wait until command N is applied' },
      linearizable: { help: 'nothing acknowledged before may be missing' },
      ...PLAYER,
      ...JSON_OPTION,
    },
    positionals: 0,
    async run(options, print) {
      const base = baseUrl(options.need('url'));
      const query = new URLSearchParams();
      for (const name of ['at', 'min'])
        if (options.get(name) !== undefined) query.set(name, String(count('state', name, options)));
      if (options.flag('linearizable')) query.set('consistency', 'linearizable');
      const world = encodeURIComponent(options.need('world'));
      const token = options.get('token') ?? (await guest(base, options.need('world')));
      const state = (await askJson({ url: `${base}/v1/worlds/${world}/state?${query}`, token })) as State;
      if (options.flag('json')) print(JSON.stringify(state));
      else for (const line of describeState(state)) print(line);
    },
  },

  commands: {
    synopsis: '[--world NAME] [--from N] [--to M] [--follow]',
    intro: "Shows a world's commands, one JSON object a line.",
    options: {
      ...CLIENT,
      from: { value: 'N', help: 'the first one', initial: '1' },
      to: { value: 'N', help: 'the last one' },
      follow: { help: 'and those that come' },
      ...PLAYER,
      ...JSON_OPTION,
    },
    positionals: 0,
    async run(options, print) {
      const base = baseUrl(options.need('url'));
      const query = new URLSearchParams({ from: String(count('commands', 'from', options)) });
      if (options.get('to') !== undefined) query.set('to', String(count('commands', 'to', options)));
      const follow = options.flag('follow');
      if (follow) query.set('follow', '1');
      const world = encodeURIComponent(options.need('world'));
      const token = options.get('token') ?? (await guest(base, options.need('world')));
      const url = `${base}/v1/worlds/${world}/commands?${query}`;
      const response = await ask({ url, token }, follow ? Number.POSITIVE_INFINITY : undefined);
      for await (const line of linesOf(response)) print(line);
    },
  },

  'hand-over': {
    synopsis: '--to REGION [--world NAME]',
    intro: 'Hands leadership of a world to another region, without losing anything.',
    options: {
      to: { value: 'REGION', help: 'who leads next' },
      world: CLIENT.world,
      ...ADMIN,
      ...JSON_OPTION,
    },
    positionals: 0,
    async run(options, print) {
      const region = options.need('to');
      const world = options.need('world');
      const url = `${baseUrl(options.need('admin'))}/api/worlds/${encodeURIComponent(world)}/leader`;
      const answer = await askJson({
        url,
        method: 'POST',
        token: options.get('admin-token'),
        body: { region },
      });
      print(options.flag('json') ? JSON.stringify(answer ?? { region }) : `${region} leads ${world}`);
    },
  },
};

export function helpOf(name: string, { synopsis, intro, options }: SmallCommand): string {
  return help(name, synopsis, intro, options);
}

export async function runSmallCommand(
  name: string,
  command: SmallCommand,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<number> {
  const options = readOptions(name, command.options, argv, environment);
  const surplus = options.positionals[command.positionals];
  if (surplus !== undefined) throw new UsageError(`${name} takes no '${surplus}'`, name);
  await command.run(options, print);
  return 0;
}

async function guest(base: string, world: string): Promise<string> {
  const answer = await askJson({ url: `${base}/v1/sessions`, method: 'POST', body: { world } });
  return (answer as { token: string }).token;
}

function count(command: string, name: string, options: Options): number {
  const number = Number(options.need(name));
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new UsageError(`${name}: expected a whole number, got '${options.get(name)}'`, command);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`the arguments are no JSON: ${text}`, 'act');
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}

interface Status {
  readonly region: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly peers: readonly { region: string; connected: boolean; rttMs: number | null }[];
  readonly worlds: readonly {
    readonly world: string;
    readonly role: string;
    readonly leader: string | null;
    readonly ballot: { round: number; region: string };
    readonly applied: number;
    readonly digest: string;
    readonly sessions: number;
    readonly rows: number;
  }[];
}

function describeStatus({ region, version, uptimeMs, peers, worlds }: Status): string[] {
  return [
    `region ${region}, version ${version}, up ${Math.round(uptimeMs / 1000)} s`,
    ...peers.map(
      (peer) =>
        `peer ${peer.region}: ${peer.connected ? `connected${peer.rttMs === null ? '' : `, ${peer.rttMs.toFixed(1)} ms`}` : 'not connected'}`,
    ),
    ...worlds.map(
      ({ world, role, leader, ballot, applied, digest, sessions, rows }) =>
        `world ${world}: ${role}, leader ${leader ?? 'none'} (round ${ballot.round}), applied ${applied}, ` +
        `${rows} rows, ${sessions} sessions, digest ${digest}`,
    ),
  ];
}

interface State {
  readonly number: number;
  readonly digest: string;
  readonly tables: { readonly [table: string]: readonly object[] };
}

function describeState({ number, digest, tables }: State): string[] {
  return [
    `as of command ${number}, digest ${digest}`,
    ...Object.entries(tables).flatMap(([table, rows]) => [
      `${table}: ${rows.length} rows`,
      ...rows.map((row) => `  ${JSON.stringify(row)}`),
    ]),
  ];
}
