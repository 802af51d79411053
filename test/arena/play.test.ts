import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failed, Refused } from '../../game-logic/index.ts';
import { isFree } from '../../game-logic/worlds/arena/field.ts';
import { HP, LOOT_AT_MOST, MESSAGES_KEPT } from '../../game-logic/worlds/arena/rules.ts';
import { type Arena, arena } from './stage.ts';

const PEOPLE = ['ann', 'bob', 'cat'];

function checkInvariants(world: Arena): void {
  const players = [...world.tables.player.rows()];
  for (const one of players) {
    expect(isFree(one), `${one.id} at ${one.x}, ${one.y}`).toBe(true);
    expect(one.hp).toBeLessThanOrEqual(HP);
    expect(one.alive).toBe(one.hp > 0);
  }
  expect(new Set(players.map(({ name }) => name.toLowerCase())).size).toBe(players.length);
  expect(world.tables.coin.size).toBeLessThanOrEqual(LOOT_AT_MOST);
  for (const thing of world.tables.coin.rows()) expect(isFree(thing)).toBe(true);
  expect(world.tables.message.size).toBeLessThanOrEqual(MESSAGES_KEPT);
  const { crown } = world.tables.match.get(0)!;
  const best = Math.max(0, ...players.map(({ score }) => score));
  expect(players.find(({ id }) => id === crown)?.score ?? 0).toBe(best);
  expect(world.logged).toEqual([]);
}

const who = fc.constantFrom(...PEOPLE);
const step = fc.double({ min: -1.5, max: 1.5, noNaN: true });
const deed = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('move' as const), who, args: fc.record({ dx: step, dy: step }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('strike' as const),
      who,
      args: fc.record({ target: fc.constantFrom('', 'nobody', ...PEOPLE) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      who,
      args: fc.record({ text: fc.string({ maxLength: 160 }) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('rename' as const),
      who,
      args: fc.record({ name: fc.constantFrom('Bolt', 'x', 'y', ' ', '\u{1F980}') }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('opponents' as const),
      who,
      args: fc.record({ count: fc.nat({ max: 26 }) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('robot' as const), who, args: fc.constant({}) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'join' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 4_000 }) }) },
);

describe('random play', () => {
  it('keeps everybody out of the walls and every number within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(deed, { minLength: 10, maxLength: 80 }), (seed, deeds) => {
        const world = arena.testWorld({ seed });
        for (const one of deeds) {
          try {
            if (one.do === 'wait') world.advance(one.ms);
            else if (one.do === 'leave') world.leave(one.who);
            else if (one.do === 'join') world.join(one.who);
            else if ('args' in one) world.act(one.who, one.do, one.args as never);
          } catch (error) {
            if (!(error instanceof Refused || error instanceof Failed)) throw error;
            if (error instanceof Failed) expect(error.code).toBe('bad-arguments');
          }
          checkInvariants(world);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
