import { helpOf, runSmallCommand, SMALL_COMMANDS } from './commands.ts';
import { Failure, UsageError } from './usage.ts';

const USAGE = `throughline COMMAND [OPTIONS]

  demo        three region servers on this machine, with a page to play on
  serve       run one region server
  bots        load a world with bots, break things, and end with a verdict
  status      show a region server: peers, leaders, numbers
  act         ask for one action
  state       show a world's tables, now or at any command
  commands    show a world's commands
  hand-over   hand leadership of a world to another region

Each has --help.
`;

export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  out(text: string): void;
  err(text: string): void;
}

type Run = (argv: readonly string[], environment: NodeJS.ProcessEnv) => Promise<number>;

interface LongCommand {
  readonly help: string;
  readonly run: Run;
}

/** Loaded when asked for: a server's rooms take longer to load than a small command to run. */
const LONG_COMMANDS: { readonly [name: string]: () => Promise<LongCommand> } = {
  demo: async () => {
    const { DEMO_HELP, demo } = await import('./demo.ts');
    return { help: DEMO_HELP, run: demo };
  },
  bots: async () => {
    const { BOTS_HELP, bots } = await import('./bots.ts');
    return { help: BOTS_HELP, run: bots };
  },
  serve: async () => {
    const { SERVE_HELP } = await import('./serve-options.ts');
    const run: Run = async (argv, environment) => (await import('./serve.ts')).serve(argv, environment);
    return { help: SERVE_HELP, run };
  },
};

/** Runs one command; resolves with the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(argv, terminal);
  } catch (error) {
    return explain(error, terminal);
  }
}

async function dispatch([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined) throw new UsageError('which command?');
  if (name === '--help' || name === 'help' || name === '-h') {
    terminal.out(USAGE);
    return 0;
  }
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  const long = Object.hasOwn(LONG_COMMANDS, name) ? await LONG_COMMANDS[name]?.() : undefined;
  const small = Object.hasOwn(SMALL_COMMANDS, name) ? SMALL_COMMANDS[name] : undefined;
  if (long !== undefined && !wantsHelp) return long.run(rest, terminal.environment);
  if (small !== undefined && !wantsHelp)
    return runSmallCommand(name, small, rest, terminal.environment, (line) => terminal.out(`${line}\n`));
  if (long !== undefined) terminal.out(long.help);
  else if (small !== undefined) terminal.out(helpOf(name, small));
  else throw new UsageError(`there is no command '${name}'`);
  return 0;
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    const hint = error.command === undefined ? USAGE : `See throughline ${error.command} --help\n`;
    terminal.err(`throughline: ${error.message}\n\n${hint}`);
    return 2;
  }
  const words =
    error instanceof Failure ? error.message : error instanceof Error ? error.stack : String(error);
  terminal.err(`throughline: ${words}\n`);
  return 1;
}
