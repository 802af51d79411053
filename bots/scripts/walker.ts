import { distance, type Point } from '../../game-logic/worlds/arena/field.ts';
import { SPEED, STEP } from '../../game-logic/worlds/arena/rules.ts';
import type { BotView, Foresees, Intent, Script } from '../script-types.ts';

/** Half of what the speed limit allows in the time between two acts. */
const EFFORT = 0.5;
/** A guess that is off by more than this was wrong: rows hold 32-bit floats. */
const EXACTLY = 1e-3;

const PLACE: Foresees = {
  table: 'player',
  off(foretold, issued) {
    const off = distance(foretold as unknown as Point, issued as unknown as Point);
    return off <= EXACTLY ? 0 : off;
  },
};

/** One step, which ends where the result says. */
export function stepBy(dx: number, dy: number): Intent {
  return {
    action: 'move',
    args: { dx: Math.fround(dx), dy: Math.fround(dy) },
    standing: (result) => ({ table: 'player', values: { ...(result as Point) } }),
    foresees: PLACE,
  };
}

/** Steps in curves. */
export function walking(bot: BotView): () => Intent {
  let heading = bot.random() * 2 * Math.PI;
  return () => {
    heading += bot.random() - 0.5;
    const length = Math.min(STEP, (SPEED * EFFORT * bot.everyMs) / 1_000);
    return stepBy(length * Math.cos(heading), length * Math.sin(heading));
  };
}

export const walker: Script = {
  name: 'walker',
  worlds: ['arena'],
  summary: 'walks in curves and foretells where each step ends',
  pace: 1,
  play: walking,
};
