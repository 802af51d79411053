// Bundles what the package ships: the server's command line, the SDK, the game-logic door and the demo page.
// Dependencies stay external, except in the page. About 100 ms.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const node = { platform: 'node', packages: 'external', target: 'node20' };
const page = { platform: 'browser', minify: true, target: 'es2022' };
const targets = [
  { entry: 'server/cli/main.ts', out: 'dist/cli.js', ...node },
  { entry: 'client/index.ts', out: 'dist/client.js', ...node },
  { entry: 'game-logic/index.ts', out: 'dist/game-logic.js', ...node },
  { entry: 'client/page/main.ts', out: 'dist/page/main.js', ...page },
];

/** Builds every target whose entry exists into dist/. */
export async function buildAll() {
  mkdirSync(join(root, 'dist/page'), { recursive: true });
  await Promise.all(
    targets
      .filter(({ entry }) => existsSync(join(root, entry)))
      .map(({ entry, out, ...options }) =>
        build({
          ...options,
          absWorkingDir: root,
          entryPoints: [entry],
          outfile: out,
          bundle: true,
          format: 'esm',
          sourcemap: true,
          logLevel: 'warning',
        }),
      ),
  );
  const assets = join(root, 'client/page/assets');
  if (existsSync(assets)) cpSync(assets, join(root, 'dist/page'), { recursive: true });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildAll();
