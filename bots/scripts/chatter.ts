import type { Script } from '../script-types.ts';

const WORDS = ['left', 'right', 'behind you', 'gem', 'heart', 'help', 'well played', 'now', 'wait', 'run'];

export const chatter: Script = {
  name: 'chatter',
  worlds: ['arena'],
  summary: 'talks, as often as the arena lets one player',
  pace: 0.06,
  play(bot) {
    const word = () => WORDS[Math.floor(bot.random() * WORDS.length)] as string;
    return () => ({ action: 'say', args: { text: `${word()} ${word()} ${word()}` } });
  },
};
