import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Production } from '../production.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** One replacement of text in one file of the production code; `find` must stand there exactly once. */
export interface Edit {
  /** Path from the project's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * The production code with these edits, bundled from its sources in memory: nothing on disk changes, and production has no
 * switch for it. No edits: a plain copy, for checking the loader itself.
 */
export async function loadProduction(edits: readonly Edit[]): Promise<Production> {
  const patched = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(root, file);
    patched.set(path, replaceOnce(patched.get(path) ?? readFileSync(path, 'utf8'), find, replace, file));
  }
  const used = new Set<string>();
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['test/sim/production.ts'],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [
      {
        name: 'mutate',
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = patched.get(path);
            if (contents === undefined) return undefined;
            used.add(path);
            return { contents, loader: 'ts' as const };
          }),
      },
    ],
  });
  for (const path of patched.keys())
    if (!used.has(path)) throw new Error(`${path} is not part of the production code`);
  const module = { exports: {} };
  const require = createRequire(import.meta.url);
  new Function('module', 'exports', 'require', outputFiles[0]!.text)(module, module.exports, require);
  return module.exports as Production;
}

function replaceOnce(text: string, find: string, replace: string, file: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times, not once: ${find}`);
  return parts.join(replace);
}
