/**
 * Why a store cannot be used. All but `bad-read` and `bad-name` end it: every later call rejects, and the host stops rather
 * than vote on what it may have forgotten. The worlds of a region share one store, so a failed disk ends it for all of them;
 * a world that broke a rule ends alone.
 *
 * - `foreign-store`: the folder belongs to another cluster or region, to an earlier version, or to nobody known
 * - `store-lost`: this region has stored votes here before, and they are gone
 * - `older-store`: an older copy of the store was put back
 * - `other-definition`: the world was begun under another definition
 * - `store-in-use`: another process holds it
 * - `corrupt`: a checksum, a key or the chain of commands does not fit
 * - `disk-full`: the disk refused a write for lack of room
 * - `io`: any other failure of the disk
 * - `closed`: called after close, or before open
 * - `broken-rule`: the caller asked for what the protocol forbids, such as a lower ballot
 * - `fault`: the program itself went wrong, and what it holds in memory may not be what it should write
 * - `bad-read`: a range that cannot be meant
 * - `bad-name`: no world can be called so
 */
export type StorageErrorCode =
  | 'foreign-store'
  | 'store-lost'
  | 'older-store'
  | 'other-definition'
  | 'store-in-use'
  | 'corrupt'
  | 'disk-full'
  | 'io'
  | 'closed'
  | 'broken-rule'
  | 'fault'
  | 'bad-read'
  | 'bad-name';

export class StorageError extends Error {
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.code = code;
  }
}

/** What an operator can do about a store that lost or garbled what it promised to keep. */
export const WHAT_TO_DO =
  'The other regions go on without this one. Do not empty the folder and start again: a region that forgot its ' +
  'votes can make two regions disagree. If an intact copy of the folder exists (moved away, on the old disk), put it ' +
  'back; what it misses comes from the other regions. Otherwise leave this region stopped: while a majority of the ' +
  'regions runs, all worlds go on and nothing acknowledged is lost.';

/** The same about a store that this version cannot read. */
export const OTHER_VERSION =
  'Either go on with that version, or stop all regions and start each with a new, empty --data folder: never only some of them.';

export function corrupt(what: string, cause?: unknown): StorageError {
  return new StorageError('corrupt', `${what}. ${WHAT_TO_DO}`, cause);
}

const NO_ROOM = /no space left|file too large|quota exceeded|ENOSPC|EDQUOT|EFBIG/i;

function text(error: unknown): string {
  let all = '';
  let at: unknown = error;
  // Level wraps the disk's own words once or twice.
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    const code = (at as { readonly code?: unknown }).code;
    all += `${all === '' ? '' : ': '}${at.message}${typeof code === 'string' ? ` (${code})` : ''}`;
    at = at.cause;
  }
  return all === '' ? String(error) : all;
}

export function otherDefinition(where: string, name: string, before: string, now: string): StorageError {
  return new StorageError(
    'other-definition',
    `${where}: world "${name}" was begun as "${before}" and cannot go on as "${now}". Start with --worlds ${name}=${before} as ` +
      `before, and give a new "${now}" a name of its own`,
  );
}

/** Anything thrown that is neither the disk's nor a refusal. `what` says with which numbers it happened. */
export function programFault(error: unknown, what: string): StorageError {
  return new StorageError(
    'fault',
    `${what}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}. This is a fault of the program, ` +
      'not of the disk: nothing more is written, and nothing acknowledged is lost. Start this region again, and report this message',
    error,
  );
}

/** Any failure of the store underneath, as a StorageError that says what to do. */
export function storageError(error: unknown, where: string): StorageError {
  if (error instanceof StorageError) return error;
  const words = text(error);
  if (words.includes('LEVEL_LOCKED')) {
    return new StorageError(
      'store-in-use',
      `${where}: another process has this store open. Stop that process, or give this one its own --data folder (${words})`,
      error,
    );
  }
  if (words.includes('LEVEL_CORRUPTION')) return corrupt(`${where}: the store is damaged: ${words}`, error);
  if (NO_ROOM.test(words)) {
    return new StorageError(
      'disk-full',
      `${where}: no room left on the disk. Nothing acknowledged is lost. Make room, then start this region again (${words})`,
      error,
    );
  }
  if (words.includes('LEVEL_DATABASE_NOT_OPEN') || words.includes('LEVEL_ITERATOR_NOT_OPEN')) {
    return new StorageError('closed', `${where}: the store is closed`, error);
  }
  return new StorageError('io', `${where}: the disk failed: ${words}`, error);
}
