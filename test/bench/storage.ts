/**
 * `storage`: entries per second on stable storage and the latency of one group commit, by entries in a group; then how
 * fast a store opens and reads. Files lie in a temporary folder: TMPDIR says on which disk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '../../server/consensus/types.ts';
import { openDataFolder } from '../../server/storage/identity.ts';
import { openLevelStore } from '../../server/storage/level-store.ts';
import type { Storage } from '../../server/storage/types.ts';
import { median, percentile, round, table } from './statistics.ts';

const GROUPS = [1, 10, 100, 1000];
const ENTRY_BYTES = 200;
const BALLOT = 7;

/** Commands as they come in one frame: side by side in one buffer. */
function entries(after: number, count: number): Command[] {
  const frame = new Uint8Array(count * ENTRY_BYTES).fill(1 + (after % 250));
  return Array.from({ length: count }, (_, i) => ({
    number: after + i + 1,
    born: BALLOT,
    precedent: after + i === 0 ? 0 : BALLOT,
    bytes: frame.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES),
  }));
}

class Writer {
  readonly #storage: Storage;
  #write = 0;
  #last = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** One group after another, each marking the one before as issued. */
  async measure(group: number, seconds: number) {
    const latencies: number[] = [];
    const begin = performance.now();
    const cpu = process.cpuUsage();
    let now = begin;
    while (now - begin < seconds * 1000) {
      const upTo = this.#last;
      const commands = entries(upTo, group);
      this.#last += group;
      const issued = upTo === 0 ? {} : { issued: { upTo, born: BALLOT } };
      await this.#storage.append([{ write: ++this.#write, votes: { ballot: BALLOT, commands }, ...issued }]);
      const before = now;
      now = performance.now();
      latencies.push(now - before);
    }
    const { user, system } = process.cpuUsage(cpu);
    const count = latencies.length * group;
    return {
      perSecond: count / ((now - begin) / 1000),
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      cpuSecondsPer10k: (user + system) / 1e6 / (count / 10_000),
    };
  }
}

async function reopen(path: string, world: string) {
  const folder = await openDataFolder(path, { cluster: 'bench', region: 'eu' });
  const begin = performance.now();
  const store = await openLevelStore(folder);
  const storage = store.world(world, 16_384);
  const { upTo } = await storage.open();
  const opened = performance.now();
  for (let from = 1; from <= upTo; ) {
    from = (await storage.read(from, upTo, 1 << 20)).at(-1)!.number + 1;
  }
  const seconds = (performance.now() - opened) / 1000;
  await storage.close();
  await store.close();
  return { entries: upTo, openMs: round(opened - begin), readPerSecond: Math.round(upTo / seconds) };
}

export async function storage(options: {
  readonly rounds: number;
  readonly seconds: number;
}): Promise<object> {
  const path = mkdtempSync(join(tmpdir(), 'throughline-bench-'));
  try {
    const folder = await openDataFolder(path, { cluster: 'bench', region: 'eu' });
    const store = await openLevelStore(folder);
    const world = store.world('bench', 16_384);
    await world.open();
    const writer = new Writer(world);
    const rounds: { group: number; perSecond: number; p50: number; p99: number; cpuSecondsPer10k: number }[] =
      [];
    for (let i = 0; i < options.rounds; i++) {
      for (const group of GROUPS) rounds.push({ group, ...(await writer.measure(group, options.seconds)) });
    }
    await store.close();
    const rows = GROUPS.map((group) => {
      const of = rounds.filter((each) => each.group === group);
      return {
        group,
        perSecond: Math.round(median(of.map((each) => each.perSecond))),
        p50: round(median(of.map((each) => each.p50)), 3),
        p99: round(median(of.map((each) => each.p99)), 3),
        cpuSecondsPer10k: round(median(of.map((each) => each.cpuSecondsPer10k)), 3),
      };
    });
    const again = await reopen(path, 'bench');
    console.log(
      table([
        ['entries a group', 'entries/s', 'p50 ms', 'p99 ms', 'CPU s/10k'],
        ...rows.map((row) => [row.group, row.perSecond, row.p50, row.p99, row.cpuSecondsPer10k]),
      ]),
    );
    console.log(`${again.entries} entries: opened in ${again.openMs} ms, read ${again.readPerSecond}/s`);
    return { entryBytes: ENTRY_BYTES, rows, reopened: again };
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
