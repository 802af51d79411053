import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../server/consensus/assert.ts';
import {
  at,
  cloneNumbered,
  dropThrough,
  endOf,
  entries,
  numbered,
  put,
  remove,
  startOf,
} from '../../server/consensus/numbered.ts';

type Action = { readonly kind: 'put' | 'remove' | 'drop'; readonly offset: number };
const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'remove', 'drop'),
  offset: fc.integer({ min: 0, max: 40 }),
});

describe('values by number', () => {
  it('behaves as a map of which the low end is forgotten', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.array(action, { maxLength: 100 }),
        (first, actions) => {
          const list = numbered<number>(first);
          const map = new Map<number, number>();
          let floor = first;
          for (const [index, { kind, offset }] of actions.entries()) {
            const number = floor + offset;
            if (kind === 'put') {
              put(list, number, index);
              map.set(number, index);
            } else if (kind === 'remove') {
              remove(list, number);
              map.delete(number);
            } else {
              dropThrough(list, number - 20);
              for (const key of map.keys()) if (key <= number - 20) map.delete(key);
              floor = Math.max(floor, number - 19);
            }
            expect(startOf(list)).toBe(floor);
            expect([...entries(list)]).toEqual([...map].sort(([a], [b]) => a - b));
            for (const probe of [floor - 2, floor - 1, floor, number, number + 1, floor + 45])
              expect(at(list, probe)).toBe(map.get(probe));
          }
        },
      ),
    );
  });

  it('frees what is dropped, and a long run stays cheap', () => {
    const list = numbered<number>(1);
    for (let number = 1; number <= 100_000; number++) {
      put(list, number, number);
      if (number % 10 === 0) dropThrough(list, number - 1_000);
      if (list.items.length >= 2_200) throw new Error(`${list.items.length} items held at ${number}`);
    }
    expect([startOf(list), endOf(list)]).toEqual([99_001, 100_001]);
  });

  it('I11: what was dropped does not come back', () => {
    const list = numbered<number>(1);
    put(list, 5, 5);
    dropThrough(list, 3);
    expect(() => put(list, 3, 3)).toThrow(ProtocolViolation);
    const copy = cloneNumbered(list);
    put(copy, 4, 4);
    expect(at(list, 4)).toBeUndefined();
  });
});
