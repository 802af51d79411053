import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Write } from '../../server/consensus/types.ts';
import { crc32 } from '../../server/crc32.ts';
import { type DataFolder, openDataFolder } from '../../server/storage/identity.ts';
import { type LevelStore, openLevelStore } from '../../server/storage/level-store.ts';
import type { Storage } from '../../server/storage/types.ts';
import { OpenZone } from '../../server/storage/zone.ts';
import { storageContract } from './contract.ts';
import { CLUSTER, levelPlace, REGION } from './level-place.ts';
import { command, commands, showCommands } from './model.ts';

/** One of three worlds in a store that stays open; the others hold the same numbers, before and after it. */
storageContract('level, between other worlds', async () => {
  const place = await levelPlace();
  const store = await openLevelStore(place.folder);
  const open = async (name: string) => {
    const storage = store.world(name, 0);
    await storage.open();
    await storage.append([vote(1, 1, 40), { write: 2, ballots: { lastTried: 90, nextBal: 99 } }]);
    return storage;
  };
  const before = await open('before');
  const mine = store.world('mine', 0);
  await mine.open();
  await mine.append([{ write: 1, ballots: { lastTried: 0, nextBal: 0 } }]);
  await mine.close();
  const after = await open('after');
  return {
    make: (tailCommands, definition) => store.world('mine', tailCommands, definition),
    remove: async () => {
      for (const other of [before, after]) expect(other.extent()).toMatchObject({ last: 0 });
      await store.close();
      await place.remove();
    },
  };
});

function vote(write: number, first: number, last: number, ballot = 4): Write {
  return { write, votes: { ballot, commands: commands(first, last, ballot, first === 1 ? 0 : ballot) } };
}

