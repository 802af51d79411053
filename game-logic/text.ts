import { isWellFormed } from '../schemas/support/utf8.ts';

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Cuts, and keeps the text sendable: neither a cut nor a game's own slicing may leave half a character. */
export function clip(text: string, most: number): string {
  const short = text.length > most ? `${text.slice(0, most)}…` : text;
  return isWellFormed(short) ? short : short.replace(LONE_SURROGATE, '?');
}
