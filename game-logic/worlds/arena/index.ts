/**
 * The arena: walk, strike, take coins, chat. The functions run on the leader only, so they may roll dice; everybody else
 * gets the values they wrote. The page runs `move` on its own copy as well, to show a step before it is confirmed.
 */
import { arenaSchema } from '../../../schemas/generated/arena.ts';
import { defineWorld } from '../../define-world.ts';
import { quietPoint, respawn, strike } from './fight.ts';
import { grow, passCrown, sow, tend } from './loot.ts';
import { move } from './move.ts';
import { becomeRobot, setOpponents } from './opponents.ts';
import { HP, OPPONENTS, SAFE_MS } from './rules.ts';
import { freshName, freshSkin, rename, say } from './talk.ts';

export const arena = defineWorld(arenaSchema, {
  initial: { match: [{ id: 0, opponents: OPPONENTS }] },

  timers: {
    respawn(ctx, { player }: { readonly player: string }) {
      respawn(ctx, player);
    },
    grow(ctx, _: undefined) {
      grow(ctx);
    },
  },

  actions: {
    move: (ctx, { dx, dy }) => move(ctx, dx, dy),
    strike: (ctx, { target }) => strike(ctx, target),
    say: (ctx, { text }) => say(ctx, text),
    rename: (ctx, { name }) => rename(ctx, name),
    opponents: (ctx, { count }) => setOpponents(ctx, count),
    robot: (ctx) => becomeRobot(ctx),
  },

  join(ctx) {
    if (ctx.world.player.has(ctx.session)) return;
    const at = quietPoint(ctx);
    const skin = freshSkin(ctx);
    const times = { paid: ctx.now, safe: ctx.now + SAFE_MS };
    const name = freshName(ctx);
    ctx.world.player.put({ id: ctx.session, name, skin, x: at.x, y: at.y, hp: HP, alive: true, ...times });
    sow(ctx);
    tend(ctx);
  },

  leave(ctx) {
    passCrown(ctx, ctx.session);
    ctx.world.player.remove(ctx.session);
  },
});
