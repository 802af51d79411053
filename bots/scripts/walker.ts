import { type Point, walk } from '../../game-logic/worlds/arena/field.ts';
import { SPEED, STEP } from '../../game-logic/worlds/arena/rules.ts';
import type { BotView, Intent, Script } from '../script-types.ts';

/** Half of what the speed limit allows in the time between two acts. */
const EFFORT = 0.5;
/** A guess that is off by more than this was wrong. */
const EXACTLY = 1e-3;

/** Steps in curves; each guesses where it will end, as a player's screen would. */
export function walking(bot: BotView): () => Intent {
  let heading = bot.random() * 2 * Math.PI;
  let guess: Point | null = null;
  return () => {
    heading += bot.random() - 0.5;
    const length = Math.min(STEP, (SPEED * EFFORT * bot.everyMs) / 1_000);
    const dx = Math.fround(length * Math.cos(heading));
    const dy = Math.fround(length * Math.sin(heading));
    const from = guess ?? (bot.row('player', bot.session) as Point | undefined);
    const to = from === undefined ? null : walk(from, dx, dy);
    guess = to;
    return {
      action: 'move',
      args: { dx, dy },
      standing: (result) => ({ table: 'player', values: { ...(result as Point) } }),
      answered: (result) => {
        if (to === null) return undefined;
        const { x, y } = result as Point;
        const off = Math.sqrt((x - to.x) ** 2 + (y - to.y) ** 2);
        if (off <= EXACTLY) return 0;
        // Hit, slowed down or respawned: guess again from what is known.
        guess = null;
        return off;
      },
    };
  };
}

export const walker: Script = {
  name: 'walker',
  worlds: ['arena'],
  summary: 'walks in curves and guesses where each step ends',
  pace: 1,
  play: walking,
};
