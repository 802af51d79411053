import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Write } from '../../server/consensus/types.ts';
import { StorageError } from '../../server/storage/errors.ts';
import { openDataFolder } from '../../server/storage/identity.ts';
import { aloneIn, CLUSTER, REGION, WORLD } from './level-place.ts';
import { command, commands, Model, showCommands, showDurable } from './model.ts';

const TAIL = 1_000;

/** A small 32-bit generator; which bytes are hit must repeat. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

async function open(path: string) {
  const folder = await openDataFolder(path, { cluster: CLUSTER, region: REGION });
  const storage = aloneIn(folder, WORLD, TAIL);
  return { storage, durable: await storage.open() };
}

/** What a store says about itself, or how it refuses. */
async function ask(path: string): Promise<string> {
  try {
    const { storage, durable } = await open(path);
    try {
      const log = await storage.read(1, durable.upTo, 1 << 24);
      return JSON.stringify([showDurable(durable), showCommands(log)]);
    } finally {
      await storage.close();
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error.code;
  }
}

/** A history with leader changes, candidates that lost, and open votes; ends on the disk in tables and in a log. */
function writes(): Write[] {
  const all: Write[] = [];
  const add = (parts: Omit<Write, 'write'>) => all.push({ write: all.length + 1, ...parts });
  add({ ballots: { lastTried: 0, nextBal: 3 } });
  for (let n = 1; n <= 60; n += 3) {
    add({ votes: { ballot: 3, commands: commands(n, n + 2, 3, n === 1 ? 0 : 3, 120) } });
    if (n > 9) add({ issued: { upTo: n - 3, born: 3 } });
  }
  add({ ballots: { lastTried: 7, nextBal: 7 }, learned: [command(59, 5, 3, 120)] });
  add({ votes: { ballot: 7, commands: [command(58, 3, 3, 120)] } });
  add({ votes: { ballot: 7, commands: commands(59, 70, 7, 3, 120) }, issued: { upTo: 58, born: 3 } });
  add({ issued: { upTo: 64, born: 7 } });
  add({ ballots: { lastTried: 7, nextBal: 11 } });
  return all;
}

describe('[DISK2] a damaged store', () => {
  let good: string;
  const model = new Model();
  /** What the store may say after each of its groups. */
  const states = new Set<string>();

  beforeAll(async () => {
    good = await mkdtemp(join(tmpdir(), 'throughline-damage-'));
    const all = writes();
    const half = 17;
    for (const part of [all.slice(0, half), all.slice(half)]) {
      const { storage } = await open(good);
      for (const write of part) {
        await storage.append([write]);
        model.append([write]);
        states.add(JSON.stringify([showDurable(model.durable(TAIL)), showCommands(model.log())]));
      }
      await storage.close();
    }
    states.add(JSON.stringify([showDurable(new Model().durable(TAIL)), []]));
  });
  afterAll(() => rm(good, { recursive: true, force: true }));

  async function files(): Promise<string[]> {
    const names = await readdir(join(good, 'store'));
    return names.filter((name) => name !== 'LOCK' && !name.startsWith('LOG')).sort();
  }

  async function copy<T>(use: (path: string, world: string) => Promise<T>): Promise<T> {
    const path = await mkdtemp(join(tmpdir(), 'throughline-damaged-'));
    try {
      await cp(good, path, { recursive: true });
      return await use(path, join(path, 'store'));
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  }

  it('is whole when nothing was done to it, and lies in both kinds of file', async () => {
    const expected = JSON.stringify([showDurable(model.durable(TAIL)), showCommands(model.log())]);
    expect(await copy((path) => ask(path))).toBe(expected);
    const names = (await files()).join(' ');
    expect(names).toMatch(/\.ldb/);
    expect(names).toMatch(/\.log/);
    expect(names).toMatch(/MANIFEST/);
  });

  it('is refused, or says exactly what it said before, whichever bit is flipped', async () => {
    const expected = JSON.stringify([showDurable(model.durable(TAIL)), showCommands(model.log())]);
    const pick = dice(20_260_101);
    const outcomes: Record<string, number> = { corrupt: 0, same: 0 };
    for (const name of await files()) {
      const bytes = await readFile(join(good, 'store', name));
      for (let i = 0; i < 20 && bytes.length > 0; i++) {
        // Both ends more often than chance: headers, lengths and footers stand there.
        const at =
          i % 4 === 0
            ? pick(Math.min(32, bytes.length))
            : i % 4 === 1
              ? bytes.length - 1 - pick(Math.min(60, bytes.length))
              : pick(bytes.length);
        const bit = pick(8);
        const answer = await copy(async (path, world) => {
          const changed = Buffer.from(bytes);
          changed[at]! ^= 1 << bit;
          await writeFile(join(world, name), changed);
          return ask(path);
        });
        const outcome = answer === expected ? 'same' : answer;
        expect(['same', 'corrupt'], `${name}, byte ${at} of ${bytes.length}, bit ${bit}`).toContain(outcome);
        outcomes[outcome]!++;
      }
    }
    expect(outcomes['corrupt'], JSON.stringify(outcomes)).toBeGreaterThan(outcomes['same']! * 4);
  }, 60_000);

  it('says what some prefix of its writes left, or is refused, wherever a log is cut off', async () => {
    const pick = dice(7);
    const log = (await files()).filter((name) => name.endsWith('.log'));
    const sizes = await Promise.all(log.map(async (name) => (await stat(join(good, 'store', name))).size));
    const name = log[sizes.indexOf(Math.max(...sizes))]!;
    const size = Math.max(...sizes);
    let shorter = 0;
    for (let i = 0; i < 20; i++) {
      const cut = pick(size);
      const answer = await copy(async (path, world) => {
        await truncate(join(world, name), cut);
        return ask(path);
      });
      // Cut back to before this opening was counted, it is an older copy.
      expect([...states, 'older-store'], `cut at ${cut} of ${size}`).toContain(answer);
      if (answer !== JSON.stringify([showDurable(model.durable(TAIL)), showCommands(model.log())])) shorter++;
    }
    expect(shorter).toBeGreaterThan(15);
  }, 60_000);

  it('passes over a write whose last sectors never reached the disk', async () => {
    const log = (await files()).filter((name) => name.endsWith('.log'));
    const answers = await Promise.all(
      log.map((name) =>
        copy(async (path, world) => {
          const bytes = await readFile(join(world, name));
          const kept = Math.floor(bytes.length / 2);
          await writeFile(join(world, name), Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(2_048)]));
          return ask(path);
        }),
      ),
    );
    for (const answer of answers) expect(states).toContain(answer);
  });

  it.each(['CURRENT', 'MANIFEST', '.log', '.ldb'])('is refused without its %s', async (kind) => {
    const name = (await files()).find((each) => each.includes(kind))!;
    const answer = await copy(async (path, world) => {
      await rm(join(world, name));
      return ask(path);
    });
    expect(answer).toBe('corrupt');
  });

  it('names the file or the key, and says what to do', async () => {
    const name = (await files()).find((each) => each.endsWith('.ldb'))!;
    const message = await copy(async (path, world) => {
      const bytes = await readFile(join(world, name));
      bytes[100]! ^= 4;
      await writeFile(join(world, name), bytes);
      return open(path).then(
        () => 'opened',
        (error: StorageError) => error.message,
      );
    });
    expect(message).toContain(name);
    expect(message).toContain('put it back');
  });
});
