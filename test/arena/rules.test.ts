import { describe, expect, it } from 'vitest';
import { Failed } from '../../game-logic/index.ts';
import { distance } from '../../game-logic/worlds/arena/field.ts';
import { blow } from '../../game-logic/worlds/arena/fight.ts';
import { lay } from '../../game-logic/worlds/arena/loot.ts';
import {
  BOT_SPEED,
  COOLDOWN_MS,
  HP,
  LOOT_AT_MOST,
  MESSAGES_KEPT,
  OPPONENTS,
  RESPAWN_MS,
  SAY_AT_ONCE,
  SPEED,
  STEP_EARLY_MS,
  STEP_SAVED_MS,
} from '../../game-logic/worlds/arena/rules.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';
import { arena, faceOff, fell, player, refusal, stage, walkTo } from './stage.ts';

describe('walking', () => {
  it('moves a player and says where it is', () => {
    const world = stage(1, ['ann']);
    walkTo(world, 'ann', { x: 14, y: 14.8 });
    const before = player(world, 'ann');
    world.advance(200);
    const { result } = world.act('ann', 'move', { dx: 0.5, dy: 0 });
    expect(player(world, 'ann').x).toBeCloseTo(before.x + 0.5);
    expect(result).toEqual({ x: player(world, 'ann').x, y: player(world, 'ann').y });
  });

  it.each([
    ['a person', SPEED],
    ['a robot', BOT_SPEED],
  ])('holds %s to the speed limit, whatever the steps are', (who, speed) => {
    const world = stage(2, ['ann']);
    if (who === 'a robot') world.act('ann', 'robot', {});
    walkTo(world, 'ann', { x: 1.5, y: 14.8 });
    world.advance(5_000);
    const from = player(world, 'ann');
    for (let ms = 0; ms < 2_000; ms += 20) {
      for (let i = 0; i < 3; i++) {
        try {
          world.act('ann', 'move', { dx: 1, dy: 0 });
        } catch {
          break;
        }
      }
      world.advance(20);
    }
    const walked = distance(from, player(world, 'ann'));
    expect(walked).toBeLessThanOrEqual((speed * (2_000 + STEP_SAVED_MS + STEP_EARLY_MS)) / 1_000);
    expect(walked).toBeGreaterThan((speed * 2_000) / 1_000);
  });

  it('refuses a step for which there was no time', () => {
    const world = stage(3, ['ann']);
    expect(
      refusal(() => {
        for (let i = 0; i < 20; i++) world.act('ann', 'move', { dx: i % 2 === 0 ? 1 : -1, dy: 0 });
      }),
    ).toBe('too-fast');
  });

  it('costs no command to push against a wall', () => {
    const world = stage(4, ['ann']);
    walkTo(world, 'ann', { x: 0.5, y: 14.8 }, 0.1);
    world.advance(1_000);
    world.act('ann', 'move', { dx: -1, dy: 0 });
    const { number } = world.state;
    for (let i = 0; i < 5; i++) {
      world.advance(1_000);
      world.act('ann', 'move', { dx: -1, dy: 0 });
    }
    expect([...world.tables.player.rows()]).toHaveLength(1);
    // Loot may have grown meanwhile, but nothing is of ann's doing.
    const since = world.commands.slice(number).map((bytes) => decodeEnvelope(bytes));
    expect(since.filter(({ session }) => session === 'ann')).toEqual([]);
  });

  it('knows no steps that are no numbers', () => {
    const world = stage(5, ['ann']);
    expect(() => world.act('ann', 'move', { dx: Number.NaN, dy: 0 })).toThrow(/bad-arguments|float|number/);
  });
});

