/** What must hold when real links, processes and disks fail. Run by main.ts inside the hub's namespace. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, Server, type StatusOfWorld, until } from '../cluster/harness.ts';
import { audit, commandsOf, Player, replay } from '../cluster/player.ts';
import { addressOf, HOSTS, Network, smallDisk } from './hosts.ts';

const [PEER, LISTEN, ADMIN] = [7567, 2567, 8567];
const TOKEN = 'admin-token-of-this-run';
const ENVIRONMENT = { THROUGHLINE_SECRET: 'a secret of this run only', THROUGHLINE_ADMIN_TOKEN: TOKEN };
const START = 100_000;
const SMALL_MB = 6;

const network = new Network(process.argv[2] ?? '');
const folder = mkdtempSync(join(tmpdir(), 'throughline-network-'));
const small = join(folder, 'ap');
mkdirSync(small);
const { cli, remove } = await bundle();
const peers = HOSTS.map((host) => `${host}=${addressOf(host)}:${PEER}`).join(',');
const servers = HOSTS.map(
  (host) =>
    new Server(
      host,
      LISTEN,
      ADMIN,
      [
        ...[cli, 'serve', '--region', host, '--peers', peers, '--guests'],
        ...['--listen', `${addressOf(host)}:${LISTEN}`, '--admin', `${addressOf(host)}:${ADMIN}`],
        ...['--data', join(folder, host), '--worlds', 'warehouse'],
      ],
      { host: addressOf(host), launch: ['ip', 'netns', 'exec', network.namespace(host), process.execPath] },
    ),
);

async function status(server: Server): Promise<StatusOfWorld> {
  const response = await fetch(`${server.adminUrl}/api/status`, {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: AbortSignal.timeout(1_000),
  });
  return ((await response.json()) as { worlds: StatusOfWorld[] }).worlds[0] as StatusOfWorld;
}

/** The leader that a majority of `among` believes in. */
function leader(among: readonly Server[] = servers): Promise<Server> {
  return until('a leader', async () => {
    const views = await Promise.all(among.map((server) => status(server).catch(() => null)));
    const names = views.map((view) => view?.leader).filter((name) => name !== null && name !== undefined);
    const name = names.find((one) => names.filter((other) => other === one).length * 2 > HOSTS.length);
    const found = among.find((server) => server.region === name);
    const leads = views[among.indexOf(found as Server)]?.role === 'leader';
    return found !== undefined && leads ? found : false;
  });
}

const start = (server: Server): Promise<void> => server.start({ env: ENVIRONMENT });
const others = (server: Server): Server[] => servers.filter((other) => other !== server);

async function settle(players: readonly Player[]): Promise<void> {
  network.heal();
  for (const server of servers) if (!server.running) await start(server);
  const token = players[0]?.token ?? '';
  const logs = await until(
    'equal logs everywhere',
    async () => {
      const all = await Promise.all(servers.map((server) => commandsOf(server, token).catch(() => [])));
      const lengths = new Set(all.map(({ length }) => length));
      return lengths.size === 1 && (all[0]?.length ?? 0) > 0 ? all : false;
    },
    30_000,
  );
  for (const log of logs) assert.deepEqual(log, logs[0]);
  assert.deepEqual(
    audit(
      logs[0] ?? [],
      players.flatMap(({ entries }) => entries),
    ),
    [],
  );
  const goods = [...replay(logs[0] ?? []).values()].reduce((sum, amount) => sum + amount, 0);
  assert.equal(goods, START, 'goods are conserved');
}

/** A cut-off or frozen leader: the others go on; how long the first acknowledgement took. */
async function goesOnWithout(lost: Server, player: Player): Promise<number> {
  const from = performance.now();
  const entry = await player.act('transfer', { from: 'A', to: 'B', amount: 1 });
  assert.equal(entry.fate, 'acknowledged');
  const pause = performance.now() - from;
  const next = await leader(others(lost));
  assert.notEqual(next.region, lost.region);
  return pause;
}

type Scenario = readonly [name: string, run: (lost: Server, players: Player[]) => Promise<string>];

