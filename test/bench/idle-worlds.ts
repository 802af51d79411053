/**
 * `idle-worlds`: what worlds cost in which nothing happens, by number of worlds: bytes between the three servers, processor time and
 * memory; how soon one of them answers; and how soon all have a leader again when the server that leads them all is killed, or
 * cut off in silence.
 */
import { execFileSync } from 'node:child_process';
import { adminPost, type Server, until } from '../cluster/harness.ts';
import type { BenchOptions } from './args.ts';
import { type Report, Samples } from './figures.ts';
import { cpuSeconds, pause, progress, residentBytes } from './processes.ts';
import { bytesByPort } from './socket-bytes.ts';
import { median, round, table } from './statistics.ts';
import { type Throughline, throughline } from './systems/throughline.ts';

const COUNTS = [2, 100];
const LEAST_SECONDS = 5;
/** Worlds that are asked something, one after the other, while they are at rest. */
const ASKED = 20;
const HANDED_OVER_AT_ONCE = 16;
/** All worlds of a server are at rest, or led anew, within so long, and one more for each hundred worlds. */
const PATIENCE_MS = 30_000;
const patience = (count: number) => PATIENCE_MS + 10 * count;

export async function idleWorlds(options: BenchOptions): Promise<Report> {
  const counts = options.counts ?? COUNTS;
  const samples = new Samples();
  const notes: string[] = [];
  for (let index = 0; index < options.rounds; index++)
    for (const count of counts) await measure(count, Math.max(LEAST_SECONDS, options.seconds), samples);
  const [first, last] = [counts[0] ?? 0, counts.at(-1) ?? 0];
  for (const what of ['bytes/s', 'CPU', 'resident']) {
    const more =
      Number(samples.cell(`${last} worlds: ${what}`, 4)) -
      Number(samples.cell(`${first} worlds: ${what}`, 4));
    if (last > first) notes.push(`one more world adds ${round(more / (last - first), 5)} (${what})`);
  }
  const rows = samples
    .figures()
    .map(({ name, unit }) => [name, samples.cell(name, 4), samples.spread(name, 4), unit]);
  return {
    figures: samples.figures(),
    tables: [table([['figure', 'median', 'spread', 'unit'], ...rows])],
    notes,
  };
}

async function measure(count: number, seconds: number, samples: Samples): Promise<void> {
  const worlds = `${count} worlds`;
  const began = performance.now();
  const names = ['warehouse', ...Array.from({ length: count - 1 }, (_, index) => `w-${index + 1}`)];
  const given = count > 1 ? `warehouse,w-{1..${count - 1}}=warehouse` : 'warehouse';
  const running = await throughline({ worlds: given, readyMs: patience(count) }).start();
  try {
    await allAtRest(running.servers, count);
    samples.add(`${worlds}: start until all rest`, performance.now() - began, 'ms', 'less');
    await costs(running, worlds, seconds, samples);
    await answers(running, names, worlds, samples);

    await allAtRest(running.servers, count);
    const leader = running.servers[await running.leader()] as Server;
    await gather(leader);
    await allAtRest(running.servers, count);
    const killed = newLeaders(running.servers, leader, count);
    await leader.stop('SIGKILL');
    samples.add(`${worlds}: all led anew after kill -9`, await killed.all, 'ms', 'less');
    await leader.start();

    await allAtRest(running.servers, count);
    const next = await running.leader();
    await gather(running.servers[next] as Server);
    await allAtRest(running.servers, count);
    const cut = newLeaders(running.servers, running.servers[next] as Server, count);
    await running.cut(next);
    samples.add(`${worlds}: all led anew after a cut`, await cut.all, 'ms', 'less');
    await running.heal(next);
    await allAtRest(running.servers, count);
  } finally {
    await running.stop();
  }
}

async function costs(running: Throughline, worlds: string, seconds: number, samples: Samples): Promise<void> {
  await pause(1_000);
  const [cpu, bytes, from] = [cpuSeconds(running.pids), peerBytes(running), performance.now()];
  await pause(seconds * 1_000);
  const elapsed = (performance.now() - from) / 1_000;
  const perSecond = (peerBytes(running) - bytes) / elapsed;
  const cores = (cpuSeconds(running.pids) - cpu) / elapsed;
  samples.add(`${worlds}: bytes/s`, perSecond, 'B/s, three servers', 'less');
  samples.add(`${worlds}: CPU`, cores, 'cores, three servers', 'less');
  const resident = median(running.pids.map(residentBytes)) / 2 ** 20;
  samples.add(`${worlds}: resident`, resident, 'MiB a server', 'less');
  progress(
    `${worlds}: ${Math.round(perSecond)} B/s, ${round(cores, 4)} cores, ${Math.round(resident)} MiB a server`,
  );
}

