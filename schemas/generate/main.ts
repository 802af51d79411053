/** `npm run schemas`, and with --check part of `npm run check`. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.ts';

const schemas = join(dirname(fileURLToPath(import.meta.url)), '..');
process.exitCode = await run(process.argv.slice(2), schemas, (line) => console.error(line));
