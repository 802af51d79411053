import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from '../../server/storage/identity.ts';
import { createLevelStorage } from '../../server/storage/level.ts';
import type { Place } from './contract.ts';

export const CLUSTER = 'c1';
export const REGION = 'eu';
export const WORLD = 'arena';

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'throughline-storage-'));
}

/** A data folder in a temporary place. */
export async function levelPlace(): Promise<Place & { readonly path: string }> {
  const path = await temporaryFolder();
  const folder = await openDataFolder(path, { cluster: CLUSTER, region: REGION });
  return {
    path,
    make: (tailCommands) => createLevelStorage({ folder, world: WORLD, tailCommands }),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
