/** What a world plays is kept in the store: a region server that is told otherwise does not start. */
import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { clusterDigest } from '../../server/config.ts';
import { createLogger } from '../../server/log.ts';
import { weightsOf } from '../../server/region/consensus-config.ts';
import { Region } from '../../server/region.ts';
import { openDataFolder } from '../../server/storage/identity.ts';
import { openLevelStore } from '../../server/storage/level-store.ts';
import { temporaryFolder } from '../storage/level-place.ts';

it('[DISK2] does not start a world under another definition than it was begun under', async () => {
  const data = await temporaryFolder();
  const peers = 'eu=127.0.0.1:7567,us=127.0.0.1:7568,ap=127.0.0.1:7569';
  const { config } = readServeOptions(
    ['--region', 'eu', '--peers', peers, '--data', data, '--worlds', 'arena,cup=warehouse'],
    {},
  );
  const cluster = clusterDigest(config.regions, weightsOf(config));
  const store = await openLevelStore(await openDataFolder(data, { cluster, region: 'eu' }));
  const cup = store.world('cup', 1, 'arena');
  await cup.open();
  await cup.append([{ write: 1, ballots: { lastTried: 0, nextBal: 7 } }]);
  await store.close();
  const start = Region.start(config, createLogger('eu', 'silent'), () => {});
  await expect(start).rejects.toMatchObject({
    code: 'other-definition',
    message: expect.stringContaining(
      'world "cup" was begun as "arena" and cannot go on as "warehouse". Start with --worlds cup=arena as before',
    ),
  });
  await rm(data, { recursive: true, force: true });
});