describe('striking', () => {
  it('takes 1 to 5, or 7 to 12 where the die shows a six, and knocks back', () => {
    const seen = new Set<number>();
    for (let seed = 1; seed <= 60; seed++) {
      const world = faceOff(seed);
      const before = player(world, 'bob');
      const apart = distance(before, player(world, 'ann'));
      const { result } = world.act('ann', 'strike', { target: 'bob' });
      const { damage, critical, hp } = result as { damage: number; critical: boolean; hp: number };
      seen.add(damage);
      expect(critical ? damage >= 7 && damage <= 12 : damage >= 1 && damage <= 5).toBe(true);
      expect(player(world, 'bob').hp).toBe(hp);
      expect(before.hp - hp).toBe(damage);
      expect(distance(player(world, 'bob'), player(world, 'ann'))).toBeGreaterThan(apart);
      expect(player(world, 'ann').blows).toBe(1);
    }
    expect(seen.size).toBeGreaterThan(6);
  });

  it('finds the nearest foe by itself', () => {
    const world = faceOff(6);
    const { result } = world.act('ann', 'strike', {});
    expect(result).toMatchObject({ target: 'bob' });
  });

  it('refuses what the rules forbid', () => {
    const world = faceOff(7, ['cat']);
    walkTo(world, 'cat', { x: 25, y: 1.2 });
    const strike = (by: string, target: string) => () => world.act(by, 'strike', { target });
    expect(refusal(strike('ann', 'ann'))).toBe('yourself');
    expect(refusal(strike('ann', 'dan'))).toBe('no-such-player');
    expect(refusal(strike('ann', 'cat'))).toBe('out-of-reach');
    expect(refusal(strike('cat', ''))).toBe('nobody-in-reach');
    world.act('ann', 'strike', { target: 'bob' });
    expect(refusal(strike('ann', 'bob'))).toBe('not-ready');
    world.advance(COOLDOWN_MS);
    fell(world, 'ann', 'bob');
    world.advance(COOLDOWN_MS);
    expect(refusal(strike('ann', 'bob'))).toBe('foe-is-down');
    expect(refusal(strike('bob', 'ann'))).toBe('fallen');
    expect(refusal(() => world.act('bob', 'move', { dx: 1, dy: 0 }))).toBe('fallen');
  });

  it('leaves in peace who just came, until it strikes itself', () => {
    const world = faceOff(8);
    fell(world, 'ann', 'bob');
    world.advance(RESPAWN_MS);
    expect(player(world, 'bob').alive).toBe(true);
    expect(refusal(() => world.act('ann', 'strike', { target: 'bob' }))).toBe('foe-is-safe');
  });

  it("ends that peace with the first blow of one's own", () => {
    const fighter = { kind: 'human', x: 12, y: 14.8, hp: HP, blows: 0, ready: 0, safe: 5_000 };
    const foe = { ...fighter, x: 13, safe: 0 };
    blow({ now: 1_000, random: () => 0.2 } as never, fighter as never, foe as never);
    expect(fighter).toMatchObject({ safe: 1_000, blows: 1, ready: 1_000 + COOLDOWN_MS });
    expect(foe.hp).toBe(HP - 2);
  });

  it('does not bring back who left and came again meanwhile', () => {
    const world = faceOff(12);
    fell(world, 'ann', 'bob');
    world.leave('bob');
    world.join('bob');
    const before = player(world, 'bob');
    world.advance(RESPAWN_MS + 1);
    expect(player(world, 'bob')).toEqual(before);
  });

  it('brings the fallen back after three seconds, whole, elsewhere', () => {
    const world = faceOff(9);
    fell(world, 'ann', 'bob');
    expect(player(world, 'bob')).toMatchObject({ alive: false, hp: 0, slayer: 'ann', streak: 0 });
    world.advance(RESPAWN_MS - 1);
    expect(player(world, 'bob').alive).toBe(false);
    world.advance(1);
    expect(player(world, 'bob')).toMatchObject({ alive: true, hp: HP });
  });

  it('pays for a fall, gives the crown to the best and keeps the record', () => {
    const world = faceOff(10);
    const before = player(world, 'ann').score;
    fell(world, 'ann', 'bob');
    const { score, streak, name } = player(world, 'ann');
    expect(score).toBeGreaterThanOrEqual(before + 5);
    expect(streak).toBe(1);
    const match = world.tables.match.get(0)!;
    if (score > player(world, 'bob').score) expect(match.crown).toBe('ann');
    expect(match.record).toBeGreaterThanOrEqual(score);
    if (match.record === score) expect(match.champion).toBe(name);
    world.leave('ann');
    expect(world.tables.match.get(0)!.crown).not.toBe('ann');
  });
});

describe('loot', () => {
  it('is bounded, whoever drops it', () => {
    const put = () => {
      throw new Error('one too many');
    };
    const full = { match: { get: () => ({ coin: 1 }) }, coin: { size: LOOT_AT_MOST, put } };
    expect(lay({ world: full } as never, 'coin', { x: 1, y: 1 })).toBe(false);
  });
});

