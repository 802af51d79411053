import { describe, expect, it } from 'vitest';
import { Rota } from '../../server/region/rota.ts';

describe('who is told the time', () => {
  it('those awake, always; a sleeper from its time on, or when it is woken', () => {
    const rota = new Rota<string>();
    for (const one of ['a', 'b', 'c', 'd']) rota.wake(one);
    rota.sleep('b', 100);
    rota.sleep('c', 50);
    rota.sleep('d', Number.POSITIVE_INFINITY);
    expect([[...rota.awake], rota.asleep]).toEqual([['a'], 3]);
    expect(rota.due(49)).toEqual([]);
    expect(rota.due(50)).toEqual(['c']);
    expect([...rota.awake]).toEqual(['a', 'c']);
    rota.wake('d');
    rota.wake('d');
    expect([...rota.awake]).toEqual(['a', 'c', 'd']);
    expect(rota.due(99)).toEqual([]);
    expect(rota.due(1e9)).toEqual(['b']);
    expect(rota.asleep).toBe(0);
  });

  it('who goes to sleep again goes by the new time', () => {
    const rota = new Rota<string>();
    rota.sleep('a', 10);
    rota.wake('a');
    rota.sleep('a', 1_000);
    expect(rota.due(500)).toEqual([]);
    expect([...rota.awake]).toEqual([]);
    expect(rota.due(1_000)).toEqual(['a']);
  });

  it('may change while it is walked', () => {
    const rota = new Rota<number>();
    for (let one = 0; one < 4; one++) rota.wake(one);
    const seen: number[] = [];
    for (const one of rota.awake) {
      seen.push(one);
      if (one < 3) rota.sleep(one, 10);
    }
    expect([seen, [...rota.awake]]).toEqual([[0, 1, 2, 3], [3]]);
  });
});
