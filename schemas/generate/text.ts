import { createHash } from 'node:crypto';

/**
 * Hash of a schema's meaning as far as text can tell: comments and white space do not count. 16 hex digits.
 * String literals (file identifiers, includes) keep their inner spaces.
 */
export function schemaHash(text: string): string {
  return createHash('sha256').update(bare(text)).digest('hex').slice(0, 16);
}

/** The text without comments, with one space between words where they would run together. */
export function bare(text: string): string {
  const pieces = text.match(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z0-9_.+-]+|\S/g) ?? [];
  return pieces.filter((piece) => !piece.startsWith('//') && !piece.startsWith('/*')).join(' ');
}
