/** JSON that is what it says: nothing is dropped, rounded or called on the way, as JSON.stringify would. */

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** A value that has no JSON form; the message names the place. */
export class JsonError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'JsonError';
  }
}

/** JSON text of a plain value; undefined becomes null, undefined fields are left out. Throws JsonError. */
export function jsonText(value: unknown, depth: number): string {
  if (value === undefined || value === null) return 'null';
  check(value, depth, '');
  return JSON.stringify(value);
}

function check(value: unknown, depth: number, path: string): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value))
        throw new JsonError(`${place(path)} is ${value}, which JSON has no form for`);
      return;
    case 'object':
      if (value !== null) checkInside(value, depth, path);
      return;
    default:
      throw new JsonError(`${place(path)} is a ${typeof value}, which JSON has no form for`);
  }
}

function checkInside(value: object, depth: number, path: string): void {
  if (depth === 0) throw new JsonError(`${place(path)} is nested too deeply`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], depth - 1, `${path}[${i}]`);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value)
    throw new JsonError(`${place(path)} is not a plain object`);
  const fields = value as { readonly [name: string]: unknown };
  for (const name in fields) {
    const field = fields[name];
    if (field !== undefined) check(field, depth - 1, `${path}.${name}`);
  }
}

const place = (path: string): string => (path === '' ? 'the value' : `value${path}`);
