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
  return value === undefined ? 'null' : textOf(value, depth, '');
}

function textOf(value: unknown, depth: number, path: string): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (value - value !== 0) throw new JsonError(`${place(path)} is ${value}, which JSON has no form for`);
      return `${value}`;
    case 'object':
      return value === null ? 'null' : textInside(value, depth, path);
    default:
      throw new JsonError(`${place(path)} is a ${typeof value}, which JSON has no form for`);
  }
}

function textInside(value: object, depth: number, path: string): string {
  if (depth === 0) throw new JsonError(`${place(path)} is nested too deeply`);
  if (Array.isArray(value)) {
    let text = '[';
    for (let i = 0; i < value.length; i++)
      text += (i === 0 ? '' : ',') + textOf(value[i], depth - 1, `${path}[${i}]`);
    return `${text}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new JsonError(`${place(path)} is not a plain object`);
  const fields = value as { readonly [name: string]: unknown };
  let text = '';
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    if (field === undefined) continue;
    text += `${text === '' ? '' : ','}${quoted(name)}:${textOf(field, depth - 1, `${path}.${name}`)}`;
  }
  return `{${text}}`;
}

/** Most strings need no escape, and seeing that is cheaper than having JSON.stringify see it. */
function quoted(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit >= 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}

const place = (path: string): string => (path === '' ? 'the value' : `value${path}`);
