import { describe, expect, it } from 'vitest';
import { Choices } from '../choices.ts';
import { checkLinearizable, type Model, type Operation } from './linearizability.ts';

type Input = { readonly write: number } | 'read';
type History = readonly Operation<Input, number>[];

/** A register: write answers the value written, read answers the value held. */
const register: Model<number, Input, number> = {
  initial: 0,
  step(state, input, output) {
    if (input === 'read') return output === undefined || output === state ? state : null;
    return input.write;
  },
  key: String,
};

const op = (called: number, returned: number, input: Input, output?: number): Operation<Input, number> => ({
  called,
  returned,
  input,
  output,
});
const write = (called: number, returned: number, value: number) =>
  op(called, returned, { write: value }, value);
const read = (called: number, returned: number, value: number) => op(called, returned, 'read', value);
const lost = (called: number, value: number) => op(called, Number.POSITIVE_INFINITY, { write: value });

const good: Record<string, History> = {
  empty: [],
  'one after another': [write(0, 1, 1), read(2, 3, 1), write(4, 5, 2), read(6, 7, 2)],
  'a read beside a write sees the old value': [write(0, 10, 1), read(1, 2, 0), read(11, 12, 1)],
  'a read beside a write sees the new value': [write(0, 10, 1), read(1, 2, 1), read(3, 4, 1)],
  'a write without an answer took effect late': [lost(0, 1), read(1, 2, 0), read(3, 4, 1)],
  'a write without an answer never took effect': [lost(0, 1), write(1, 2, 2), read(3, 4, 2), read(5, 6, 2)],
  'two writes beside each other, either order': [write(0, 5, 1), write(0, 5, 2), read(6, 7, 1)],
  'touching operations count as concurrent': [write(0, 5, 1), read(5, 6, 0)],
};
const bad: Record<string, History> = {
  'a stale read': [write(0, 1, 1), read(2, 3, 0)],
  'a value nobody wrote': [read(0, 1, 7)],
  'new then old': [write(0, 10, 1), read(1, 2, 1), read(3, 4, 0)],
  'two readers disagree on the order of two writes': [
    write(0, 10, 1),
    write(0, 10, 2),
    read(11, 12, 1),
    read(13, 14, 2),
  ],
  'a lost write seen once and then forgotten': [lost(0, 1), read(1, 2, 1), read(3, 4, 0)],
  'effect before the call': [read(0, 1, 1), write(2, 3, 1)],
};

describe('checkLinearizable', () => {
  for (const [name, history] of Object.entries(good)) {
    it(`allows: ${name}`, () => expect(checkLinearizable(register, history).kind).toBe('linearizable'));
  }
  for (const [name, history] of Object.entries(bad)) {
    it(`refuses: ${name}`, () => expect(checkLinearizable(register, history).kind).toBe('not-linearizable'));
  }

  it('names what fits nowhere', () => {
    const verdict = checkLinearizable(register, [write(0, 1, 1), read(2, 3, 0)]);
    expect(verdict).toMatchObject({ kind: 'not-linearizable', longest: [0], stuck: [1] });
  });

  it('gives up at its limit instead of running for ever', () => {
    const history = Array.from({ length: 12 }, (_, value) => write(0, 100, value));
    const verdict = checkLinearizable(register, [...history, read(101, 102, 99)], 500);
    expect(verdict.kind).toBe('gave-up');
  });

  it('agrees with trying every order, on 2000 random small histories', () => {
    const counts = { linearizable: 0, 'not-linearizable': 0, 'gave-up': 0 };
    for (let i = 0; i < 2000; i++) {
      const history = randomHistory(Choices.fromSeed(`history ${i}`));
      const { kind } = checkLinearizable(register, history);
      counts[kind]++;
      const expected = tryAll(history, 0, []) ? 'linearizable' : 'not-linearizable';
      expect(kind, `history ${i}: ${JSON.stringify(history)}`).toBe(expected);
    }
    expect(counts.linearizable).toBeGreaterThan(200);
    expect(counts['not-linearizable']).toBeGreaterThan(200);
    expect(counts['gave-up']).toBe(0);
  });
});

function randomHistory(choices: Choices): History {
  return Array.from({ length: choices.between(1, 5) }, () => {
    const called = choices.below(12);
    const returned = called + choices.between(1, 6);
    if (choices.chance(0.5)) return read(called, returned, choices.below(3));
    const value = choices.between(1, 2);
    return choices.chance(0.25) ? lost(called, value) : write(called, returned, value);
  });
}

/** The definition, word by word: some order of some of the operations, all completed ones among them. */
function tryAll(history: History, state: number, done: readonly number[]): boolean {
  const rest = history.map((_, index) => index).filter((index) => !done.includes(index));
  if (rest.every((index) => history[index]!.returned === Number.POSITIVE_INFINITY)) return true;
  const horizon = Math.min(...rest.map((index) => history[index]!.returned));
  return rest.some((index) => {
    const { called, input, output } = history[index]!;
    if (called > horizon) return false;
    const next = register.step(state, input, output);
    return next !== null && tryAll(history, next, [...done, index]);
  });
}
