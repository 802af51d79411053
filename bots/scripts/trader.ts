import type { Script } from '../script-types.ts';

export const stockOf = (at: number): string => `stock-${at}`;

export const trader: Script = {
  name: 'trader',
  worlds: ['warehouse'],
  summary: 'moves one unit between two warehouses; --zipf says how much all want the same ones',
  pace: 1,
  play(bot) {
    return () => {
      const from = bot.market();
      let to = bot.market();
      for (let tries = 0; to === from && tries < 8; tries++) to = bot.market();
      // Nobody wants anything else: put something in.
      if (to === from) return { action: 'inbound', args: { to: stockOf(to), amount: 1 } };
      return { action: 'transfer', args: { from: stockOf(from), to: stockOf(to), amount: 1 } };
    };
  },
};
