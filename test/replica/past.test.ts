import { describe, expect, it } from 'vitest';
import { WorldState } from '../../game-logic/state.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { TimeMachine } from '../../server/replica/time-machine.ts';
import { NumberWaiters } from '../../server/replica/waiters.ts';

const world = warehouse.testWorld();
for (let at = 1; at <= 500; at++) world.act('s', 'inbound', { to: 'A', amount: at });

function machine(options: { replays?: number; queue?: number } = {}) {
  const reads: number[] = [];
  const gate = { open: () => {}, closed: Promise.resolve() };
  const past = new TimeMachine({
    start: () => new WorldState(warehouse),
    present: () => world.state,
    read: async (from, to) => {
      reads.push(from);
      await gate.closed;
      return world.commands.slice(from - 1, Math.min(to, from + 99));
    },
    breathe: () => Promise.resolve(),
    replays: options.replays ?? 2,
    checkpoints: 2,
    queue: options.queue ?? 10,
    readBytes: 1,
  });
  return { past, reads, gate };
}

const amountAt = (number: number) => (number * (number + 1)) / 2;

describe('the time machine', () => {
  it('shows the world as of any command', async () => {
    const { past } = machine();
    for (const number of [0, 1, 250, 500]) {
      const state = await past.stateAt(number);
      expect(state.number).toBe(number);
      expect(state.table('warehouse')?.get('A')).toEqual({ id: 'A', amount: amountAt(number) });
    }
  });

  it('goes on from a state that it has, without changing that', async () => {
    const { past, reads } = machine();
    const early = await past.stateAt(300);
    await past.stateAt(310);
    expect(reads).toEqual([1, 101, 201, 301]);
    expect(early.number).toBe(300);
    expect(await past.stateAt(300)).toBe(early);
    // Two are kept: the oldest use goes.
    await past.stateAt(320);
    await past.stateAt(310);
    expect(reads).toEqual([1, 101, 201, 301, 311, 301]);
  });

  it('takes a copy of the present where that is asked for', async () => {
    const { past, reads } = machine();
    const state = await past.stateAt(500);
    expect([state.number, reads.length, state === world.state]).toEqual([500, 0, false]);
  });

  it('replays a bounded number at a time, and lets a bounded number wait', async () => {
    const { past, reads, gate } = machine({ replays: 1, queue: 1 });
    gate.closed = new Promise((resolve) => {
      gate.open = resolve;
    });
    const first = past.stateAt(50);
    const second = past.stateAt(60);
    await expect(past.stateAt(70)).rejects.toMatchObject({ code: 'overloaded' });
    expect(reads).toEqual([1]);
    gate.open();
    expect((await first).number).toBe(50);
    expect((await second).number).toBe(60);
    expect((await past.stateAt(80)).number).toBe(80);
  });

  it('says so when a command is missing, and is not blocked by it', async () => {
    const { past } = machine({ replays: 1 });
    await expect(past.stateAt(501)).rejects.toMatchObject({ code: 'not-found' });
    expect((await past.stateAt(499)).number).toBe(499);
  });
});

describe('those who wait for a number', () => {
  it('are told in order of the numbers, or when their time is over', () => {
    const waiters = new NumberWaiters(3);
    const told: string[] = [];
    const wait = (number: number, until: number) =>
      waiters.add(number, until, (reached) => told.push(`${number} ${reached}`));
    expect([wait(5, 100), wait(3, 100), wait(9, 50)]).toEqual([true, true, true]);
    expect(wait(1, 100)).toBe(false);
    waiters.reached(2);
    waiters.reached(5);
    waiters.expire(49);
    expect(told).toEqual(['3 true', '5 true']);
    waiters.expire(50);
    expect(told).toEqual(['3 true', '5 true', '9 false']);
    expect(waiters.size).toBe(0);
  });
});
