/** Where everything of a demo is: addresses of the region servers, the data folder, what npm built. Pure but for `builtFiles`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../usage.ts';

export interface RegionPlace {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly admin: number;
}

export const HOST = '127.0.0.1';
/** As in the contract's examples: clients 2567, peers 7567, admin 8567. */
const PEER_PORTS = 5_000;
const ADMIN_PORTS = 6_000;
const REGIONS_AT_MOST = 9;
const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Throws UsageError for names and ports that cannot be. */
export function placesOf(regions: string, port: string): RegionPlace[] {
  const names = regions.split(',').map((name) => name.trim());
  const first = Number(port);
  if (names.length > REGIONS_AT_MOST) throw new UsageError(`at most ${REGIONS_AT_MOST} regions`, 'demo');
  const wrong = names.find((name, i) => !NAME.test(name) || names.indexOf(name) !== i);
  if (wrong !== undefined) throw new UsageError(`regions: '${wrong}' is no name, or is named twice`, 'demo');
  const most = 65_535 - ADMIN_PORTS - names.length + 1;
  if (!Number.isInteger(first) || first < 1 || first > most)
    throw new UsageError(`port: expected 1 to ${most}, got '${port}'`, 'demo');
  return names.map((name, i) => ({
    name,
    client: first + i,
    peer: first + PEER_PORTS + i,
    admin: first + ADMIN_PORTS + i,
  }));
}

export interface BuiltFiles {
  readonly cli: string;
  readonly page: string;
}

/** What `npm run build` wrote, found from wherever this file is bundled to. */
export function builtFiles(): BuiltFiles {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return { cli: join(folder, 'dist/cli.js'), page: join(folder, 'dist/page') };
}
