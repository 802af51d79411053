import type { SchemaErrorCode } from './types.ts';

/** A value or a buffer that does not fit its schema. The message names table, field and value. */
export class SchemaError extends Error {
  readonly code: SchemaErrorCode;
  /** `table.field`, as far as known; '' if the fault has no such place. */
  readonly where: string;

  constructor(code: SchemaErrorCode, where: string, detail: string) {
    super(where === '' ? detail : `${where}: ${detail}`);
    this.name = 'SchemaError';
    this.code = code;
    this.where = where;
  }
}

const SHOWN = 60;

/** A value as an error message shows it: short, with its type visible. Never throws. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const cut = value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
    return `the string ${JSON.stringify(cut)}`;
  }
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`;
  if (typeof value === 'bigint') return `the bigint ${value}`;
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