describe('the store of several worlds', () => {
  let place: Awaited<ReturnType<typeof levelPlace>>;
  let store: LevelStore;
  const open = async (name: string): Promise<Storage> => {
    const storage = store.world(name, 10);
    await storage.open();
    return storage;
  };
  const reopen = async (): Promise<void> => {
    await store.close();
    store = await openLevelStore(place.folder);
  };
  const votesOf = async (name: string) => {
    const storage = store.world(name, 10);
    const { votes } = await storage.open();
    await storage.close();
    return votes.length;
  };

  beforeEach(async () => {
    place = await levelPlace();
    store = await openLevelStore(place.folder);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
    await place.remove();
  });

  it('writes what all worlds append in one turn with one flush', async () => {
    const worlds = await Promise.all(['a', 'b', 'c'].map(open));
    const batch = vi.spyOn(ClassicLevel.prototype, 'batch');
    const put = vi.spyOn(ClassicLevel.prototype, 'put');
    await Promise.all(worlds.map((world, i) => world.append([vote(1, 1, i + 1)])));
    expect([batch.mock.calls.length, put.mock.calls.length]).toEqual([1, 0]);
    expect(batch).toHaveBeenCalledWith(expect.anything(), expect.objectContaining({ sync: true }));
    await Promise.all(worlds.map((world) => world.append([vote(2, 9, 9)])));
    expect(batch).toHaveBeenCalledTimes(2);
    await worlds[0]!.append([vote(3, 10, 10)]);
    expect([batch.mock.calls.length, put.mock.calls.length]).toEqual([2, 1]);
    await reopen();
    expect(await Promise.all(['a', 'b', 'c'].map(votesOf))).toEqual([3, 3, 4]);
  });

  it('keeps each world its own log, ballots and size', async () => {
    const names = ['z', 'a', 'm'];
    const worlds = await Promise.all(names.map(open));
    for (let n = 1; n <= 30; n++) {
      await Promise.all(
        worlds.map((world, i) =>
          world.append([
            {
              write: n,
              ballots: { lastTried: 0, nextBal: 10 * i + 10 },
              votes: { ballot: 4 + i, commands: [command(n, 4 + i, n === 1 ? 0 : 4 + i, 10 * i + 10)] },
              issued: { upTo: n, born: 4 + i },
            },
          ]),
        ),
      );
    }
    await reopen();
    for (const [i, name] of names.entries()) {
      const storage = store.world(name, 4);
      const { nextBal, upTo, born, tail } = await storage.open();
      expect([nextBal, upTo, born]).toEqual([10 * i + 10, 30, 4 + i]);
      const log = commands(1, 30, 4 + i, 0, 10 * i + 10);
      expect(showCommands(tail)).toEqual(showCommands(log.slice(-4)));
      expect(showCommands(await storage.read(1, 99, 1 << 20))).toEqual(showCommands(log));
      const { last, bytes } = storage.extent();
      expect(last).toBe(30);
      // Payload, and the record's own 104 to 112 bytes, its key, a run.
      expect(bytes).toBeGreaterThan(30 * (10 * i + 10 + 104));
      expect(bytes).toBeLessThan(30 * (10 * i + 10 + 150));
    }
  });

  it('[DISK3] writes nothing more of any world after a write failed', async () => {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(open));
    await Promise.all([a!, b!, c!].map((world) => world.append([vote(1, 1, 2)])));
    const put = vi
      .spyOn(ClassicLevel.prototype, 'put')
      .mockRejectedValueOnce(new Error('ENOSPC: no space left'));
    const first = a!.append([vote(2, 3, 3)]);
    await expect(first).rejects.toMatchObject({ code: 'disk-full' });
    for (const world of [a!, b!, c!]) {
      await expect(world.append([vote(3, 4, 4)])).rejects.toMatchObject({ code: 'disk-full' });
      await expect(world.read(1, 1, 1)).rejects.toMatchObject({ code: 'disk-full' });
    }
    await expect(store.world('new', 1).open()).rejects.toMatchObject({ code: 'disk-full' });
    expect(put).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
    await reopen();
    expect(await Promise.all(['a', 'b', 'c'].map(votesOf))).toEqual([2, 2, 2]);
  });

  it('lets the other worlds go on where one broke a rule, of which nothing is written', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map(open));
    const wrong: Write = { ...vote(1, 1, 2), issued: { upTo: 7, born: 4 } };
    const both = [a!.append([wrong]), b!.append([vote(1, 1, 2)])];
    await expect(both[0]).rejects.toMatchObject({ code: 'broken-rule' });
    await both[1];
    await b!.append([vote(2, 3, 3)]);
    await expect(a!.append([vote(2, 1, 1)])).rejects.toMatchObject({ code: 'broken-rule' });
    const late = await open('late');
    await late.append([vote(1, 1, 1)]);
    await reopen();
    expect(await Promise.all(['a', 'b', 'late'].map(votesOf))).toEqual([0, 3, 1]);
  });

  it.each([
    ['planning', 'add'],
    ['encoding', 'born'],
  ] as const)('[DISK3] ends as a whole, with the numbers, where %s itself goes wrong', async (_, name) => {
    const [a, b] = await Promise.all(['a', 'b'].map(open));
    await Promise.all([a!, b!].map((world) => world.append([vote(1, 1, 2)])));
    const wrong = (): never => {
      throw new TypeError('x is not a function');
    };
    if (name === 'add') vi.spyOn(OpenZone.prototype, 'add').mockImplementationOnce(wrong);
    else vi.spyOn(OpenZone.prototype, 'born', 'get').mockImplementationOnce(wrong);
    const both = [a!.append([vote(2, 3, 3), vote(5, 4, 4)]), b!.append([vote(2, 3, 3)])];
    const fault = {
      code: 'fault',
      message: expect.stringMatching(
        /world "a": writes 2 to 5 made no records \(issued up to 0, .* ballots 0 and 0\): TypeError: x is not a function.*Start this region again/,
      ),
    };
    for (const each of both) await expect(each).rejects.toMatchObject(fault);
    await expect(b!.append([vote(3, 4, 4)])).rejects.toMatchObject(fault);
    await expect(store.world('new', 1).open()).rejects.toMatchObject(fault);
    vi.restoreAllMocks();
    await reopen();
    expect(await Promise.all(['a', 'b'].map(votesOf))).toEqual([2, 2]);
  });

  it('opens a world once at a time, and not after the store was closed', async () => {
    const a = await open('a');
    await expect(open('a')).rejects.toMatchObject({ code: 'store-in-use' });
    await a.close();
    const again = await open('a');
    await store.close();
    await expect(again.append([vote(1, 1, 1)])).rejects.toMatchObject({ code: 'closed' });
    await expect(again.read(1, 1, 1)).rejects.toMatchObject({ code: 'closed' });
    await expect(store.world('b', 1).open()).rejects.toMatchObject({ code: 'closed' });
  });

  it('flushes what was appended before it is closed', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map(open));
    const written = [a!.append([vote(1, 1, 1)]), b!.append([vote(1, 1, 2)])];
    await store.close();
    await Promise.all(written);
    store = await openLevelStore(place.folder);
    expect(await Promise.all(['a', 'b'].map(votesOf))).toEqual([1, 2]);
  });

  /** The next flush reaches the disk when it is let go; resolves once it waits. */
  async function holdFlush(begin: () => void): Promise<() => void> {
    const { batch } = ClassicLevel.prototype;
    let letGo: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await new Promise<void>((waits) => {
      vi.spyOn(ClassicLevel.prototype, 'batch').mockImplementationOnce(async function (
        this: ClassicLevel,
        ...args: unknown[]
      ) {
        waits();
        await held;
        return Reflect.apply(batch, this, args);
      } as unknown as typeof batch);
      begin();
    });
    return letGo;
  }
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('[DISK1] a world that failed alone is closed when what it had under way has landed', async () => {
    const a = await open('a');
    let first: Promise<unknown> = Promise.resolve();
    const letGo = await holdFlush(() => {
      first = a.append([vote(2, 1, 1)]).catch((error: unknown) => error);
    });
    await expect(a.append([vote(2, 2, 2)])).rejects.toMatchObject({ code: 'broken-rule' });
    expect(await first).toMatchObject({ code: 'broken-rule' });
    let closed = false;
    const closing = a.close().then(() => {
      closed = true;
    });
    await turn();
    expect(closed).toBe(false);
    letGo();
    await closing;
    const again = store.world('a', 10);
    expect((await again.open()).votes.length).toBe(1);
    await again.append([{ write: 1, ballots: { lastTried: 0, nextBal: 9 } }]);
    await reopen();
    expect((await store.world('a', 10).open()).nextBal).toBe(9);
  });

  it('takes nothing any more once it is closing', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map(open));
    let first: Promise<void> = Promise.resolve();
    const letGo = await holdFlush(() => {
      first = a!.append([vote(1, 1, 1)]);
    });
    const closing = store.close();
    for (const world of [a!, b!])
      await expect(world.append([vote(2, 1, 1)])).rejects.toMatchObject({ code: 'closed' });
    letGo();
    await Promise.all([closing, first]);
    store = await openLevelStore(place.folder);
    expect(await Promise.all(['a', 'b'].map(votesOf))).toEqual([1, 0]);
  });

  it('[DISK2] keeps what a world plays from its first record on, and refuses it as anything else', async () => {
    const as = async (definition?: string) => {
      const storage = store.world('cup', 1, definition);
      try {
        return (await storage.open()).nextBal;
      } catch (error) {
        return (error as Error).message;
      } finally {
        await storage.close();
      }
    };
    // Nothing was written: it may still become anything.
    expect([await as('warehouse'), await as()]).toEqual([0, 0]);
    const cup = store.world('cup', 1, 'arena');
    await cup.open();
    await cup.append([{ write: 1, ballots: { lastTried: 0, nextBal: 7 } }]);
    await cup.close();
    const refused =
      'world "cup" was begun as "arena" and cannot go on as "warehouse". Start with --worlds cup=arena as before';
    expect(await as('warehouse')).toContain(refused);
    await reopen();
    expect(await as('warehouse')).toContain(refused);
    expect(await as()).toContain('cannot go on as "cup"');
    expect(await as('arena')).toBe(7);
  });

  const checked = (content: Buffer): Buffer => {
    const value = Buffer.concat([Buffer.alloc(4), content]);
    value.writeUInt32LE(crc32(content));
    return value;
  };

  it.each([
    [2, 'an earlier'],
    [4, 'a later'],
  ])('[DISK2] says what to do about a store of format %i', async (format, by) => {
    await store.close();
    const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
    const level = new ClassicLevel<Buffer, Buffer>(place.folder.storePath, options);
    const key = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x69]);
    const held = JSON.parse((await level.get(key))!.toString('utf8', 4)) as object;
    await level.put(key, checked(Buffer.from(JSON.stringify({ ...held, format }))));
    await level.close();
    await expect(openLevelStore(place.folder)).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringMatching(
        new RegExp(`in format ${format}, by ${by} version; this one reads 3 only.*new, empty --data folder`),
      ),
    });
  });

  it('takes no strange names', () => {
    for (const name of ['', '..', 'a/b', 'A', 'x'.repeat(64), '.hidden', 'a b'])
      expect(() => store.world(name, 1)).toThrow(
        expect.objectContaining({
          code: 'bad-name',
          message: expect.stringMatching(/cannot be the name of a world. Give it another: up to 63 of a-z/),
        }),
      );
  });

  describe('[DISK2] with a directory that was damaged', () => {
    const entry = (id: number) => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x77, 0, 0, 0, id]);
    const world = (id: number) => ({ gte: Buffer.from([0, 0, 0, id]), lt: Buffer.from([0, 0, 0, id + 1]) });
    type Raw = ClassicLevel<Buffer, Buffer>;

    beforeEach(async () => {
      for (const name of ['a', 'b', 'c']) await (await open(name)).append([vote(1, 1, 3)]);
      // Opened again, the store says how many worlds it held.
      await reopen();
    });

    async function tamper(change: (level: Raw) => Promise<void>): Promise<string> {
      await store.close();
      const level: Raw = new ClassicLevel(place.folder.storePath, {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        compression: false,
      });
      await change(level);
      await level.close();
      try {
        store = await openLevelStore(place.folder);
        await Promise.all(['a', 'b', 'c'].map(votesOf));
        return 'opened';
      } catch (error) {
        return (error as Error).message;
      }
    }

    it('is opened again as it was left', async () => {
      expect(await tamper(async () => {})).toBe('opened');
    });
    it.each([
      ['a hole', 2, 'segment 2 is missing in the directory of worlds'],
      ['records without a name', 3, 'the directory of worlds ends with segment 2, but 3 were written'],
    ])('notices %s', async (_, id, words) => {
      expect(await tamper((level) => level.del(entry(id)))).toContain(words);
    });
    it('notices records without a name that are newer than the last count', async () => {
      await (await open('d')).append([vote(1, 1, 3)]);
      const said = await tamper((level) => level.del(entry(4)));
      expect(said).toContain('the directory of worlds ends with segment 3, but 4 were written');
    });
    it('notices a world that is gone with its name', async () => {
      const said = await tamper(async (level) => {
        await level.del(entry(3));
        await level.clear(world(3));
      });
      expect(said).toContain('the directory of worlds ends with segment 2, but 3 were written');
    });
    it('notices a world of which only the name is left, and says which', async () => {
      const said = await tamper((level) => level.clear(world(2)));
      expect(said).toContain('world "b": 0 runs, but no record of the state');
      expect(said).toContain('put it back');
    });
    it('notices a damaged entry', async () => {
      const flip = async (level: Raw) => {
        const value = (await level.get(entry(2)))!;
        value[8]! ^= 1;
        await level.put(entry(2), value);
      };
      expect(await tamper(flip)).toContain('directory of worlds is damaged (key ffffffff7700000002)');
    });
    it('notices an entry that stands under another number', async () => {
      const swap = async (level: Raw) => level.put(entry(2), (await level.get(entry(3)))!);
      expect(await tamper(swap)).toContain('has segment 3 under key ffffffff7700000002');
    });
    it('notices a world that plays two things', async () => {
      const said = await tamper(async (level) => {
        const content = Buffer.from((await level.get(entry(1)))!.subarray(4));
        content.writeUInt32LE(4);
        content.write('z', content.length - 1);
        await level.put(entry(4), checked(content));
      });
      expect(said).toContain('world "a" is a "a", and a "z" in segment 4');
      expect(said).toContain('put it back');
    });
    it('notices a sound record under the key of another world', async () => {
      const said = await tamper(async (level) => {
        const [[key, value]] = (await level.iterator({ ...world(2), limit: 1 }).all()) as [[Buffer, Buffer]];
        const other = Buffer.from(key);
        other[3] = 3;
        await level.put(other, value);
      });
      expect(said).toContain('world "c"');
      expect(said).toContain('of segment 2');
    });
  });

  it('is foreign to another region, whatever worlds it holds', async () => {
    await (await open('a')).append([vote(1, 1, 1)]);
    await expect(openDataFolder(place.path, { cluster: CLUSTER, region: 'us' })).rejects.toMatchObject({
      code: 'foreign-store',
    });
    const same: DataFolder = await openDataFolder(place.path, { cluster: CLUSTER, region: REGION });
    await expect(openLevelStore(same)).rejects.toMatchObject({ code: 'store-in-use' });
  });
});
