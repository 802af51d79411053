import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failed, Refused } from '../../game-logic/index.ts';
import { decide } from '../../game-logic/worlds/arena/brain.ts';
import { distance, freePoint, isFree, walk } from '../../game-logic/worlds/arena/field.ts';
import {
  BOT_SPEED,
  GRASP,
  HP,
  LOOT_AT_MOST,
  MESSAGES_KEPT,
  OPPONENTS_AT_MOST,
  REACH,
  TICK_MS,
} from '../../game-logic/worlds/arena/rules.ts';
import { type Arena, arena, player, stage } from './stage.ts';

const PEOPLE = ['ann', 'bob', 'cat'];

function checkInvariants(world: Arena): void {
  const players = [...world.tables.player.rows()];
  for (const one of players) {
    expect(isFree(one), `${one.id} at ${one.x}, ${one.y}`).toBe(true);
    expect(one.hp).toBeLessThanOrEqual(HP);
    expect(one.alive).toBe(one.hp > 0);
  }
  const bots = players.filter(({ kind }) => kind === 'bot');
  expect(bots.length).toBeLessThanOrEqual(OPPONENTS_AT_MOST);
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
      args: fc.record({ target: fc.constantFrom('', 'bot-1', 'bot-2', ...PEOPLE) }),
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

describe('computer opponents', () => {
  it('play: they take coins, fight each other and a person who stands about, and are spread out', () => {
    const world = stage(21, ['ann'], 4);
    for (let i = 0; i < 60; i++) {
      world.advance(1_000);
      // A person who is not idle, but no fighter.
      if (player(world, 'ann').alive) world.act('ann', 'move', { dx: 0.03, dy: i % 2 === 0 ? 0.03 : -0.03 });
      checkInvariants(world);
    }
    const bots = [...world.tables.player.rows()].filter(({ kind }) => kind === 'bot');
    expect(bots.reduce((sum, bot) => sum + bot.score, 0)).toBeGreaterThan(15);
    expect(bots.reduce((sum, bot) => sum + bot.blows, 0)).toBeGreaterThan(15);
    const struck = world.commands.length > 0 && player(world, 'ann').slayer !== '';
    expect(struck || player(world, 'ann').hp < HP).toBe(true);
  });

  it('find their way round what stands between', () => {
    let dice = 1;
    const random = () => {
      dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0;
      return dice / 2 ** 32;
    };
    let lost = 0;
    for (let journey = 0; journey < 300; journey++) {
      let at = freePoint(random);
      const goal = { loot: 'coin', ...freePoint(random) };
      for (let ms = 0; ms < 20_000 && distance(at, goal) > GRASP; ms += TICK_MS) {
        const { dx, dy } = decide(
          { id: 'bot-1', hp: HP, alive: true, safe: 0, ...at },
          [],
          [goal],
          journey * 7_777 + ms,
        );
        at = walk(at, (dx * BOT_SPEED * TICK_MS) / 1_000, (dy * BOT_SPEED * TICK_MS) / 1_000);
      }
      if (distance(at, goal) > GRASP) lost++;
    }
    expect(lost).toBeLessThanOrEqual(3);
  });

  it('decide by what can be seen, always the same, and never strike themselves or the far', () => {
    const world = stage(22, ['ann', 'bob'], 6);
    for (let i = 0; i < 200; i++) {
      world.tick();
      const players = [...world.tables.player.rows()];
      const loot = [...world.tables.coin.rows()];
      for (const bot of players.filter(({ kind, alive }) => kind === 'bot' && alive)) {
        const wish = decide(bot, players, loot, world.now);
        expect(decide(bot, players, loot, world.now)).toEqual(wish);
        expect([0, 1]).toContain(Math.round(Math.hypot(wish.dx, wish.dy) * 1e6) / 1e6);
        if (wish.target === '') continue;
        expect(wish.target).not.toBe(bot.id);
        const foe = player(world, wish.target);
        expect(Math.hypot(foe.x - bot.x, foe.y - bot.y)).toBeLessThanOrEqual(REACH);
      }
    }
  });
});
