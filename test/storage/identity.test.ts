import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataFolder } from '../../server/storage/identity.ts';
import { createLevelStorage } from '../../server/storage/level.ts';
import { temporaryFolder } from './level-place.ts';
import { command } from './model.ts';

describe('the identity of a data folder (section 4, R14, T81)', () => {
  let path: string;
  beforeEach(async () => {
    path = await temporaryFolder();
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  const openAs = async (cluster = 'c1', region = 'eu', world = 'arena') => {
    const folder = await openDataFolder(path, { cluster, region });
    const storage = createLevelStorage({ folder, world, tailCommands: 4 });
    try {
      const durable = await storage.open();
      return { storage, durable };
    } catch (error) {
      await storage.close();
      throw error;
    }
  };
  /** Opens, votes once, closes. */
  const run = async (world = 'arena') => {
    const { storage, durable } = await openAs('c1', 'eu', world);
    const number = durable.votes.length + 1;
    await storage.append([{ write: 1, votes: { ballot: 4, commands: [command(number, 4, 0)] } }]);
    await storage.close();
  };
  const store = (world = 'arena') => join(path, 'worlds', world);

  it('is made once and kept, with one store a world', async () => {
    await run();
    await run('warehouse');
    const first = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    await run();
    const again = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    expect(again.store).toBe(first.store);
    expect([again.opens('arena'), again.opens('warehouse'), again.opens('document')]).toEqual([2, 1, 0]);
    expect((await readdir(join(path, 'worlds'))).sort()).toEqual(['arena', 'warehouse']);
  });

  it('opens several worlds at a time', async () => {
    const folder = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    const worlds = ['a', 'b', 'c', 'd'].map((world) =>
      createLevelStorage({ folder, world, tailCommands: 1 }),
    );
    await Promise.all(worlds.map((world) => world.open()));
    await Promise.all(worlds.map((world) => world.close()));
    const again = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    expect(['a', 'b', 'c', 'd'].map((world) => again.opens(world))).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ['cluster', 'c2', 'eu'],
    ['region', 'c1', 'us'],
  ])('is foreign to another %s', async (_, cluster, region) => {
    await run();
    await expect(openAs(cluster, region)).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringContaining('"eu"'),
    });
  });

  it('refuses stores without an identity.json', async () => {
    await run();
    await rm(join(path, 'identity.json'));
    await expect(openAs()).rejects.toMatchObject({ code: 'foreign-store' });
  });

  it('refuses a damaged identity.json', async () => {
    await run();
    for (const text of ['', '{', '[]', '{"format":1}', '{"format":9,"cluster":"c1","region":"eu"}']) {
      await writeFile(join(path, 'identity.json'), text);
      await expect(openAs()).rejects.toMatchObject({ code: 'corrupt' });
    }
  });

  it('refuses a store that was removed or emptied, and says what to do (T81)', async () => {
    await run();
    const lost = {
      code: 'store-lost',
      message: expect.stringMatching(/region "eu" has stored votes of world "arena".*backup/s),
    };
    await rm(store(), { recursive: true });
    await expect(openAs()).rejects.toMatchObject(lost);
    await mkdir(store());
    await expect(openAs()).rejects.toMatchObject(lost);
    await expect(openAs()).rejects.toMatchObject(lost);
    expect((await openAs('c1', 'eu', 'warehouse')).durable.upTo).toBe(0);
  });

  it('refuses an older copy of the store', async () => {
    await run();
    await cp(store(), `${path}-older`, { recursive: true });
    await run();
    await rm(store(), { recursive: true });
    await rename(`${path}-older`, store());
    await expect(openAs()).rejects.toMatchObject({
      code: 'older-store',
      message: expect.stringContaining('opened 1 times'),
    });
  });

  it('accepts a crash between the store’s count and the file’s', async () => {
    await run();
    const text = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    await text.recordOpen('arena', 0);
    await run();
    expect((await openDataFolder(path, { cluster: 'c1', region: 'eu' })).opens('arena')).toBe(2);
  });

  it('refuses the store of another world, or of another folder of the same name', async () => {
    await run();
    await run('warehouse');
    await rm(store(), { recursive: true });
    await cp(store('warehouse'), store(), { recursive: true });
    await expect(openAs()).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringContaining('for world "warehouse"'),
    });
    const other = await temporaryFolder();
    try {
      const folder = await openDataFolder(other, { cluster: 'c1', region: 'eu' });
      await cp(store('warehouse'), folder.worldPath('warehouse'), { recursive: true });
      const storage = createLevelStorage({ folder, world: 'warehouse', tailCommands: 1 });
      await expect(storage.open()).rejects.toMatchObject({ code: 'foreign-store' });
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  it('refuses names that are no folder names', async () => {
    const folder = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    for (const world of ['', '..', 'a/b', 'A', 'x'.repeat(64), '.hidden']) {
      expect(() => folder.worldPath(world)).toThrow(/cannot be the name/);
    }
  });

  it('remembers the stores of its peers', async () => {
    const folder = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    expect(folder.peerStore('us')).toBeNull();
    await folder.rememberPeer('us', 'store-7');
    const again = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    expect([again.peerStore('us'), again.peerStore('constructor')]).toEqual(['store-7', null]);
  });
});
