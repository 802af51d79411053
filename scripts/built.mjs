// Of which sources dist/ was made: a bundler takes longer than a small command, so in a checkout it runs only when they changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['schemas', 'game-logic', 'server', 'client', 'bots', 'scripts'];
/** The bundler goes by these, too; npm writes the last when it has changed what is installed. */
const SETTINGS = ['package.json', 'tsconfig.json', 'node_modules/.package-lock.json'];
const MADE = ['cli.js', 'client.js', 'game-logic.js', 'page/main.js'];
const BUILT = 'dist/.built';

/** Changes with every file that a build may read: by name, size and time, about 10 ms. */
export function fingerprint(root) {
  const hash = createHash('sha1').update(process.version);
  const note = (path) => {
    const { size, mtimeMs } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {};
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  for (const file of SETTINGS) note(file);
  for (const folder of SOURCES)
    for (const entry of readdirSync(join(root, folder), { recursive: true }).sort())
      note(join(folder, entry));
  return hash.digest('hex');
}

export function isBuilt(root) {
  const note = join(root, BUILT);
  if (!existsSync(note) || !MADE.every((file) => existsSync(join(root, 'dist', file)))) return false;
  return readFileSync(note, 'utf8') === fingerprint(root);
}

/** `made`: the fingerprint from before the build, for sources may change while it runs. */
export function noteBuilt(root, made) {
  writeFileSync(join(root, BUILT), made);
}
