#!/usr/bin/env node
// In a checkout: build first (the sources may be newer than dist/), then run. Installed: dist/ is there already.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const build = new URL('../scripts/build.mjs', import.meta.url);
if (existsSync(fileURLToPath(build)) && !process.env.THROUGHLINE_NO_BUILD)
  await (await import(build.href)).buildAll();
await import(new URL('../dist/cli.js', import.meta.url).href);
