import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, Durable, Write } from '../../server/consensus/types.ts';
import { StorageError } from '../../server/storage/errors.ts';
import { type DataFolder, openDataFolder } from '../../server/storage/identity.ts';
import { type LevelStore, openLevelStore } from '../../server/storage/level-store.ts';
import type { Storage } from '../../server/storage/types.ts';
import type { Place } from './contract.ts';

export const CLUSTER = 'c1';
export const REGION = 'eu';
export const WORLD = 'arena';

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'throughline-storage-'));
}

/** A store opened and closed with its one world, as a region that serves nothing else. */
class Alone implements Storage {
  readonly #folder: DataFolder;
  readonly #world: string;
  readonly #tailCommands: number;
  readonly #definition: string;
  #store: LevelStore | null = null;
  #storage: Storage | null = null;
  #opened = false;

  constructor(folder: DataFolder, world: string, tailCommands: number, definition: string) {
    this.#folder = folder;
    this.#world = world;
    this.#tailCommands = tailCommands;
    this.#definition = definition;
  }

  async open(): Promise<Durable> {
    if (this.#opened) throw new StorageError('closed', 'a storage object is opened once');
    this.#opened = true;
    this.#store = await openLevelStore(this.#folder);
    this.#storage = this.#store.world(this.#world, this.#tailCommands, this.#definition);
    try {
      return await this.#storage.open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async append(writes: readonly Write[]): Promise<void> {
    return this.#held().append(writes);
  }
  async read(from: number, to: number, bytes: number): Promise<Command[]> {
    return this.#held().read(from, to, bytes);
  }
  extent(): { readonly first: number; readonly last: number; readonly bytes: number } {
    return this.#held().extent();
  }
  async close(): Promise<void> {
    await this.#storage?.close();
    await this.#store?.close();
  }

  #held(): Storage {
    if (this.#storage === null) throw new StorageError('closed', 'not open');
    return this.#storage;
  }
}

export function aloneIn(
  folder: DataFolder,
  world: string,
  tailCommands: number,
  definition = world,
): Storage {
  return new Alone(folder, world, tailCommands, definition);
}

/** A data folder in a temporary place. */
export async function levelPlace(): Promise<Place & { readonly path: string; readonly folder: DataFolder }> {
  const path = await temporaryFolder();
  const folder = await openDataFolder(path, { cluster: CLUSTER, region: REGION });
  return {
    path,
    folder,
    make: (tailCommands, definition) => aloneIn(folder, WORLD, tailCommands, definition),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
