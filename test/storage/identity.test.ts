import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataFolder } from '../../server/storage/identity.ts';
import { openLevelStore } from '../../server/storage/level-store.ts';
import { aloneIn, temporaryFolder } from './level-place.ts';
import { command } from './model.ts';

describe('the identity of a data folder (section 4, R14, T81)', () => {
  let path: string;
  beforeEach(async () => {
    path = await temporaryFolder();
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  const openAs = async (cluster = 'c1', region = 'eu', world = 'arena') => {
    const folder = await openDataFolder(path, { cluster, region });
    const storage = aloneIn(folder, world, 4);
    return { storage, durable: await storage.open() };
  };
  /** Opens, votes once, closes. */
  const run = async (world = 'arena') => {
    const { storage, durable } = await openAs('c1', 'eu', world);
    const number = durable.votes.length + 1;
    await storage.append([{ write: 1, votes: { ballot: 4, commands: [command(number, 4, 0)] } }]);
    await storage.close();
  };
  const store = () => join(path, 'store');

  it('is made once and kept, with one store for all worlds', async () => {
    await run();
    await run('warehouse');
    const first = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    await run();
    const again = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    expect(again.store).toBe(first.store);
    expect([first.opens, again.opens]).toEqual([2, 3]);
    expect((await readdir(path)).sort()).toEqual(['identity.json', 'store']);
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
    await expect(openAs()).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringContaining('holds store/, but no identity.json'),
    });
    await rename(store(), join(path, 'worlds'));
    await expect(openAs()).rejects.toMatchObject({ message: expect.stringContaining('holds worlds/, but') });
  });

  it('refuses a folder of the format with a store for each world, and says what to do', async () => {
    const file = { format: 1, cluster: 'c1', region: 'eu', store: 's', worlds: { arena: 3 }, peers: {} };
    await writeFile(join(path, 'identity.json'), JSON.stringify(file));
    await mkdir(join(path, 'worlds', 'arena'), { recursive: true });
    await expect(openAs()).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringMatching(/identity\.json is of an earlier version.*new, empty --data folder/),
    });
    expect(await readdir(path)).toEqual(['identity.json', 'worlds']);
  });

  it('refuses a damaged identity.json', async () => {
    await run();
    for (const text of ['', '{', '[]', '{"format":2}', '{"format":9,"cluster":"c1","region":"eu"}']) {
      await writeFile(join(path, 'identity.json'), text);
      await expect(openAs()).rejects.toMatchObject({ code: 'corrupt' });
    }
  });

  it('refuses a store that was removed or emptied, and says what to do (T81)', async () => {
    await run();
    const lost = {
      code: 'store-lost',
      message: expect.stringMatching(/region "eu" has stored votes of its worlds.*put it back/s),
    };
    await rm(store(), { recursive: true });
    await expect(openAs()).rejects.toMatchObject(lost);
    await mkdir(store());
    await expect(openAs()).rejects.toMatchObject(lost);
    await expect(openAs('c1', 'eu', 'warehouse')).rejects.toMatchObject(lost);
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
    await text.recordOpen(0);
    await run();
    expect((await openDataFolder(path, { cluster: 'c1', region: 'eu' })).opens).toBe(2);
  });

  it('refuses the store of another folder of the same name', async () => {
    await run();
    const other = await temporaryFolder();
    try {
      const folder = await openDataFolder(other, { cluster: 'c1', region: 'eu' });
      await cp(store(), folder.storePath, { recursive: true });
      await expect(openLevelStore(folder)).rejects.toMatchObject({
        code: 'foreign-store',
        message: expect.stringContaining('A copied store would vote twice'),
      });
    } finally {
      await rm(other, { recursive: true, force: true });
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
