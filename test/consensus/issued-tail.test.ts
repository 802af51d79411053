import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cloneTail,
  createTail,
  issuedAt,
  issuedHeld,
  keepIssued,
  packIssued,
} from '../../server/consensus/issued-tail.ts';
import type { Command } from '../../server/consensus/types.ts';

/** Commands of one step: `spread` of them lie in memory of their own, the others end to end. */
function issue(from: number, precedent: number, born: number, sizes: readonly number[], spread: boolean) {
  const slab = new Uint8Array(sizes.reduce((sum, size) => sum + size, 8));
  let at = 8;
  return sizes.map((size, index): Command => {
    const bytes = spread ? new Uint8Array(size) : slab.subarray(at, at + size);
    at += size;
    bytes.fill((from + index) % 256);
    return { number: from + index, born, precedent: index === 0 ? precedent : born, bytes };
  });
}

describe('the tail of issued commands', () => {
  it('[SEQ1] hands back what was put in, as far as it is held', () => {
    const step = fc.record({
      sizes: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
      later: fc.boolean(),
      spread: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 20 }), (steps, most) => {
        const all: Command[] = [];
        const tail = createTail(1);
        let born = 1;
        for (const { sizes, later, spread } of steps) {
          const precedent = all.at(-1)?.born ?? 0;
          if (later) born++;
          const commands = issue(all.length + 1, precedent, born, sizes, spread);
          for (const command of commands) {
            keepIssued(tail, command);
            // Also before the step is over.
            expect(issuedAt(tail, command.number)).toEqual(command);
          }
          all.push(...commands);
          packIssued(tail, most);
          expect([...issuedHeld(tail)]).toEqual(most === 0 ? [] : all.slice(-most));
          expect(issuedAt(tail, all.length - most)).toBeUndefined();
          expect(issuedAt(tail, all.length + 1)).toBeUndefined();
        }
      }),
    );
  });

  it('keeps a thousand commands of one batch as one thing', () => {
    const tail = createTail(1);
    for (const command of issue(1, 0, 3, new Array<number>(1_000).fill(8), false)) keepIssued(tail, command);
    packIssued(tail, 5_000);
    expect(tail.runs.length).toBe(1);
    expect(issuedAt(tail, 1_000)?.bytes).toEqual(new Uint8Array(8).fill(1_000 % 256));
  });

  it('frees what it dropped', () => {
    const tail = createTail(1);
    for (let number = 1; number <= 5_000; number++) {
      for (const command of issue(number, number === 1 ? 0 : 3, 3, [8], true)) keepIssued(tail, command);
      packIssued(tail, 10);
    }
    expect(tail.runs.length).toBeLessThan(2_000);
    expect(tail.first).toBe(4_991);
  });

  it('frees what it dropped when each run holds many', () => {
    const tail = createTail(1);
    for (let step = 0; step < 2_000; step++) {
      const batch = issue(step * 100 + 1, step === 0 ? 0 : 3, 3, new Array<number>(100).fill(8), false);
      for (const command of batch) keepIssued(tail, command);
      packIssued(tail, 1_000);
      // Held, dropped, and the run that is partly both.
      expect(tail.runs.length).toBeLessThanOrEqual(10 + 10 + 1);
    }
  });

  it('a copy does not notice what becomes of the original', () => {
    const tail = createTail(1);
    for (const command of issue(1, 0, 3, [1, 2, 3], false)) keepIssued(tail, command);
    const copy = cloneTail(tail);
    packIssued(tail, 1);
    for (const command of issue(4, 3, 3, [1], false)) keepIssued(tail, command);
    expect([...issuedHeld(copy)].map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('[SEQ1] a gap is a fail stop', () => {
    const tail = createTail(1);
    const [command] = issue(2, 3, 3, [1], false);
    expect(() => keepIssued(tail, command as Command)).toThrow('I17');
  });
});
