/** Bots foretell by the SDK's own prediction, on the mirror they share. */
import { describe, expect, it } from 'vitest';
import { Foresight, Lookout } from '../../bots/foresight.ts';
import { stepBy } from '../../bots/scripts/walker.ts';
import { Mirror } from '../../game-logic/mirror.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { faceOff } from '../arena/stage.ts';

function lab() {
  const world = faceOff(5);
  const mirror = Mirror.initial(arena);
  const follow = () => {
    while (mirror.number < world.state.number) mirror.apply(world.commands[mirror.number] as Uint8Array);
  };
  follow();
  const lookout = new Lookout(
    () => mirror,
    () => world.now,
  );
  const foresight = new Foresight(lookout, () => 0.5);
  const step = stepBy(-0.2, 0);
  const foretell = (sequence: number) => {
    lookout.heard(world.now);
    return foresight.act('player', { session: 'ann', sequence, action: 'move', args: step.args });
  };
  const off = (foretold: ReturnType<typeof foretell>) => {
    const issued = mirror.table('player')?.get('ann');
    if (foretold === undefined || issued === undefined) throw new Error('nothing to compare');
    return step.foresees?.off(foretold, issued);
  };
  return { world, mirror, follow, foresight, foretell, off, step };
}

describe('foresight', () => {
  it('is right where nobody interferes, several steps ahead, and leaves the mirror alone', () => {
    const { world, mirror, follow, foresight, foretell, off, step } = lab();
    world.advance(500);
    const digest = mirror.digest;
    const ahead = [foretell(1), foretell(2)];
    expect(mirror.digest).toEqual(digest);
    for (const [at, foretold] of ahead.entries()) {
      world.act('ann', 'move', step.args as { dx: number; dy: number });
      follow();
      expect(off(foretold)).toBe(0);
      foresight.settled(at + 1);
    }
    // What is settled is not added once more.
    world.advance(500);
    const third = foretell(3);
    world.act('ann', 'move', step.args as { dx: number; dy: number });
    follow();
    expect(off(third)).toBe(0);
  });

  it('is off by as much as somebody else moved the player', () => {
    const { world, follow, foresight, foretell, off, step } = lab();
    world.advance(500);
    const before = world.tables.player.get('ann')?.x ?? 0;
    const foretold = foretell(1);
    world.act('bob', 'strike', { target: 'ann' });
    const pushed = before - (world.tables.player.get('ann')?.x ?? 0);
    world.act('ann', 'move', step.args as { dx: number; dy: number });
    follow();
    expect(pushed).toBeGreaterThan(0.5);
    expect(off(foretold)).toBeCloseTo(pushed, 1);
    // The next step is foretold from where the blow left the player.
    foresight.settled(1);
    world.advance(500);
    const next = foretell(2);
    world.act('ann', 'move', step.args as { dx: number; dy: number });
    follow();
    expect(off(next)).toBe(0);
  });
});
