/**
 * `npm run schemas`: writes schemas/generated/ anew from every schemas/*.fbs.
 * `--check`: writes nothing, names each file that is stale, missing or left over, and fails.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlatcError } from './flatc.ts';
import { generate } from './generate.ts';
import { GenerateError } from './model.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Generated text by file name, for every schema. */
async function generateAll(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const schemas = readdirSync(root)
    .filter((name) => name.endsWith('.fbs'))
    .sort();
  for (const name of schemas) {
    const text = readFileSync(join(root, name), 'utf8');
    files.set(name.replace(/\.fbs$/, '.ts'), await generate({ file: `schemas/${name}`, text }));
  }
  return files;
}

function held(folder: string): Map<string, string> {
  mkdirSync(folder, { recursive: true });
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

async function main(args: readonly string[]): Promise<number> {
  const check = args.includes('--check');
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    console.error(`unknown option ${unknown}; usage: npm run schemas [-- --check]`);
    return 2;
  }
  const folder = join(root, 'generated');
  const wanted = await generateAll();
  const present = held(folder);
  const stale = [...wanted].filter(([name, text]) => present.get(name) !== text).map(([name]) => name);
  const surplus = [...present.keys()].filter((name) => !wanted.has(name));
  if (check) {
    for (const name of stale) console.error(`schemas/generated/${name} is stale: run npm run schemas`);
    for (const name of surplus) console.error(`schemas/generated/${name} has no schema: run npm run schemas`);
    return stale.length + surplus.length === 0 ? 0 : 1;
  }
  for (const name of stale) writeFileSync(join(folder, name), wanted.get(name)!);
  for (const name of surplus) rmSync(join(folder, name));
  for (const name of [...stale, ...surplus]) console.log(`schemas/generated/${name}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof FlatcError || error instanceof GenerateError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