const SCENARIOS: readonly Scenario[] = [
  [
    'the leader is heard by nobody, but hears all',
    async (lost, players) => {
      for (const { region } of others(lost)) network.drop(lost.region, region);
      return `others went on after ${(await goesOnWithout(lost, await outside(lost, players))).toFixed(0)} ms`;
    },
  ],
  [
    'the leader hears nobody, but all hear it',
    async (lost, players) => {
      const inside = await enter(players, [lost]);
      for (const { region } of others(lost)) network.drop(region, lost.region);
      const told = await inside.try(lost, 1_000, 'transfer', { from: 'A', to: 'B', amount: 1 });
      assert.equal(told.status, 503, 'a leader that hears nobody acknowledges nothing');
      return `others went on after ${(await goesOnWithout(lost, await outside(lost, players))).toFixed(0)} ms`;
    },
  ],
  [
    'the leader is cut off both ways',
    async (lost, players) => {
      for (const { region } of others(lost)) {
        network.drop(lost.region, region);
        network.drop(region, lost.region);
      }
      return `others went on after ${(await goesOnWithout(lost, await outside(lost, players))).toFixed(0)} ms`;
    },
  ],
  [
    'two followers do not hear each other',
    async (lead, players) => {
      const [one, two] = others(lead) as [Server, Server];
      network.drop(one.region, two.region);
      network.drop(two.region, one.region);
      const player = await enter(players, servers);
      for (let count = 0; count < 20; count++) {
        const { fate } = await player.act('transfer', { from: 'A', to: 'B', amount: 1 });
        assert.equal(fate, 'acknowledged');
      }
      return '20 of 20 acknowledged';
    },
  ],
  [
    'the leader stands still (SIGSTOP) and goes on (SIGCONT)',
    async (lost, players) => {
      lost.signal('SIGSTOP');
      try {
        const pause = await goesOnWithout(lost, await outside(lost, players));
        return `others went on after ${pause.toFixed(0)} ms`;
      } finally {
        lost.signal('SIGCONT');
      }
    },
  ],
  [
    'the leader is killed (SIGKILL)',
    async (lost, players) => {
      const player = await outside(lost, players);
      await lost.stop();
      return `others went on after ${(await goesOnWithout(lost, player)).toFixed(0)} ms`;
    },
  ],
  ['the disk of ap fills up', (_, players) => fillDisk(servers[2] as Server, players)],
];

async function enter(players: Player[], at: readonly Server[]): Promise<Player> {
  const player = await Player.enter(at, 0);
  players.push(player);
  return player;
}
const outside = (lost: Server, players: Player[]): Promise<Player> => enter(players, others(lost));

/** The full region stops and says why; the others go on; with room again it catches up. */
async function fillDisk(full: Server, players: Player[]): Promise<string> {
  const writers = await Promise.all(Array.from({ length: 16 }, () => enter(players, others(full))));
  const end = performance.now() + 90_000;
  await Promise.all(
    writers.map(async (writer) => {
      while (full.running && performance.now() < end)
        await writer
          .act('transfer', { from: 'A', to: 'B', amount: 1 })
          .then(() => writer.act('transfer', { from: 'B', to: 'A', amount: 1 }));
    }),
  );
  assert.equal(full.running, false, 'a region whose disk is full stops');
  const { code } = await full.exit;
  assert.equal(code, 1);
  assert.match(full.tail, /disk|space/i, 'its last words say why');
  const { fate } = await (writers[0] as Player).act('transfer', { from: 'A', to: 'B', amount: 1 });
  assert.equal(fate, 'acknowledged');
  smallDisk.grow(small, 256);
  await start(full);
  return `stopped at its limit of ${SMALL_MB} MB, caught up with more room`;
}

let passed = 0;
let failed = 0;
try {
  smallDisk.mount(small, SMALL_MB);
  await Promise.all(servers.map(start));
  const first = await Player.enter([await leader()], 0);
  assert.equal((await first.act('inbound', { to: 'A', amount: START })).fate, 'acknowledged');
  const players = [first];
  for (const [name, run] of SCENARIOS) {
    const from = performance.now();
    try {
      const outcome = await run(await leader(), players);
      await settle(players);
      passed++;
      console.log(`ok      ${name}: ${outcome} (${((performance.now() - from) / 1_000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}: ${(error as Error).stack}`);
      for (const server of servers) console.log(`${server.region}: ${server.tail}\n${server.errors}`);
      break;
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
} finally {
  await Promise.all(servers.map((server) => server.stop()));
  smallDisk.unmount(small);
  rmSync(folder, { recursive: true, force: true });
  remove();
}
process.exitCode = failed === 0 ? 0 : 1;
