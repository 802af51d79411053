import type { Script } from '../script-types.ts';

const EVERYWHERE = ['arena', 'warehouse', 'document'];
const nothing = () => () => null;

export const idle: Script = {
  name: 'idle',
  worlds: EVERYWHERE,
  summary: 'is there and takes the stream',
  pace: 0,
  play: nothing,
};

export const spectator: Script = {
  name: 'spectator',
  worlds: EVERYWHERE,
  summary: 'a whole SDK client that verifies each command on a mirror of its own',
  pace: 0,
  wholeClient: true,
  play: nothing,
};
