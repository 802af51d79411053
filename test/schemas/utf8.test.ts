import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../schemas/support/errors.ts';
import { readText, sourceOf } from '../../schemas/support/reader.ts';
import { isWellFormed, readUtf8, validUtf8, writeUtf8 } from '../../schemas/support/utf8.ts';
import { text } from './arbitraries.ts';

const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Any units at all, lone surrogates among them. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })), {
    maxLength: 12,
  })
  .map((list) => String.fromCharCode(...list));

function ours(value: string): Uint8Array {
  const bytes = new Uint8Array(3 * value.length + 2);
  return bytes.subarray(1, writeUtf8(bytes, 1, value));
}

const platformValid = (bytes: Uint8Array) => {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
};

describe('UTF-8', () => {
  it('writes and reads what the platform does', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(ours(value)).toEqual(encoder.encode(value));
        const bytes = encoder.encode(`x${value}y`);
        expect(readUtf8(bytes, 1, bytes.length - 1)).toBe(value);
        expect(validUtf8(bytes, 1, bytes.length - 1)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('knows a lone surrogate, and refuses to write it', () => {
    fc.assert(
      fc.property(units, (value) => {
        const sound = strict.decode(encoder.encode(value)) === value;
        expect(isWellFormed(value)).toBe(sound);
        if (sound) expect(ours(value)).toEqual(encoder.encode(value));
        else expect(() => ours(value)).toThrow(SchemaError);
      }),
      { numRuns: 1_000 },
    );
  });

  it('tells valid from invalid bytes as the platform does', () => {
    const likely = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc
        .array(
          fc.constantFrom(
            0x41,
            0x80,
            0xbf,
            0xc1,
            0xc2,
            0xe0,
            0xa0,
            0x9f,
            0xed,
            0xf0,
            0x90,
            0x8f,
            0xf4,
            0xf5,
            0xff,
          ),
          { maxLength: 6 },
        )
        .map((list) => new Uint8Array(list)),
    );
    fc.assert(
      fc.property(likely, (bytes) => {
        const valid = platformValid(bytes);
        expect(validUtf8(bytes, 0, bytes.length)).toBe(valid);
        if (valid) expect(readUtf8(bytes, 0, bytes.length)).toBe(strict.decode(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never looks beyond the end', () => {
    for (const value of ['é', '漢', '🦊']) {
      const bytes = encoder.encode(value);
      for (let end = 1; end < bytes.length; end++) expect(validUtf8(bytes, 0, end)).toBe(false);
    }
  });

  it('reads a string right whatever strings of its length were read before, and long ones in pieces', () => {
    const read = (value: string) => {
      const content = encoder.encode(value);
      const bytes = new Uint8Array(12 + content.length);
      const view = new DataView(bytes.buffer);
      // A slot at 4 that points to 8, where the length stands.
      view.setUint32(4, 4, true);
      view.setUint32(8, content.length, true);
      bytes.set(content, 12);
      return readText(sourceOf(bytes), 4);
    };
    // Thousands more than are remembered, so that each place is taken many times.
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 20_000; i++) if (read(`s-${i}`) !== `s-${i}`) throw new Error(`s-${i}`);
    const pieces = fc.constantFrom('a', 'b', 'ä', '€', '🗡', 'plain text ');
    const value = fc.array(pieces, { maxLength: 60 }).map((list) => list.join(''));
    fc.assert(fc.property(value, (one) => read(one) === one && read(one) === one));
    for (const length of [31, 32, 33, 127, 128, 129, 256, 300])
      for (const last of ['z', 'ß'])
        expect(read(`${'y'.repeat(length)}${last}`)).toBe(`${'y'.repeat(length)}${last}`);
  });
});