describe('talking', () => {
  it('refuses empty, long and too many lines', () => {
    const world = stage(11, ['ann', 'bob']);
    world.advance(10_000);
    expect(refusal(() => world.act('ann', 'say', { text: ' \n\t\u202e ' }))).toBe('nothing-said');
    expect(refusal(() => world.act('ann', 'say', { text: 'x'.repeat(141) }))).toBe('too-long');
    for (let i = 0; i < SAY_AT_ONCE; i++) world.act('ann', 'say', { text: `line ${i}` });
    expect(refusal(() => world.act('ann', 'say', { text: 'one more' }))).toBe('too-chatty');
    world.act('bob', 'say', { text: 'my turn' });
    world.advance(1_500);
    world.act('ann', 'say', { text: 'patient' });
  });

  it('keeps the last lines only, on one line each', () => {
    const world = stage(12, ['ann']);
    for (let i = 0; i < MESSAGES_KEPT + 10; i++) {
      world.advance(1_500);
      world.act('ann', 'say', { text: `line\n${i}` });
    }
    const lines = [...world.tables.message.rows()].map(({ text }) => text);
    expect(lines).toHaveLength(MESSAGES_KEPT);
    expect(lines.at(-1)).toBe(`line ${MESSAGES_KEPT + 9}`);
  });

  it('gives everybody a name of their own', () => {
    const world = stage(13, ['ann', 'bob']);
    world.advance(10_000);
    world.act('ann', 'rename', { name: '  Ada   L. ' });
    expect(player(world, 'ann').name).toBe('Ada L.');
    expect(refusal(() => world.act('bob', 'rename', { name: 'ada l.' }))).toBe('name-taken');
    expect(refusal(() => world.act('bob', 'rename', { name: ' ' }))).toBe('bad-name');
    expect(refusal(() => world.act('bob', 'rename', { name: 'x'.repeat(17) }))).toBe('bad-name');
  });
});

describe('who is there', () => {
  it('takes a player for a robot that says so: and gives it a name that is free', () => {
    const world = stage(17, ['ann', 'tin']);
    world.advance(10_000);
    world.act('ann', 'rename', { name: 'bolt' });
    expect(world.act('tin', 'robot', {}).result).toEqual({ name: 'Sprocket' });
    expect(player(world, 'tin')).toMatchObject({ kind: 'bot', name: 'Sprocket' });
    const number = world.state.number;
    world.act('tin', 'robot', {});
    expect(world.state.number).toBe(number);
  });

  it('never runs out of names for robots', () => {
    const many = Array.from({ length: 45 }, (_, at) => `tin-${at}`);
    const world = stage(18, many);
    for (const one of many) world.act(one, 'robot', {});
    const names = [...world.tables.player.rows()].map(({ name }) => name.toLowerCase());
    expect(new Set(names).size).toBe(45);
    expect(names).toContain('bolt 3');
  });

  it('refuses who is not', () => {
    const world = stage(14, ['ann']);
    const call = (action: string, args: object) => {
      const bytes = arenaAction(action).encode(args);
      const origin = { region: 0, request: 1 };
      return world.execute({ kind: 'action', session: 'ghost', sequence: 1, action, args: bytes, origin });
    };
    const arenaAction = (name: string) => world.state.definition.schema.actions[name]!;
    for (const [action, args] of Object.entries({
      move: { dx: 1, dy: 0 },
      strike: {},
      say: { text: 'boo' },
      rename: { name: 'Boo' },
      opponents: { count: 1 },
      robot: {},
    }))
      expect(call(action, args)).toMatchObject({ kind: 'refused', code: 'not-here' });
  });

  it('keeps how many computer opponents are wanted', () => {
    const world = arena.testWorld({ seed: 15 });
    world.join('ann');
    expect(world.tables.match.get(0)?.opponents).toBe(OPPONENTS);
    world.act('ann', 'opponents', { count: 3 });
    expect(world.tables.match.get(0)?.opponents).toBe(3);
    world.leave('ann');
    expect(world.tables.match.get(0)?.opponents).toBe(3);
    world.join('ann');
    expect(() => world.act('ann', 'opponents', { count: 25 })).toThrow(Failed);
  });

  it('is quiet when nobody is there', () => {
    const world = stage(16, ['ann']);
    world.advance(20_000);
    world.leave('ann');
    world.advance(5_000);
    const empty = world.state.number;
    world.advance(600_000);
    expect(world.state.number).toBe(empty);
  });
});
