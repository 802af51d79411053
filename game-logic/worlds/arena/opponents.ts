/** Computer opponents: rows of the world like any player, moved by its tick, there while people are. */
import { decide } from './brain.ts';
import { distance, walk } from './field.ts';
import { blow, quietPoint } from './fight.ts';
import { collect, passCrown } from './loot.ts';
import { BOT_SPEED, HP, OPPONENTS_AT_MOST, REACH, SAFE_MS, TICK_MS } from './rules.ts';
import { freshSkin, nameIsTaken, payForTalk } from './talk.ts';
import type { AnyContext, Context, PlayerRow } from './types.ts';

/** People who did nothing for this long are no reason to go on moving. */
const REST_AFTER_MS = 90_000;
const NAMES = ['Bolt', 'Sprocket', 'Gizmo', 'Widget', 'Ratchet', 'Piston', 'Dynamo', 'Cog'];

/** The action `opponents`: how many are wanted. */
export function setOpponents(ctx: Context, count: number): { readonly count: number } {
  if (count > OPPONENTS_AT_MOST) ctx.badArguments(`at most ${OPPONENTS_AT_MOST} opponents`);
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  const match = ctx.world.match.get(0) ?? ctx.refuse('not-here');
  if (match.opponents !== count) {
    payForTalk(ctx, me);
    match.opponents = count;
    staff(ctx);
  }
  return { count };
}

/** Brings opponents in or sends them away: one less for each person after the first, none without people. */
export function staff(ctx: AnyContext): void {
  const bots: string[] = [];
  let people = 0;
  for (const player of ctx.world.player.rows()) {
    if (player.kind === 'bot') bots.push(player.id);
    else people++;
  }
  const wanted = people === 0 ? 0 : Math.max(0, (ctx.world.match.row(0)?.opponents ?? 0) + 1 - people);
  for (let i = 1; bots.length < wanted && i <= OPPONENTS_AT_MOST; i++) {
    if (ctx.world.player.has(`bot-${i}`)) continue;
    enter(ctx, i);
    bots.push(`bot-${i}`);
  }
  while (bots.length > wanted) {
    const id = bots.pop()!;
    passCrown(ctx, id);
    ctx.world.player.remove(id);
  }
}

function enter(ctx: AnyContext, i: number): void {
  const at = quietPoint(ctx);
  // Somebody may have taken the name, or there are more opponents than names.
  const kind = NAMES[(i - 1) % NAMES.length]!;
  let name = kind;
  for (let next = 2; nameIsTaken(ctx, name, ''); next++) name = `${kind} ${next}`;
  const skin = freshSkin(ctx);
  const safe = ctx.now + SAFE_MS;
  ctx.world.player.put({
    id: `bot-${i}`,
    kind: 'bot',
    name,
    skin,
    x: at.x,
    y: at.y,
    hp: HP,
    alive: true,
    safe,
  });
}

/** The world's tick: each opponent takes one step and may strike. Without opponents, or with idle people, nothing changes. */
export function moveOpponents(ctx: Context): void {
  const players = [...ctx.world.player.rows()];
  if (!players.some((player) => player.kind === 'bot')) return;
  if (!players.some((player) => player.kind === 'human' && ctx.now - lastDeed(player) < REST_AFTER_MS))
    return;
  const loot = [...ctx.world.coin.rows()];
  const reach = (BOT_SPEED * TICK_MS) / 1_000;
  for (const seen of players) {
    if (seen.kind !== 'bot') continue;
    const me = ctx.world.player.get(seen.id);
    // Felled earlier in this very tick.
    if (!me?.alive) continue;
    const wish = decide(me, players, loot, ctx.now);
    if (wish.dx !== 0 || wish.dy !== 0) {
      const to = walk(me, wish.dx * reach, wish.dy * reach);
      me.x = to.x;
      me.y = to.y;
      me.facing = Math.atan2(wish.dy, wish.dx);
      collect(ctx, me);
    }
    const foe = wish.target !== '' && ctx.now >= me.ready ? ctx.world.player.get(wish.target) : undefined;
    if (foe?.alive && foe.safe <= ctx.now && distance(me, foe) <= REACH) blow(ctx, me, foe);
  }
}

/** World time of the last thing a player did: each of these moves with a deed only, and lies at most seconds ahead. */
function lastDeed(player: PlayerRow): number {
  return Math.max(player.paid, player.ready, player.spoken);
}
