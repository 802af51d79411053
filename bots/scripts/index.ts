/** The kinds of bots, by name. */
import type { Script } from '../script-types.ts';
import { chatter } from './chatter.ts';
import { fighter } from './fighter.ts';
import { opponent } from './opponent.ts';
import { churner, mobile, roamer } from './restless.ts';
import { trader } from './trader.ts';
import { walker } from './walker.ts';
import { idle, spectator } from './watchers.ts';

const ALL: readonly Script[] = [
  walker,
  fighter,
  opponent,
  trader,
  chatter,
  idle,
  spectator,
  churner,
  roamer,
  mobile,
];

export const scripts: ReadonlyMap<string, Script> = new Map(ALL.map((script) => [script.name, script]));

/** Who plays where nothing is said. */
export const USUAL_MIX: { readonly [world: string]: string } = {
  arena: 'walker=6,fighter=3,chatter=1',
  warehouse: 'trader=1',
  document: 'idle=1',
};
