import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IDENTITY_BYTES } from '../limits.ts';
import { corrupt, OTHER_VERSION, StorageError, storageError, WHAT_TO_DO } from './errors.ts';

/** 1 had a store for each world. */
const FORMAT = 2;
const STORE = 'store';
const EARLIER_STORES = 'worlds';

interface IdentityFile {
  readonly format: number;
  readonly cluster: string;
  readonly region: string;
  readonly store: string;
  /** How often the store was opened; one that counts less is an older copy. 0: it was never made. */
  readonly opens: number;
  /** Region → identity of the store it had when first met; another one there has lost its votes. */
  readonly peers: { readonly [region: string]: string };
}

/**
 * A region's data folder: `identity.json`, and `store/` with the one store of all its worlds. The file stands outside the
 * store so that a store which was emptied or rolled back is noticed (protocol section 4 "identity", R14, T81).
 */
export interface DataFolder {
  readonly path: string;
  readonly cluster: string;
  readonly region: string;
  /** Made once with the folder; peers remember it. */
  readonly store: string;
  readonly storePath: string;
  /** How often the store was opened, as far as the file knows; 0: it was never made. */
  readonly opens: number;
  recordOpen(opens: number): Promise<void>;
  /** The store identity first seen of another region; null if it was never met. */
  peerStore(region: string): string | null;
  rememberPeer(region: string, store: string): Promise<void>;
}

type Parsed = { readonly [K in keyof IdentityFile]?: unknown };

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isIdentity(value: Parsed): value is IdentityFile {
  return (
    value.format === FORMAT &&
    typeof value.cluster === 'string' &&
    typeof value.region === 'string' &&
    typeof value.store === 'string' &&
    Number.isSafeInteger(value.opens) &&
    isObject(value.peers) &&
    Object.values(value.peers).every((store) => typeof store === 'string')
  );
}

function parse(text: string, path: string): IdentityFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(`${path} is not JSON`, error);
  }
  if (isObject(value) && (value as Parsed).format === FORMAT - 1) {
    throw new StorageError(
      'foreign-store',
      `${path} is of an earlier version, which kept a store for each world; this version does not read those. ${OTHER_VERSION}`,
    );
  }
  if (!isObject(value) || !isIdentity(value)) throw corrupt(`${path} is damaged or of an unknown format`);
  return value;
}

/** Replaces the file as a whole: after a crash it is the old one or the new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

class Folder implements DataFolder {
  readonly path: string;
  #file: IdentityFile;
  /** Changes of the one file go one after another. */
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string, file: IdentityFile) {
    this.path = path;
    this.#file = file;
  }

  get cluster(): string {
    return this.#file.cluster;
  }
  get region(): string {
    return this.#file.region;
  }
  get store(): string {
    return this.#file.store;
  }

  get storePath(): string {
    return join(this.path, STORE);
  }
  get opens(): number {
    return this.#file.opens;
  }

  recordOpen(opens: number): Promise<void> {
    this.#file = { ...this.#file, opens };
    return this.#save();
  }

  peerStore(region: string): string | null {
    return Object.hasOwn(this.#file.peers, region) ? (this.#file.peers[region] ?? null) : null;
  }

  rememberPeer(region: string, store: string): Promise<void> {
    this.#file = { ...this.#file, peers: { ...this.#file.peers, [region]: store } };
    return this.#save();
  }

  #save(): Promise<void> {
    const saved = this.#saving
      .then(() => writeWhole(join(this.path, 'identity.json'), `${JSON.stringify(this.#file, null, 2)}\n`))
      .catch((error: unknown) => {
        throw storageError(error, this.path);
      });
    this.#saving = saved.catch(() => {});
    return saved;
  }
}

async function readIdentity(path: string): Promise<string | null> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > IDENTITY_BYTES) throw corrupt(`${path} has ${text.length} characters`);
    return text;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return null;
    throw storageError(error, path);
  }
}

/**
 * Opens or makes a region's data folder. Throws StorageError `foreign-store` when it belongs to another cluster or
 * region, or holds stores of nobody known.
 */
export async function openDataFolder(
  path: string,
  identity: { readonly cluster: string; readonly region: string },
): Promise<DataFolder> {
  const name = join(path, 'identity.json');
  const text = await readIdentity(name);
  if (text !== null) {
    const file = parse(text, name);
    if (file.cluster !== identity.cluster || file.region !== identity.region) {
      throw new StorageError(
        'foreign-store',
        `${path} belongs to region "${file.region}" of cluster ${file.cluster}, this is region "${identity.region}" of ` +
          `cluster ${identity.cluster}. The cluster is the list of its regions, their order and weights: start with the ` +
          'same --peers as before, or give this region its own --data folder.',
      );
    }
    return new Folder(path, file);
  }
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const strange = (await readdir(path)).filter((each) => each === STORE || each === EARLIER_STORES);
    for (const each of strange) {
      if ((await readdir(join(path, each))).length === 0) continue;
      throw new StorageError(
        'foreign-store',
        `${path} holds ${each}/, but no identity.json that says whose it is. ${WHAT_TO_DO}`,
      );
    }
  } catch (error) {
    throw storageError(error, path);
  }
  const file = { format: FORMAT, ...identity, store: randomUUID(), opens: 0, peers: {} };
  const folder = new Folder(path, file);
  await writeWhole(name, `${JSON.stringify(file, null, 2)}\n`).catch((error: unknown) => {
    throw storageError(error, path);
  });
  return folder;
}
