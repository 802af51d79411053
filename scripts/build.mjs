// Bundles what the package ships: the server's command line, the SDK, the game-logic door and the demo page.
// Dependencies stay external, except in the page. About 100 ms.
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
};
const node = { ...common, outdir: 'dist', platform: 'node', packages: 'external', target: 'node20' };

/** What the command line loads only when asked for lies in chunks beside it: a small command must not load a server. */
const commandLine = {
  ...node,
  entryPoints: { cli: 'server/cli/main.ts' },
  splitting: true,
  chunkNames: '[name]-[hash]',
  metafile: true,
};
const libraries = {
  ...node,
  entryPoints: { client: 'client/index.ts', 'game-logic': 'game-logic/index.ts' },
};
const page = {
  ...common,
  outdir: 'dist/page',
  platform: 'browser',
  minify: true,
  target: 'es2022',
  entryPoints: { main: 'client/page/main.ts' },
};

/** A process that started from an earlier build may still load its chunks. */
const CHUNK_KEPT_MS = 24 * 3_600_000;
const CHUNK = /-[A-Z0-9]{8}\.js(\.map)?$/;

export async function buildAll() {
  mkdirSync(join(root, 'dist/page'), { recursive: true });
  const [{ metafile }] = await Promise.all([build(commandLine), build(libraries), build(page)]);
  cpSync(join(root, 'client/page/assets'), join(root, 'dist/page'), { recursive: true });
  removeOldChunks(new Set(Object.keys(metafile.outputs)));
}

function removeOldChunks(current) {
  for (const name of readdirSync(join(root, 'dist'))) {
    if (!CHUNK.test(name) || current.has(`dist/${name}`)) continue;
    const file = join(root, 'dist', name);
    if (Date.now() - statSync(file).mtimeMs > CHUNK_KEPT_MS) rmSync(file, { force: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildAll();
