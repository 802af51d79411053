/** The caller used the command line wrongly: exit code 2, with a hint at --help. */
export class UsageError extends Error {
  /** The command whose help to point at. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}

/** What was asked for could not be done: exit code 1. */
export class Failure extends Error {}
