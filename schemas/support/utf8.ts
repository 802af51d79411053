/**
 * UTF-8 in plain ECMAScript, for rooms that have no TextEncoder. Strict both ways: a string with a lone surrogate is
 * not encoded (what another replica would read back could differ from what the leader holds), and invalid bytes are
 * found by `validUtf8` before anything is read. Nothing is ever replaced by U+FFFD.
 */
import { SchemaError, show } from './errors.ts';

const SURROGATE = /[\ud800-\udfff]/;

/** No lone surrogate: the string has a UTF-8 form. */
export function isWellFormed(text: string): boolean {
  if (!SURROGATE.test(text)) return true;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit & 0xf800) !== 0xd800) continue;
    if (unit >= 0xdc00) return false;
    if ((text.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) return false;
    i++;
  }
  return true;
}

/**
 * Writes `text` from `at`; the caller has room for 3 bytes a unit. Returns the end. Throws bad-value on a lone surrogate;
 * `where` is the field for its message.
 */
export function writeUtf8(bytes: Uint8Array, at: number, text: string, where = ''): number {
  const length = text.length;
  let p = at;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[p++] = unit;
    } else if (unit < 0x800) {
      bytes[p++] = 0xc0 | (unit >> 6);
      bytes[p++] = 0x80 | (unit & 0x3f);
    } else if ((unit & 0xf800) !== 0xd800) {
      bytes[p++] = 0xe0 | (unit >> 12);
      bytes[p++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[p++] = 0x80 | (unit & 0x3f);
    } else {
      const low = text.charCodeAt(++i);
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) loneSurrogate(where, text);
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
      bytes[p++] = 0xf0 | (point >> 18);
      bytes[p++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[p++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[p++] = 0x80 | (point & 0x3f);
    }
  }
  return p;
}

function loneSurrogate(where: string, text: string): never {
  throw new SchemaError('bad-value', where, `expected a string without lone surrogates, got ${show(text)}`);
}

/** Bytes start..end are UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF. */
export function validUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start;
  while (p < end) {
    const lead = bytes[p]!;
    if (lead < 0x80) {
      p++;
      continue;
    }
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || p + more >= end) return false;
    const second = bytes[p + 1]!;
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    if (more > 1 && (bytes[p + 2]! & 0xc0) !== 0x80) return false;
    if (more > 2 && (bytes[p + 3]! & 0xc0) !== 0x80) return false;
    p += more + 1;
  }
  return true;
}

/**
 * Arguments for fromCharCode, one array for each length: a call with all units makes one flat string, where adding up pieces
 * makes a tree of them that the first look at the string has to flatten.
 */
const UNITS: readonly number[][] = Array.from({ length: 129 }, (_, length) =>
  new Array<number>(length).fill(0),
);

/** The string of valid UTF-8 bytes start..end. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let p = start;
  while (p < end) {
    const units = UNITS[Math.min(end - p, UNITS.length - 1)]!;
    let all = 0;
    for (let i = 0; i < units.length; i++) {
      const unit = bytes[p + i]!;
      all |= unit;
      units[i] = unit;
    }
    if (all >= 0x80) return text + readWide(bytes, p, end);
    const part = String.fromCharCode.apply(null, units);
    if (units.length === end - start) return part;
    text += part;
    p += units.length;
  }
  return text;
}

function readWide(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let p = start;
  while (p < end) {
    const lead = bytes[p++]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
    } else if (lead < 0xe0) {
      text += String.fromCharCode(((lead & 0x1f) << 6) | (bytes[p++]! & 0x3f));
    } else if (lead < 0xf0) {
      text += String.fromCharCode(((lead & 0xf) << 12) | ((bytes[p++]! & 0x3f) << 6) | (bytes[p++]! & 0x3f));
    } else {
      const point =
        ((lead & 7) << 18) |
        ((bytes[p++]! & 0x3f) << 12) |
        ((bytes[p++]! & 0x3f) << 6) |
        (bytes[p++]! & 0x3f);
      text += String.fromCodePoint(point);
    }
  }
  return text;
}
