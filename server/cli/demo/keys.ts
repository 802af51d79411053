/** The secrets of a demo: made once, kept in the data folder, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../usage.ts';

export interface Keys {
  readonly secret: string;
  readonly adminToken: string;
}

const MODE = 0o600;

export const keysFile = (data: string): string => join(data, 'keys.json');

export function keysOf(data: string): Keys {
  const file = keysFile(data);
  mkdirSync(data, { recursive: true });
  const fresh: Keys = {
    secret: randomBytes(32).toString('base64url'),
    adminToken: randomBytes(24).toString('base64url'),
  };
  try {
    writeFileSync(file, `${JSON.stringify(fresh, null, 2)}\n`, { flag: 'wx', mode: MODE });
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(file, MODE);
  const kept: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (isKeys(kept)) return kept;
  throw new Failure(`${file} does not hold a secret and an admin token; remove it to have new ones made`);
}

function isKeys(value: unknown): value is Keys {
  const keys = value as Partial<Keys> | null;
  return typeof keys === 'object' && typeof keys?.secret === 'string' && typeof keys.adminToken === 'string';
}
