/** `throughline COMMAND …`. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { helpOf, runSmallCommand, SMALL_COMMANDS } from './commands.ts';
import { SERVE_HELP, serve } from './serve.ts';
import { Failure, UsageError } from './usage.ts';

const USAGE = `throughline COMMAND [OPTIONS]

  serve       run one region server
  status      show a region server: peers, leaders, numbers
  act         ask for one action
  state       show a world's tables, now or at any command
  commands    show a world's commands
  hand-over   hand leadership of a world to another region

Each has --help.
`;

const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) throw new UsageError('which command?');
  if (name === '--help' || name === 'help' || name === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  if (name === 'serve') {
    if (!wantsHelp) return serve(rest, process.env);
    process.stdout.write(SERVE_HELP);
    return 0;
  }
  const command = Object.hasOwn(SMALL_COMMANDS, name) ? SMALL_COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command '${name}'`);
  if (wantsHelp) {
    process.stdout.write(helpOf(name, command));
    return 0;
  }
  return runSmallCommand(name, command, rest, process.env, print);
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    const hint = error.command === undefined ? USAGE : `See throughline ${error.command} --help\n`;
    process.stderr.write(`throughline: ${error.message}\n\n${hint}`);
    return 2;
  }
  const words =
    error instanceof Failure ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`throughline: ${words}\n`);
  return 1;
}

// Handles that a library left open must not keep a finished command alive.
process.exit(await main(process.argv.slice(2)).catch(explain));
