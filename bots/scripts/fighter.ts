import { distance, type Point } from '../../game-logic/worlds/arena/field.ts';
import { REACH } from '../../game-logic/worlds/arena/rules.ts';
import type { BotView, Intent, Script } from '../script-types.ts';
import { walking } from './walker.ts';

const BLOW: Intent = { action: 'strike', args: { target: '' } };

function somebodyNear(bot: BotView): boolean {
  const me = bot.row('player', bot.session) as unknown as Point | undefined;
  if (me === undefined) return false;
  for (const row of bot.rows('player')) {
    if (row['id'] === bot.session || row['alive'] !== true) continue;
    if (distance(me, row as unknown as Point) < REACH) return true;
  }
  return false;
}

export const fighter: Script = {
  name: 'fighter',
  worlds: ['arena'],
  summary: 'walks, and strikes the nearest foe now and then',
  pace: 1,
  play(bot) {
    const step = walking(bot);
    return () => (bot.random() < 0.25 && somebodyNear(bot) ? BLOW : step());
  },
};
