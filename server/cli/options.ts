import { parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

interface OptionSpec {
  /** Shown in the help: `HOST:PORT`. A flag has none. */
  readonly value?: string;
  readonly help: string;
  /** Used where neither command line, environment nor file says anything. */
  readonly initial?: string;
  /** Not from the command line, where other users of the machine could read it. */
  readonly secret?: true;
}
export type OptionSpecs = { readonly [name: string]: OptionSpec };

export interface Options {
  readonly positionals: readonly string[];
  /** undefined where the option was not given and has no default; a flag is 'true' or 'false'. */
  get(name: string): string | undefined;
  /** Like `get`; throws UsageError where there is nothing. */
  need(name: string): string;
  flag(name: string): boolean;
}

export const environmentName = (option: string) => `THROUGHLINE_${option.toUpperCase().replaceAll('-', '_')}`;

/** Command line before environment before file. Throws UsageError for what is not known. */
export function readOptions(
  command: string,
  specs: OptionSpecs,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  file: { readonly [name: string]: unknown } = {},
): Options {
  const { values, positionals } = parse(command, specs, argv);
  for (const name of Object.keys(file))
    if (!Object.hasOwn(specs, name))
      throw new UsageError(`the configuration file has no option '${name}'`, command);
  const get = (name: string): string | undefined => {
    const spec = specs[name];
    if (spec === undefined) throw new Error(`no option ${name}`);
    const given = values[name] ?? environment[environmentName(name)];
    if (given !== undefined && given !== '') return String(given);
    return fromFile(command, name, file[name]) ?? spec.initial;
  };
  return {
    positionals,
    get,
    need(name) {
      const value = get(name);
      if (value !== undefined) return value;
      const how = specs[name]?.secret ? '' : `--${name} or `;
      throw new UsageError(`${how}${environmentName(name)} is missing`, command);
    },
    flag(name) {
      const value = get(name) ?? 'false';
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      throw new UsageError(`${name}: expected true or false, got '${value}'`, command);
    },
  };
}

/** The value of one option on the command line or in the environment, before the others can be read. */
export function peekOption(
  command: string,
  specs: OptionSpecs,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  name: string,
): string | undefined {
  const given = parse(command, specs, argv).values[name] ?? environment[environmentName(name)];
  return given === undefined || given === '' ? undefined : String(given);
}

export function help(command: string, synopsis: string, intro: string, specs: OptionSpecs): string {
  const lines = Object.entries(specs).map(([name, { value, help: text, initial, secret }]) => {
    const left = secret ? environmentName(name) : `--${name}${value === undefined ? '' : ` ${value}`}`;
    return `  ${left.padEnd(34)} ${text}${initial === undefined ? '' : ` (${initial})`}`;
  });
  return [`throughline ${command} ${synopsis}`.trimEnd(), '', intro, '', ...lines, ''].join('\n');
}

function parse(command: string, specs: OptionSpecs, argv: readonly string[]) {
  const options: { [name: string]: { type: 'string' | 'boolean' } } = { help: { type: 'boolean' } };
  for (const [name, { value, secret }] of Object.entries(specs))
    if (!secret) options[name] = { type: value === undefined ? 'boolean' : 'string' };
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), command);
  }
}

function fromFile(command: string, name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.join(',');
  if (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((part) => typeof part === 'string')
  )
    return Object.entries(value)
      .map(([key, part]) => `${key}=${part}`)
      .join(',');
  throw new UsageError(`the configuration file gives '${name}' a value that cannot be read`, command);
}
