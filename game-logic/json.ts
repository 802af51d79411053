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
  if (value === undefined) return 'null';
  const text = textOf(value, depth);
  if (text === '') throw new JsonError(faultOf(value, depth, 'the value'));
  return text;
}

/** '' if there is no such text. Where the fault is, faultOf finds out: a sound value does not pay for it. */
function textOf(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return value - value === 0 ? `${value}` : '';
    case 'object':
      if (value === null) return 'null';
      if (depth === 0) return '';
      return Array.isArray(value) ? arrayText(value, depth - 1) : objectText(value, depth - 1);
    default:
      return '';
  }
}

function arrayText(values: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < values.length; i++) {
    const item = textOf(values[i], depth);
    if (item === '') return '';
    text += i === 0 ? item : `,${item}`;
  }
  return `${text}]`;
}

function objectText(value: object, depth: number): string {
  if (!isPlain(value)) return '';
  let text = '{';
  for (const name of Object.keys(value)) {
    const field = (value as { readonly [name: string]: unknown })[name];
    if (field === undefined) continue;
    const item = textOf(field, depth);
    if (item === '') return '';
    text += text === '{' ? `${quoted(name)}:${item}` : `,${quoted(name)}:${item}`;
  }
  return `${text}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Most strings need no escape, and seeing that is cheaper than having JSON.stringify see it. */
function quoted(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit >= 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** Says what has no JSON form, and where: the first such part. */
function faultOf(value: unknown, depth: number, place: string): string {
  if (typeof value !== 'object' || value === null) {
    const what = typeof value === 'number' ? `${value}` : `a ${typeof value}`;
    return `${place} is ${what}, which JSON has no form for`;
  }
  if (depth === 0) return `${place} is nested too deeply`;
  if (!Array.isArray(value) && !isPlain(value)) return `${place} is not a plain object`;
  for (const name of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    const field = (value as { readonly [name: string | number]: unknown })[name];
    if (field === undefined && !Array.isArray(value)) continue;
    if (textOf(field, depth - 1) === '')
      return faultOf(field, depth - 1, Array.isArray(value) ? `${place}[${name}]` : `${place}.${name}`);
  }
  return `${place} has no JSON form`;
}
