/** `throughline COMMAND …`. */
import { run } from './run.ts';

const code = await run(process.argv.slice(2), {
  environment: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
// Handles that a library left open must not keep a finished command alive.
process.exit(code);
