/** The store's epochs are made so short here that whatever the contract asks for goes across several segments. */
import { ClassicLevel } from 'classic-level';
import { describe, expect, it, vi } from 'vitest';
import type { Write } from '../../server/consensus/types.ts';
import { openDataFolder } from '../../server/storage/identity.ts';
import { type LevelStore, openLevelStore } from '../../server/storage/level-store.ts';
import type { Storage } from '../../server/storage/types.ts';
import { storageContract } from './contract.ts';
import { CLUSTER, levelPlace, REGION } from './level-place.ts';
import { command, commands, showCommands } from './model.ts';

vi.mock('../../server/limits.ts', async (original) => ({
  ...(await original<object>()),
  STORAGE_EPOCH_BYTES: 500,
  STORAGE_SEGMENT_BYTES: 1,
}));

/** A world whose every group is shared with another one, so that epochs end. */
function accompanied(mine: Storage, other: () => Promise<Storage>): Storage {
  let neighbour: Storage | null = null;
  let number = 0;
  return {
    open: async () => {
      const durable = await mine.open();
      neighbour = await other();
      return durable;
    },
    append: (writes) => {
      number++;
      neighbour
        ?.append([{ write: number, votes: { ballot: 9, commands: [command(1, 9, 0)] } }])
        .catch(() => {});
      return mine.append(writes);
    },
    read: (from, to, bytes) => mine.read(from, to, bytes),
    extent: () => mine.extent(),
    close: async () => {
      await mine.close();
      await neighbour?.close();
    },
  };
}

const neighbourIn = (store: LevelStore) => async () => {
  const storage = store.world('neighbour', 0);
  await storage.open();
  return storage;
};

storageContract('level, with short epochs', async () => {
  const place = await levelPlace();
  const store = await openLevelStore(place.folder);
  return {
    make: (tailCommands, definition) =>
      accompanied(store.world('mine', tailCommands, definition), neighbourIn(store)),
    remove: async () => {
      await store.close();
      await place.remove();
    },
  };
});

