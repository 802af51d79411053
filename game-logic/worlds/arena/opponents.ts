/**
 * Computer opponents: players like any other, joined by whoever runs them, that say what they are. The world only keeps how
 * many are wanted, and holds them to gentler rules.
 */
import { OPPONENTS_AT_MOST } from './rules.ts';
import { nameIsTaken, payForTalk } from './talk.ts';
import type { Context } from './types.ts';

const NAMES = [
  'Bolt',
  'Sprocket',
  'Gizmo',
  'Widget',
  'Ratchet',
  'Piston',
  'Dynamo',
  'Cog',
  'Rivet',
  'Servo',
  'Gasket',
  'Flange',
  'Pulley',
  'Crank',
  'Solder',
  'Toggle',
  'Diode',
  'Relay',
  'Spindle',
  'Washer',
];

/** The action `opponents`: how many are wanted. */
export function setOpponents(ctx: Context, count: number): { readonly count: number } {
  if (count > OPPONENTS_AT_MOST) ctx.badArguments(`at most ${OPPONENTS_AT_MOST} opponents`);
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  const match = ctx.world.match.get(0) ?? ctx.refuse('not-here');
  if (match.opponents !== count) {
    payForTalk(ctx, me);
    match.opponents = count;
  }
  return { count };
}

/** The action `robot`: the player is one from now on, with a name that nobody has. */
export function becomeRobot(ctx: Context): { readonly name: string } {
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  if (me.kind !== 'bot') {
    me.kind = 'bot';
    me.name = robotName(ctx, me.id);
  }
  return { name: me.name };
}

function robotName(ctx: Context, id: string): string {
  for (let round = 1; ; round++)
    for (const name of NAMES) {
      const numbered = round === 1 ? name : `${name} ${round}`;
      if (!nameIsTaken(ctx, numbered, id)) return numbered;
    }
}
