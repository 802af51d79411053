/** The action `move`: a step, within the speed limit, around what stands in the way. */
import { direction, distance, walk } from './field.ts';
import { collect } from './loot.ts';
import { BOT_SPEED, SPEED, STEP, STEP_EARLY_MS, STEP_LEAST, STEP_SAVED_MS } from './rules.ts';
import type { Context } from './types.ts';

/** Where the player ended. */
export interface Moved {
  readonly x: number;
  readonly y: number;
}

/** A step that is too long for the time since the last one is cut short; `too-fast` only if nothing is left of it. */
export function move(ctx: Context, dx: number, dy: number): Moved {
  const asked = Math.sqrt(dx * dx + dy * dy);
  if (!Number.isFinite(asked)) ctx.badArguments('dx and dy are metres');
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  if (!me.alive) ctx.refuse('fallen');
  if (asked < STEP_LEAST) return { x: me.x, y: me.y };
  const paid = Math.max(me.paid, ctx.now - STEP_SAVED_MS);
  const speed = me.kind === 'bot' ? BOT_SPEED : SPEED;
  const allowed = ((ctx.now + STEP_EARLY_MS - paid) / 1_000) * speed;
  if (allowed < STEP_LEAST) ctx.refuse('too-fast');
  const length = Math.min(asked, STEP, allowed);
  const to = walk(me, (dx / asked) * length, (dy / asked) * length);
  const walked = distance(me, to);
  me.facing = direction(dx, dy);
  // Pushing against a wall costs nothing and changes nothing: no command.
  if (walked < STEP_LEAST / 2) return { x: me.x, y: me.y };
  // Whole milliseconds: they take two bytes in a frame, fractions more.
  me.paid = Math.ceil(paid + (walked / speed) * 1_000);
  me.x = to.x;
  me.y = to.y;
  collect(ctx, me);
  return { x: me.x, y: me.y };
}
