/** Players over HTTP and by the SDK, and the books of what all of them were told. */
import { type ClientWorld, connect, Refused } from '../../client/index.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import type { WarehouseSchema } from '../../schemas/generated/warehouse.ts';
import type { Server } from './harness.ts';

export interface Told {
  readonly status: number;
  readonly body: { readonly [field: string]: unknown };
}

/** One request; a status of 0 is a connection that failed, with the outcome unknown. */
export async function post(url: string, body: object, token?: string): Promise<Told> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  } catch (error) {
    return { status: 0, body: { error: String(error) } };
  }
}

export interface Entry {
  readonly session: string;
  /** 0 where the SDK keeps it to itself. */
  readonly sequence: number;
  readonly action: string;
  /** What became of it: acknowledged with a number, refused for good, or given up. */
  fate: 'acknowledged' | 'refused' | 'open';
  number: number;
  result: unknown;
  /** Clock of the answer, ms. */
  at: number;
  attempts: number;
}

/** Someone who asks for one action after the other and notes what became of each. */
export interface Gamer {
  readonly token: string;
  readonly entries: Entry[];
  act(action: string, args: object, giveUp?: () => boolean): Promise<Entry>;
}

/** Keeps its sequences itself and asks one region after the other. */
export class Player implements Gamer {
  readonly session: string;
  readonly token: string;
  readonly entries: Entry[] = [];
  private readonly servers: readonly Server[];
  private home: number;
  private sequence = 0;

  private constructor(servers: readonly Server[], home: number, session: string, token: string) {
    this.servers = servers;
    this.home = home;
    this.session = session;
    this.token = token;
  }

  static async enter(servers: readonly Server[], home: number, world = 'warehouse'): Promise<Player> {
    const at = servers[home % servers.length] as Server;
    const { status, body } = await post(`${at.url}/v1/sessions`, { world });
    if (status !== 201) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
    return new Player(servers, home, body['session'] as string, body['token'] as string);
  }

  /** One try of a sequence at one region. */
  try(server: Server, sequence: number, action: string, args: object, world = 'warehouse'): Promise<Told> {
    return post(`${server.url}/v1/worlds/${world}/actions`, { sequence, action, args }, this.token);
  }

  /** The next sequence, tried in one region after the other until its fate is known or `giveUp` says so. */
  async act(action: string, args: object, giveUp: () => boolean = () => false): Promise<Entry> {
    const entry: Entry = {
      session: this.session,
      sequence: ++this.sequence,
      action,
      fate: 'open',
      number: 0,
      result: undefined,
      at: 0,
      attempts: 0,
    };
    this.entries.push(entry);
    while (!giveUp()) {
      const server = this.servers[this.home % this.servers.length] as Server;
      entry.attempts++;
      const { status, body } = await this.try(server, entry.sequence, action, args);
      entry.at = performance.now();
      if (status === 200) {
        entry.fate = 'acknowledged';
        entry.number = body['number'] as number;
        entry.result = body['result'];
        return entry;
      }
      if (status === 409 && body['error'] === 'refused') {
        entry.fate = 'refused';
        return entry;
      }
      if (status !== 0 && status !== 503 && status !== 429)
        throw new Error(`sequence ${entry.sequence}: ${status} ${JSON.stringify(body)}`);
      // Gone, leaving or without a quorum: another region may know more. A moment, so that a dead port is not hammered.
      this.home++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return entry;
  }
}

/** Leaves all that to the SDK, and watches the stream of commands while it plays. */
export class SdkPlayer implements Gamer {
  readonly entries: Entry[] = [];
  /** Numbers as `onCommand` told them. */
  readonly seen: number[] = [];
  resyncs = 0;
  private readonly world: ClientWorld<WarehouseSchema>;

  private constructor(world: ClientWorld<WarehouseSchema>) {
    this.world = world;
    world.onCommand(({ number }) => this.seen.push(number));
    world.onResync(() => {
      this.resyncs++;
    });
  }

  static async enter(servers: readonly Server[], home: number): Promise<SdkPlayer> {
    const urls = servers.map((_, at) => (servers[(home + at) % servers.length] as Server).url);
    return new SdkPlayer(await connect(urls, { world: 'warehouse', definition: warehouse }));
  }

