/** The computer opponents' way of playing, in an arena of the test's own; the demo's tests see them over the network. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../bots/brain.ts';
import { seeded } from '../../bots/random.ts';
import type { BotView } from '../../bots/script-types.ts';
import { opponent } from '../../bots/scripts/opponent.ts';
import { Refused } from '../../game-logic/index.ts';
import { distance, freePoint, walk } from '../../game-logic/worlds/arena/field.ts';
import { BOT_SPEED, GRASP, HP, REACH } from '../../game-logic/worlds/arena/rules.ts';
import type { Row } from '../../schemas/support/types.ts';
import { type Arena, arena, player } from '../arena/stage.ts';

const EVERY_MS = 100;

/** So many opponents, who take turns for as long as `play` is told to. */
function band(count: number, people: readonly string[] = []) {
  const world = arena.testWorld({ seed: 21 });
  for (const one of people) world.join(one);
  const ids = Array.from({ length: count }, (_, at) => `tin-${at}`);
  for (const id of ids) world.join(id);
  const turns = ids.map((id) => opponent.play(viewOf(world, id)));
  const acts: { who: string; action: string }[] = [];
  const play = (ms: number, meanwhile: () => void = () => {}) => {
    for (let passed = 0; passed < ms; passed += EVERY_MS) {
      world.advance(EVERY_MS);
      meanwhile();
      for (const [at, turn] of turns.entries()) {
        const who = ids[at] as string;
        const intent = turn();
        if (intent === null) continue;
        acts.push({ who, action: intent.action });
        try {
          world.act(who, intent.action as 'move', intent.args as { dx: number; dy: number });
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
        }
      }
    }
  };
  return { world, ids, acts, play, bots: () => ids.map((id) => player(world, id)) };
}

function viewOf(world: Arena, session: string): BotView {
  const tables = world.tables as unknown as {
    [table: string]: { get(key: unknown): Row | undefined; rows(): Iterable<Row> };
  };
  return {
    ...{ world: 'arena', session, random: seeded(1, session), everyMs: EVERY_MS },
    now: () => world.now,
    row: (table, key) => tables[table]?.get(key),
    rows: (table) => tables[table]?.rows() ?? [],
    market: () => 0,
  };
}

describe('an opponent', () => {
  it('says first what it is, once', () => {
    const { play, acts, bots } = band(3);
    play(5_000);
    expect(acts.slice(0, 3).map(({ action }) => action)).toEqual(['robot', 'robot', 'robot']);
    expect(acts.filter(({ action }) => action === 'robot').length).toBe(3);
    expect(bots().every(({ kind }) => kind === 'bot')).toBe(true);
  });

  it('asks no second time while the world stands still', () => {
    const world = arena.testWorld({ seed: 4 });
    world.join('tin');
    const turn = opponent.play(viewOf(world, 'tin'));
    expect(turn()?.action).toBe('robot');
    world.advance(5_000);
    expect(turn()).toBeNull();
  });

  it('plays: takes coins, quarrels, and hurts a person who stands about, not at once', () => {
    const { world, play, bots } = band(6, ['ann']);
    let step = 0.03;
    let hurt = 0;
    play(60_000, () => {
      // A person who is not idle, but no fighter.
      step = -step;
      const { alive, hp } = player(world, 'ann');
      if (alive) world.act('ann', 'move', { dx: step, dy: step });
      if (hp < HP || !alive) hurt += 1;
    });
    expect(bots().reduce((sum, { score }) => sum + score, 0)).toBeGreaterThan(15);
    expect(bots().reduce((sum, { blows }) => sum + blows, 0)).toBeGreaterThan(15);
    expect(hurt).toBeGreaterThan(0);
    expect(world.logged).toEqual([]);
  });

  it('takes its time where there are no people, or only idle ones, and wakes up with them', () => {
    const { world, play, acts } = band(10, ['ann']);
    world.act('ann', 'move', { dx: 0.1, dy: 0 });
    play(10_000);
    const lively = acts.length;
    world.advance(100_000);
    acts.length = 0;
    play(10_000);
    expect(lively).toBeGreaterThan(10 * 50);
    expect(acts.length).toBeLessThan(lively / 8);
    expect(acts.length).toBeGreaterThan(10);
    world.act('ann', 'move', { dx: -0.1, dy: 0 });
    acts.length = 0;
    play(10_000);
    expect(acts.length).toBeGreaterThan(lively / 2);
  });

  it('finds its way round what stands between', () => {
    const random = seeded(2, 'journeys');
    let lost = 0;
    for (let journey = 0; journey < 300; journey++) {
      let at = freePoint(random);
      const goal = { loot: 'coin', ...freePoint(random) };
      for (let ms = 0; ms < 20_000 && distance(at, goal) > GRASP; ms += EVERY_MS) {
        const self = { id: 'tin', hp: HP, alive: true, safe: 0, ...at };
        const { dx, dy } = decide(self, [], [goal], journey * 7_777 + ms);
        at = walk(at, (dx * BOT_SPEED * EVERY_MS) / 1_000, (dy * BOT_SPEED * EVERY_MS) / 1_000);
      }
      if (distance(at, goal) > GRASP) lost++;
    }
    expect(lost).toBeLessThanOrEqual(3);
  });

  it('decides by what can be seen, always the same, and never strikes itself or the far', () => {
    const { world, play, bots } = band(6, ['ann']);
    world.act('ann', 'move', { dx: 0.1, dy: 0 });
    for (let i = 0; i < 100; i++) {
      play(EVERY_MS);
      const players = [...world.tables.player.rows()];
      const loot = [...world.tables.coin.rows()];
      for (const bot of bots().filter(({ alive }) => alive)) {
        const wish = decide(bot, players, loot, world.now);
        expect(decide(bot, players, loot, world.now)).toEqual(wish);
        expect([0, 1]).toContain(Math.round(Math.hypot(wish.dx, wish.dy) * 1e6) / 1e6);
        if (wish.target === '') continue;
        expect(wish.target).not.toBe(bot.id);
        expect(distance(player(world, wish.target), bot)).toBeLessThanOrEqual(REACH);
      }
    }
  });
});