/** Through each server in turn, so also through those that do not lead. */
async function answers(
  { servers }: Throughline,
  names: readonly string[],
  worlds: string,
  samples: Samples,
): Promise<void> {
  const asked = Math.min(ASKED, names.length);
  const times: number[] = [];
  for (let index = 0; index < asked; index++) {
    const world = names[Math.floor((index * names.length) / asked)] as string;
    const server = servers[index % servers.length] as Server;
    const { token } = (await post(`${server.url}/v1/sessions`, { world }, '')) as { token: string };
    const from = performance.now();
    await post(
      `${server.url}/v1/worlds/${world}/actions`,
      { sequence: 1, action: 'inbound', args: { to: 'A', amount: 1 } },
      token,
    );
    times.push(performance.now() - from);
  }
  samples.add(`${worlds}: first answer at rest`, median(times), 'ms', 'less');
}

async function post(url: string, body: object, token: string): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

interface WorldView {
  readonly world: string;
  readonly leader: string | null;
  readonly resting: boolean;
}

async function look(server: Server): Promise<readonly WorldView[] | null> {
  const response = await fetch(`${server.adminUrl}/api/status`).catch(() => null);
  return response === null ? null : ((await response.json()) as { worlds: WorldView[] }).worlds;
}

/** One server leads all worlds: the others hand them over. */
async function gather(server: Server): Promise<void> {
  await until(
    `${server.region} leads all`,
    async () => {
      const worlds = (await look(server)) ?? [];
      const others = worlds.filter(({ leader }) => leader !== server.region).map(({ world }) => world);
      const next = async (): Promise<void> => {
        for (let world = others.pop(); world !== undefined; world = others.pop())
          await adminPost(server, `/api/worlds/${world}/leader`, { region: server.region }).catch(() => {});
      };
      const left = others.length;
      await Promise.all(Array.from({ length: HANDED_OVER_AT_ONCE }, next));
      return left === 0 && worlds.length > 0;
    },
    patience(PATIENCE_MS),
  );
}

/** Every world of every server rests. */
async function allAtRest(servers: readonly Server[], count: number): Promise<void> {
  for (const server of servers)
    await until(
      `${count} worlds at rest on ${server.region}`,
      async () => {
        // A look costs the server something, too.
        await pause(100 + count / 10);
        const worlds = await look(server);
        return worlds?.every(({ resting, leader }) => resting && leader !== null) === true;
      },
      patience(count),
    );
}

/** Milliseconds from now until each world is led by another server than this one, as those that stay log it. */
function newLeaders(
  servers: readonly Server[],
  lost: Server,
  count: number,
): { readonly all: Promise<number> } {
  const staying = servers.filter((server) => server !== lost);
  const seen = staying.map(({ lines }) => lines.length);
  const led = new Set<unknown>();
  const from = performance.now();
  const all = until(
    `${count} worlds led anew`,
    () => {
      for (const [index, { lines, region }] of staying.entries()) {
        for (let at = seen[index] ?? 0; at < lines.length; at++) {
          const { event, leader, world } = lines[at] as { event: unknown; leader: unknown; world: unknown };
          if (event === 'leader' && leader === region) led.add(world);
        }
        seen[index] = lines.length;
      }
      return led.size === count ? performance.now() - from : false;
    },
    patience(count),
  );
  // Looked at later.
  all.catch(() => {});
  return { all };
}

/** Everything said so far on the links between the servers. */
function peerBytes(running: Throughline): number {
  const ports = running.peerPorts;
  // Only these: a machine may have many thousand connections.
  const filter = ports.map((port) => `sport = :${port}`).join(' or ');
  const text = execFileSync('ss', ['-tinH', 'state', 'established', `( ${filter} )`], { encoding: 'utf8' });
  const byPort = bytesByPort(text);
  return ports.reduce((sum, port) => sum + (byPort.get(port) ?? 0), 0);
}
