import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlatcError } from './flatc.ts';
import { generate } from './generate.ts';
import { GenerateError } from './model.ts';

/** Generated text by file name, for every schema in the folder. */
async function generateAll(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const schemas = readdirSync(folder)
    .filter((name) => name.endsWith('.fbs'))
    .sort();
  for (const name of schemas) {
    const text = readFileSync(join(folder, name), 'utf8');
    files.set(name.replace(/\.fbs$/, '.ts'), await generate({ file: `schemas/${name}`, text }));
  }
  return files;
}

function held(folder: string): Map<string, string> {
  mkdirSync(folder, { recursive: true });
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/**
 * Writes generated/ anew from every .fbs of the folder `schemas`; with --check writes nothing and names each file that
 * is stale, missing or left over. Returns the exit code: 0 done, 1 stale or a faulty schema, 2 wrong usage.
 */
export async function run(
  args: readonly string[],
  schemas: string,
  say: (line: string) => void,
): Promise<number> {
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    say(`unknown option ${unknown}; usage: npm run schemas [-- --check]`);
    return 2;
  }
  try {
    return await update(args.includes('--check'), schemas, say);
  } catch (error) {
    if (!(error instanceof FlatcError || error instanceof GenerateError)) throw error;
    say(error.message);
    return 1;
  }
}

async function update(check: boolean, schemas: string, say: (line: string) => void): Promise<number> {
  const folder = join(schemas, 'generated');
  const wanted = await generateAll(schemas);
  const present = held(folder);
  const stale = [...wanted].filter(([name, text]) => present.get(name) !== text).map(([name]) => name);
  const surplus = [...present.keys()].filter((name) => !wanted.has(name));
  if (check) {
    for (const name of stale) say(`schemas/generated/${name} is stale: run npm run schemas`);
    for (const name of surplus) say(`schemas/generated/${name} has no schema: run npm run schemas`);
    return stale.length + surplus.length === 0 ? 0 : 1;
  }
  for (const name of stale) writeFileSync(join(folder, name), wanted.get(name)!);
  for (const name of surplus) rmSync(join(folder, name));
  for (const name of [...stale, ...surplus]) say(`schemas/generated/${name}`);
  return 0;
}