describe('epochs of a store', () => {
  /** Issues 1..60, leader changes at 21 and 41, three open votes; two worlds in turn. */
  async function fill(store: LevelStore): Promise<void> {
    const worlds = [store.world('a', 5), store.world('b', 5)];
    for (const world of worlds) await world.open();
    for (let n = 1; n <= 63; n++) {
      const born = n <= 20 ? 4 : n <= 40 ? 7 : 11;
      const before = n === 1 ? 0 : n === 21 ? 4 : n === 41 ? 7 : born;
      const issued = n > 3 ? { issued: { upTo: n - 3, born: n - 3 <= 20 ? 4 : n - 3 <= 40 ? 7 : 11 } } : {};
      const write: Write = {
        write: n,
        ballots: { lastTried: 0, nextBal: n },
        votes: { ballot: born, commands: [command(n, born, before, 40)] },
      };
      // Each goes by its own pace.
      await worlds[0]!.append([{ ...write, ...issued }]);
      if (n % 3 === 0) await worlds[1]!.append([{ write: n, ballots: { lastTried: 0, nextBal: n } }]);
    }
    for (const world of worlds) await world.close();
  }
  const log = [...commands(1, 20, 4, 0, 40), ...commands(21, 40, 7, 4, 40), ...commands(41, 60, 11, 7, 40)];

  const bare = (path: string) =>
    new ClassicLevel<Buffer, Buffer>(path, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
    });

  async function rows(path: string): Promise<[Buffer, Buffer][]> {
    const level = bare(path);
    const all = await level.iterator().all();
    await level.close();
    return all;
  }

  it('give a world new segments, across which it is found again; what is newer sorts behind what is older', async () => {
    const place = await levelPlace();
    const store = await openLevelStore(place.folder);
    await fill(store);
    await store.close();
    const all = await rows(place.folder.storePath);
    const names = all.filter(([key]) => key[0] === 0xff && key[4] === 0x77).map(([, value]) => value);
    const segments = names.filter((value) => value.toString('utf8', 20) === 'a=a');
    expect(segments.length).toBeGreaterThan(10);
    const mine = segments.map((value) => value.readUInt32LE(4));
    const serials = all
      .filter(([key]) => key[0] === 0 && mine.includes(key.readUInt32BE(0)))
      .map(([, value]) => value.readUInt32LE(8));
    expect(serials).toEqual([...serials].sort((x, y) => x - y));

    const again = await openLevelStore(
      await openDataFolder(place.path, { cluster: CLUSTER, region: REGION }),
    );
    const a = again.world('a', 5);
    const durable = await a.open();
    expect(durable).toMatchObject({ nextBal: 63, upTo: 60, born: 11 });
    expect(durable.votes.map((vote) => vote.command.number).sort()).toEqual([61, 62, 63]);
    expect(showCommands(durable.tail)).toEqual(showCommands(log.slice(-5)));
    expect(showCommands(await a.read(1, 60, 1 << 20))).toEqual(showCommands(log));
    for (let n = 1; n <= 60; n++) {
      expect(showCommands(await a.read(n, n, 1))).toEqual(showCommands([log[n - 1]!]));
    }
    expect(await again.world('b', 5).open()).toMatchObject({ nextBal: 63, upTo: 0 });
    await again.close();
    await place.remove();
  });

  it('end only where several worlds write, and go on after a restart', async () => {
    const place = await levelPlace();
    let store = await openLevelStore(place.folder);
    const count = async () => {
      await store.close();
      const all = await rows(place.folder.storePath);
      store = await openLevelStore(place.folder);
      return all.filter(([key]) => key[0] === 0xff && key[4] === 0x77).length;
    };
    const writeTo = async (name: string, from: number) => {
      const world = store.world(name, 0);
      await world.open();
      for (let n = from; n < from + 10; n++) {
        await world.append([{ write: n, votes: { ballot: 4, commands: [command(n, 4, n === 1 ? 0 : 4)] } }]);
      }
      await world.close();
    };
    await writeTo('a', 1);
    await writeTo('a', 11);
    expect(await count()).toBe(1);
    await writeTo('a', 21);
    expect(await count()).toBe(1);
    await writeTo('b', 1);
    // The epoch ended with the first of them; since then b is alone in the next.
    expect(await count()).toBe(3);
    await writeTo('b', 11);
    expect(await count()).toBe(3);
    await writeTo('a', 31);
    expect(await count()).toBe(5);
    await store.close();
    await place.remove();
  });

  it('[DISK2] notice a segment that is missing in the middle of a world', async () => {
    const place = await levelPlace();
    const store = await openLevelStore(place.folder);
    await fill(store);
    await store.close();
    const level = bare(place.folder.storePath);
    await level.clear({ gte: Buffer.from([0, 0, 0, 5]), lt: Buffer.from([0, 0, 0, 8]) });
    await level.close();
    const again = await openLevelStore(place.folder);
    const a = again.world('a', 5);
    const { upTo } = await a.open();
    await expect(a.read(1, upTo, 1 << 20)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/world "a": the issued command \d+, born in ballot \d+, is missing/),
    });
    await again.close();
    await place.remove();
  });

  it('[DISK2] notice that the last segment of a world is empty: an older state must not pass for its newest', async () => {
    const place = await levelPlace();
    const store = await openLevelStore(place.folder);
    await fill(store);
    await store.close();
    const ofA = (await rows(place.folder.storePath)).filter(
      ([key, value]) => key[0] === 0xff && key[4] === 0x77 && value.toString('utf8', 20) === 'a=a',
    );
    const last = (ofA.at(-1) as [Buffer, Buffer])[0].readUInt32BE(5);
    expect(ofA.length).toBeGreaterThan(2);
    const level = bare(place.folder.storePath);
    await level.clear({ gte: Buffer.from([0, 0, 0, last]), lt: Buffer.from([0, 0, 0, last + 1]) });
    await level.close();
    const again = await openLevelStore(place.folder);
    await expect(again.world('a', 5).open()).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('no record of the state'),
    });
    await again.close();
    await place.remove();
  });
});
