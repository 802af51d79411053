/** What a worker thread does, three times in one thread; what goes between regions is handed across. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { createCounters, Line, type Port } from '../../server/crew/line.ts';
import { answerStorage } from '../../server/crew/line-storage.ts';
import type { ToMain, ToWorker, WorkerStart } from '../../server/crew/messages.ts';
import { Staff } from '../../server/crew/staff.ts';
import { createMemoryStorage } from '../../server/storage/memory.ts';
import type { WorldStatus } from '../../server/world-service.ts';
import { until } from './support.ts';

const REGIONS = ['eu', 'us', 'ap'];
const WORLDS = ['a', 'b'];

interface Site {
  readonly staff: Staff;
  readonly line: Line<ToWorker, ToMain>;
  readonly heard: ToMain[];
  /** From now on no write of world `a` gets out: what would carry it throws. */
  breakWrites(): void;
  readonly broken: () => boolean;
  given: number;
}

const ports: MessagePort[] = [];
const sites: Site[] = [];
afterEach(async () => {
  await Promise.all(sites.splice(0).map(({ line }) => line.call('close', [])));
  for (const port of ports.splice(0)) port.close();
});

function site(self: number): Site {
  const peers = REGIONS.map((region) => `${region}=127.0.0.1:1`).join(',');
  const { config } = readServeOptions(
    [
      ...['--region', REGIONS[self] as string, '--peers', peers, '--data', 'nowhere'],
      ...['--worlds', WORLDS.map((name) => `${name}=warehouse`).join(',')],
    ],
    {},
  );
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const counters = createCounters();
  const start: WorkerStart = { config, worlds: config.worlds, index: 1, logLevel: 'warn', counters };
  let [breaks, broken] = [false, false];
  const port: Port = {
    postMessage: (parcel, transfer) => {
      const { items } = parcel as { items: readonly { method?: string; args?: readonly unknown[] }[] };
      if (breaks && items.some(({ method, args }) => method === 'append' && args?.[0] === 'a')) {
        [breaks, broken] = [false, true];
        throw new Error('a bug of the host');
      }
      port2.postMessage(parcel, transfer);
    },
    on: (event, listener) => port2.on(event, listener as (value: unknown) => void),
  };
  const staff = new Staff(start, port);
  const storages = new Map(WORLDS.map((name) => [name, createMemoryStorage({ tailCommands: 1_000 })]));
  const heard: ToMain[] = [];
  const line = new Line<ToWorker, ToMain>(port1 as unknown as Port, counters, 0, {
    take: (notice) => {
      heard.push(notice);
      if (notice.kind !== 'send') return;
      for (const device of notice.devices) {
        const to = sites[device];
        // Those that are on their way when the test ends.
        if (to === undefined) continue;
        to.given++;
        const bytes = notice.bytes.slice();
        to.line.tell({ kind: 'peer', from: self, bytes }, [bytes.buffer]);
      }
    },
    answer: (method, [world, ...args]) => answerStorage(storages.get(world as string)!, method, args),
  });
  const made: Site = {
    ...{ staff, line, heard, given: 0, broken: () => broken },
    breakWrites: () => {
      breaks = true;
    },
  };
  return made;
}

const statusOf = async ({ line }: Site, world: string) =>
  (await line.call<readonly WorldStatus[]>('statuses', [])).find((status) => status.world === world)!;

/** The region that leads, as all of them see it. */
async function leaderOf(world: string, among: readonly Site[]): Promise<number> {
  const end = performance.now() + 10_000;
  for (;;) {
    const leaders = await Promise.all(among.map(async (one) => (await statusOf(one, world)).leader));
    const [first = null] = leaders;
    const found = first === null ? -1 : REGIONS.indexOf(first);
    if (leaders.every((leader) => leader === first) && among.includes(sites[found]!)) return found;
    if (performance.now() > end) throw new Error(`nobody leads ${world}: ${leaders}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function inbound({ line, heard }: Site, world: string, id: number): () => ToMain | undefined {
  const args = warehouse.schema.actions.inbound.encode({ to: 'A', amount: 1 });
  const request = { session: `s${id}`, sequence: 1, action: 'inbound', args: args.slice() };
  line.tell({ kind: 'act', world, id, request });
  return () => heard.find((notice) => notice.kind === 'answered' && notice.id === id);
}

it('[DISK3] [SEQ4] stops whole when something throws on the way to the store: no vote relies on a write that was lost', async () => {
  for (const self of REGIONS.keys()) sites.push(site(self));
  await Promise.all(sites.map(({ line }) => line.call('open', [])));
  for (const [self, { line }] of sites.entries()) {
    for (const device of REGIONS.keys())
      if (device !== self) line.tell({ kind: 'all', input: { kind: 'link', device, up: true } });
    line.tell({ kind: 'begin' });
  }
  const at = await leaderOf('a', sites);
  await leaderOf('b', sites);
  const site0 = sites[at]!;
  const before = inbound(site0, 'a', 1);
  await until('an answer', () => before() !== undefined);
  expect(before()).toMatchObject({ error: null });

  // As worker.ts has it.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => site0.staff.fail(error));
  try {
    site0.breakWrites();
    const lost = inbound(site0, 'a', 2);
    await until('the fault', () => site0.broken());
    await until('the word of it', () => site0.heard.some(({ kind }) => kind === 'failed'));
    const failedAt = site0.heard.findIndex(({ kind }) => kind === 'failed');
    // Who waited is told that nobody knows; who comes later, no.
    await until('the answer', () => lost() !== undefined);
    expect(lost()).toMatchObject({ error: { code: 'no-quorum', details: { kind: 'unknown' } } });
    const later = inbound(site0, 'b', 3);
    await until('the later answer', () => later() !== undefined);
    expect(later()).toMatchObject({ error: { code: 'no-quorum', details: { kind: 'unavailable' } } });

    const given = site0.given;
    const others = sites.filter((one) => one !== site0);
    for (const world of WORLDS) await leaderOf(world, others);
    for (const [i, world] of WORLDS.entries()) {
      const answered = inbound(others[0]!, world, 10 + i);
      await until('an answer of the others', () => answered() !== undefined);
      expect(answered()).toMatchObject({ error: null });
    }
    await until('it was asked', () => site0.given > given + 5);
    await site0.line.call('here', []);
    const after = site0.heard.slice(failedAt).map(({ kind }) => kind);
    expect(after.filter((kind) => kind === 'send' || kind === 'stopped')).toEqual([]);
    // One line says it, however many worlds there are.
    expect(after.filter((kind) => kind === 'log')).toHaveLength(1);
    // It can still be left in order.
    await site0.line.call('hand-over-all', ['us']);
    await site0.line.call('drain', []);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
}, 30_000);
