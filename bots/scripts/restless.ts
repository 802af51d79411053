/** Players whose connections do not last; in between they do what the world's usual player does. */
import type { BotView, Restlessness, Script } from '../script-types.ts';
import { trader } from './trader.ts';
import { walker } from './walker.ts';

const restless = (name: string, summary: string, restlessness: Restlessness): Script => ({
  name,
  worlds: ['arena', 'warehouse'],
  summary,
  pace: 1,
  restless: restlessness,
  play: (bot: BotView) => (bot.world === 'arena' ? walker : trader).play(bot),
});

export const churner = restless('churner', 'leaves and comes back as the same player', {
  how: 'leave',
  everyMs: 6_000,
  awayMs: 1_000,
});

export const roamer = restless('roamer', 'goes to another region in the middle of play', {
  how: 'roam',
  everyMs: 4_000,
  awayMs: 0,
});

export const mobile = restless('mobile', 'loses its line without a word', {
  how: 'drop',
  everyMs: 5_000,
  awayMs: 500,
});
