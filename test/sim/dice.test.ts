import { describe, expect, it } from 'vitest';
import { Choices } from './choices.ts';
import { EventQueue } from './event-queue.ts';
import { Prng } from './prng.ts';

const draw = (prng: Prng, count: number) => Array.from({ length: count }, () => prng.next());

describe('Prng', () => {
  it('repeats itself for the same text, on every machine', () => {
    expect(draw(new Prng('throughline'), 3)).toEqual([992489955, 1922603845, 1242412538]);
  });

  it('gives every seed of a hundred thousand a stream of its own', () => {
    const firsts = new Set<string>();
    for (let i = 0; i < 100_000; i++) firsts.add(draw(new Prng(String(i)), 2).join());
    expect(firsts.size).toBe(100_000);
  });

  it('is even: each of 64 boxes and each bit gets its share', () => {
    const prng = new Prng('boxes');
    const boxes = new Array<number>(64).fill(0);
    const ones = new Array<number>(32).fill(0);
    for (let i = 0; i < 64_000; i++) {
      const value = prng.next();
      boxes[value >>> 26]!++;
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (value >>> bit) & 1;
    }
    expect(Math.min(...boxes)).toBeGreaterThan(850);
    expect(Math.max(...boxes)).toBeLessThan(1150);
    expect(Math.min(...ones)).toBeGreaterThan(31_400);
    expect(Math.max(...ones)).toBeLessThan(32_600);
  });
});

describe('Choices', () => {
  const play = (choices: Choices) => [
    choices.below(10),
    choices.chance(0.3),
    choices.between(5, 9),
    choices.pick(['a', 'b', 'c']),
    choices.waiting(10),
    choices.chance(0),
    choices.chance(1),
  ];

  it('repeats a recorded run from its list', () => {
    const first = Choices.fromSeed('run', true);
    const played = play(first);
    expect(first.count).toBe(5);
    expect(play(Choices.fromList(first.taken))).toEqual(played);
  });

  it('takes the harmless choice when the list has ended or names more than there is', () => {
    expect(play(Choices.fromList([]))).toEqual([0, false, 5, 'a', 0, false, true]);
    expect(Choices.fromList([99]).below(4)).toBe(3);
  });

  it('keeps to its probabilities', () => {
    const choices = Choices.fromSeed('chance');
    let hits = 0;
    for (let i = 0; i < 20_000; i++) if (choices.chance(0.05)) hits++;
    expect(hits).toBeGreaterThan(850);
    expect(hits).toBeLessThan(1150);
  });
});

describe('EventQueue', () => {
  it('hands out by time, equal times in the order they came', () => {
    const choices = Choices.fromSeed('queue');
    const queue = new EventQueue<{ time: number; order: number }>();
    for (let order = 0; order < 500; order++) {
      const time = choices.below(40);
      queue.push(time, { time, order });
    }
    const out: { time: number; order: number }[] = [];
    for (let event = queue.pop(); event !== undefined; event = queue.pop()) out.push(event);
    expect(out).toHaveLength(500);
    expect(out).toEqual([...out].sort((a, b) => a.time - b.time || a.order - b.order));
    expect(queue.nextTime).toBe(Number.POSITIVE_INFINITY);
  });
});
