/** The page as this demo serves it: what was built, plus the addresses of all regions. */
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../usage.ts';
import { type BuiltFiles, HOST, type RegionPlace } from './layout.ts';

export function writePageFolder(files: BuiltFiles, data: string, places: readonly RegionPlace[]): string {
  for (const file of [files.cli, files.page])
    if (!existsSync(file)) throw new Failure(`${file} is missing: run npm run build first`);
  const folder = join(data, 'page');
  rmSync(folder, { recursive: true, force: true });
  cpSync(files.page, folder, { recursive: true });
  const servers = places.map(({ client }) => `ws://${HOST}:${client}`);
  writeFileSync(join(folder, 'page-config.json'), `${JSON.stringify({ servers })}\n`);
  return folder;
}
