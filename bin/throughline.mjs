#!/usr/bin/env node
// In a checkout: build first if the sources are not those that dist/ was made of, then run. Installed: dist/ is there already.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../scripts/built.mjs', import.meta.url);
if (existsSync(fileURLToPath(built)) && !process.env.THROUGHLINE_NO_BUILD) {
  const { isBuilt } = await import(built.href);
  if (!isBuilt(fileURLToPath(new URL('..', import.meta.url))))
    await (await import(new URL('../scripts/build.mjs', import.meta.url).href)).buildAll();
}
await import(new URL('../dist/cli.js', import.meta.url).href);
