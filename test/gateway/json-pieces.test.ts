import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonPieces } from '../../server/gateway/json-pieces.ts';

/** `text` cut at `cuts`, with a space between any two pieces that come out, as an Outflow to a slow reader may put it there. */
function spaced(text: string, cuts: readonly number[]): { pieces: string[]; rest: string } {
  const pieces: string[] = [];
  const values = new JsonPieces();
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (text.length + 1)).sort((a, b) => a - b), text.length]) {
    const piece = values.take(text.slice(at, cut));
    if (piece !== '') pieces.push(piece);
    at = cut;
  }
  return { pieces, rest: values.rest };
}

describe('pieces of JSON', () => {
  it('may be set apart, wherever they came apart', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat({ max: 2 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (value, indent, cuts) => {
          const text = JSON.stringify(value, null, indent);
          const { pieces, rest } = spaced(text, cuts);
          expect(pieces.join('') + rest).toBe(text);
          expect(JSON.stringify(JSON.parse([...pieces, rest].join(' ')))).toBe(JSON.stringify(value));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are given out as soon as they may', () => {
    const values = new JsonPieces();
    const taken = ['', ' ', '{"a', '":"x', '\\', '"y"', ',"b":1', '2', '}\n', 'tru', 'e\n', ' '].map(
      (piece) => values.take(piece),
    );
    expect(taken).toEqual(['', ' ', '{', '"a":', '', '"x\\"y"', ',"b":', '', '12}\n', '', 'true\n', ' ']);
    expect(values.rest).toBe('');
  });
});
