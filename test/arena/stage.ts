/** An arena for tests: players who can be walked to a place. */

import { Refused } from '../../game-logic/index.ts';
import { distance, isFree, type Point } from '../../game-logic/worlds/arena/field.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import type { PlayerRow } from '../../game-logic/worlds/arena/types.ts';

export type Arena = ReturnType<typeof arena.testWorld>;
export { arena };

export function stage(seed: number, players: readonly string[]): Arena {
  const world = arena.testWorld({ seed });
  for (const player of players) world.join(player);
  // Everybody starts spared for a while.
  world.advance(2_000);
  return world;
}

export function player(world: Arena, id: string): PlayerRow {
  const row = world.tables.player.get(id);
  if (!row) throw new Error(`${id} is not here`);
  return row;
}

/** Walks a player to a place, turning where the way is blocked. */
export function walkTo(world: Arena, id: string, goal: Point, near = 0.3): void {
  for (let i = 0; i < 1_000; i++) {
    const me = player(world, id);
    const away = distance(me, goal);
    if (away <= near) return;
    const straight = Math.atan2(goal.y - me.y, goal.x - me.x);
    const turn = [0, 0.6, -0.6, 1.2, -1.2, 1.8, -1.8].find((angle) =>
      isFree({ x: me.x + Math.cos(straight + angle), y: me.y + Math.sin(straight + angle) }),
    );
    const angle = straight + (away < 1 ? 0 : (turn ?? 2.6));
    const step = Math.min(0.5, away);
    world.advance(100);
    world.act(id, 'move', { dx: step * Math.cos(angle), dy: step * Math.sin(angle) });
  }
  throw new Error(`${id} does not get to ${goal.x}, ${goal.y}`);
}

/** Two players side by side on open ground. */
export function faceOff(seed: number, others: readonly string[] = []): Arena {
  const world = stage(seed, ['ann', 'bob', ...others]);
  walkTo(world, 'ann', { x: 12, y: 14.8 });
  walkTo(world, 'bob', { x: 13, y: 14.8 });
  return world;
}

/** Strikes until the foe is down, following where it is knocked to. */
export function fell(world: Arena, by: string, foe: string): void {
  for (let i = 0; i < 60 && player(world, foe).alive; i++) {
    walkTo(world, by, player(world, foe), 1.2);
    world.advance(500);
    world.act(by, 'strike', { target: foe });
  }
}

export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
  throw new Error('it was not refused');
}
