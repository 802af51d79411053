/**
 * What bots did, as a file: JSON lines. The first says what it is, each of the others is one act: when it was meant
 * (milliseconds since the start), by whom (a number), which action with which arguments. Pure.
 */
import type { Scalar } from '../../schemas/support/types.ts';

const KIND = 'bots-record';
const VERSION = 1;

export interface RecordHeader {
  readonly world: string;
  readonly startedAt: string;
  readonly commandLine: string;
}

export interface Args {
  readonly [name: string]: Scalar;
}

export interface RecordedAct {
  readonly at: number;
  readonly who: number;
  readonly action: string;
  readonly args: Args;
}

export function headerLine({ world, startedAt, commandLine }: RecordHeader): string {
  return `${JSON.stringify({ throughline: KIND, version: VERSION, world, startedAt, commandLine })}\n`;
}

export function actLine({ at, who, action, args }: RecordedAct): string {
  return `${JSON.stringify({ at: Math.round(at * 1_000) / 1_000, who, action, args })}\n`;
}

/** Is this the first line of a record? */
export function isHeader(value: unknown): boolean {
  return (value as { throughline?: unknown } | null)?.throughline === KIND;
}

/** Throws an Error with words for the user. */
export function checkHeader(value: unknown, world: string): void {
  const { version, world: recorded } = value as { version?: unknown; world?: unknown };
  if (version !== VERSION) throw new Error(`a record of version ${version}; this program reads ${VERSION}`);
  if (recorded !== world) throw new Error(`a record of the world '${recorded}', not of '${world}'`);
}

/** Throws an Error with words for the user. */
export function parseAct(value: unknown): RecordedAct {
  const { at, who, action, args } = (value ?? {}) as Partial<RecordedAct>;
  if (typeof at !== 'number' || !Number.isFinite(at) || at < 0) throw new Error(`'at' is no time: ${at}`);
  if (!Number.isSafeInteger(who) || (who as number) < 0) throw new Error(`'who' is no number: ${who}`);
  if (typeof action !== 'string') throw new Error(`'action' is no name: ${action}`);
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw new Error(`'args' are no arguments: ${JSON.stringify(args)}`);
  return { at, who: who as number, action, args };
}
