import type { RecordedAct } from '../replay/record-file.ts';
import type { Intent, Script } from '../script-types.ts';
import { stepBy } from './walker.ts';

function again(world: string, { action, args }: RecordedAct): Intent {
  // A step may end where it began, and then has no command.
  if (world === 'arena' && action === 'move') return stepBy(Number(args['dx']), Number(args['dy']));
  return { action, args };
}

/** Does what somebody did, at the moments that the crew was told. */
export const echo = (acts: readonly RecordedAct[]): Script => ({
  name: 'echo',
  worlds: [],
  summary: '',
  pace: 1,
  play(bot) {
    let next = 0;
    return () => {
      const act = acts[next++];
      return act === undefined ? null : again(bot.world, act);
    };
  },
});
