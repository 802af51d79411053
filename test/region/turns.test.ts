import { describe, expect, it } from 'vitest';
import { TURNS_SLICE_MS } from '../../server/limits.ts';
import { Turns } from '../../server/region/turns.ts';

const pass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function spend(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('turns of many worlds', () => {
  it('run in order at the end of the pass; what they ask for, in the next', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    turns.add(() => {
      seen.push('a');
      turns.add(() => seen.push('c'));
    });
    turns.add(() => seen.push('b'));
    expect(seen).toEqual([]);
    await pass();
    expect(seen).toEqual(['a', 'b']);
    await pass();
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('leave the loop to others after a slice, and keep their order', async () => {
    const turns = new Turns();
    const seen: number[] = [];
    for (let turn = 0; turn < 6; turn++)
      turns.add(() => {
        seen.push(turn);
        spend(TURNS_SLICE_MS);
        if (turn === 0) turns.add(() => seen.push(6));
      });
    await pass();
    expect(seen).toEqual([0]);
    for (let more = 0; more < 7; more++) await pass();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