  get token(): string {
    return this.world.token ?? '';
  }

  async act(action: string, args: object): Promise<Entry> {
    const entry: Entry = {
      ...{ session: this.world.session, sequence: 0, action },
      ...{ fate: 'open', number: 0, result: undefined, at: 0, attempts: 1 },
    };
    this.entries.push(entry);
    try {
      const { number, result } = await this.world.act(action as 'transfer', args as never);
      Object.assign(entry, { fate: 'acknowledged', number, result });
    } catch (error) {
      if (error instanceof Refused && error.code !== 'insufficient-goods') throw error;
      if (error instanceof Refused) entry.fate = 'refused';
      // Said at once where it knows that no region can be reached.
      else await new Promise((resolve) => setTimeout(resolve, 10));
    }
    entry.at = performance.now();
    return entry;
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

export interface CommandLine {
  readonly number: number;
  readonly ballot: { readonly round: number; readonly region: string };
  readonly precedent: { readonly round: number; readonly region: string } | null;
  readonly session: string | null;
  readonly sequence: number | null;
  readonly action: string;
  readonly time: number;
  readonly result: unknown;
  readonly changes: readonly { readonly key: string; readonly row?: { readonly amount?: number } }[];
  readonly digest: string;
}

/** Every command that a region has applied. */
export async function commandsOf(server: Server, token: string, world = 'warehouse'): Promise<CommandLine[]> {
  const response = await fetch(`${server.url}/v1/worlds/${world}/commands?from=1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok)
    throw new Error(`commands of ${server.region}: ${response.status} ${await response.text()}`);
  return (await response.text())
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as CommandLine);
}

export interface StateBody {
  readonly number: number;
  readonly digest: string;
  readonly tables: { readonly warehouse: readonly { readonly id: string; readonly amount: number }[] };
}

export async function stateOf(server: Server, token: string, query = ''): Promise<StateBody> {
  const response = await fetch(`${server.url}/v1/worlds/warehouse/state${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`state of ${server.region}: ${response.status} ${await response.text()}`);
  return (await response.json()) as StateBody;
}

/** What is wrong with a sequence of commands, held against the players' books; empty if all is well. */
export function audit(commands: readonly CommandLine[], entries: readonly Entry[]): string[] {
  const wrong: string[] = [];
  const seen = new Map<string, CommandLine>();
  commands.forEach((command, at) => {
    const before = commands[at - 1];
    if (command.number !== at + 1) wrong.push(`number ${command.number} in place ${at + 1}`);
    if (at > 0 && JSON.stringify(command.precedent) !== JSON.stringify(before?.ballot))
      wrong.push(`number ${command.number} has another precedent than the command before it`);
    if (command.time < (before?.time ?? 0)) wrong.push(`time goes back at number ${command.number}`);
    if (command.sequence === null) return;
    const key = `${command.session} ${command.sequence}`;
    if (seen.has(key)) wrong.push(`${key} was executed twice`);
    seen.set(key, command);
  });
  for (const entry of entries) {
    const key = `${entry.session} ${entry.sequence || `at ${entry.number}`}`;
    const told = commands[entry.number - 1];
    const command = entry.sequence > 0 ? seen.get(key) : told?.session === entry.session ? told : undefined;
    if (entry.fate === 'acknowledged' && command?.number !== entry.number)
      wrong.push(`${key} was acknowledged as ${entry.number} and is ${command?.number}`);
    if (entry.fate === 'acknowledged' && JSON.stringify(command?.result) !== JSON.stringify(entry.result))
      wrong.push(
        `${key} was answered ${JSON.stringify(entry.result)}, its command says ${JSON.stringify(command?.result)}`,
      );
    if (entry.fate === 'refused' && command !== undefined)
      wrong.push(`${key} was refused and is number ${command.number}`);
  }
  return wrong;
}

/** Amounts by warehouse after all commands, from their changes alone. */
export function replay(commands: readonly CommandLine[]): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const { changes } of commands)
    for (const { key, row } of changes) amounts.set(key, row?.amount ?? amounts.get(key) ?? 0);
  return amounts;
}
