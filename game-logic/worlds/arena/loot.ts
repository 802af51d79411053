/** Coins, gems and hearts: where they appear, who takes them, and what score and crown follow. */
import { distance, freePoint, type Point } from './field.ts';
import {
  GEM_COINS,
  GEMS_OF_100,
  GRASP,
  HEART_HP,
  HEARTS_OF_100,
  HP,
  LOOT_AT_MOST,
  LOOT_PAUSE_MS,
  LOOT_SOWN,
  LOOT_WANTED,
} from './rules.ts';
import type { AnyContext, PlayerDraft, PlayerRow } from './types.ts';

type Loot = 'coin' | 'gem' | 'heart';

function someoneIsHere(ctx: AnyContext): boolean {
  for (const player of ctx.world.player.rows()) if (player.kind === 'human') return true;
  return false;
}

/** Lets the next thing appear after a while, if there is room and somebody to see it. */
export function tend(ctx: AnyContext): void {
  if (ctx.world.match.row(0)?.growing || ctx.world.coin.size >= LOOT_WANTED || !someoneIsHere(ctx)) return;
  const match = ctx.world.match.get(0);
  if (!match) return;
  match.growing = true;
  const [least, most] = LOOT_PAUSE_MS;
  ctx.after(least + Math.floor(ctx.random() * (most - least)), 'grow');
}

/** The timer `grow`. */
export function grow(ctx: AnyContext): void {
  const match = ctx.world.match.get(0);
  if (match) match.growing = false;
  if (!someoneIsHere(ctx)) return;
  sprout(ctx);
  tend(ctx);
}

/** Somebody came: there should be something to run for. */
export function sow(ctx: AnyContext): void {
  while (ctx.world.coin.size < LOOT_SOWN) if (!sprout(ctx)) return;
}

function sprout(ctx: AnyContext): boolean {
  const dice = ctx.random() * 100;
  const loot = dice < GEMS_OF_100 ? 'gem' : dice < GEMS_OF_100 + HEARTS_OF_100 ? 'heart' : 'coin';
  return lay(ctx, loot, freePoint(ctx.random));
}

/** False if too much lies about already. */
export function lay(ctx: AnyContext, loot: Loot, at: Point): boolean {
  const match = ctx.world.match.get(0);
  if (!match || ctx.world.coin.size >= LOOT_AT_MOST) return false;
  match.coin = (match.coin + 1) % 0xffff_ffff;
  ctx.world.coin.put({ id: match.coin, loot, x: at.x, y: at.y });
  return true;
}

/** Takes what lies in reach. A heart is left alone by those who are whole. */
export function collect(ctx: AnyContext, player: PlayerDraft): void {
  let took = false;
  for (const thing of ctx.world.coin.rows()) {
    if (distance(player, thing) > GRASP || (thing.loot === 'heart' && player.hp >= HP)) continue;
    ctx.world.coin.remove(thing.id);
    took = true;
    if (thing.loot === 'heart') player.hp = Math.min(HP, player.hp + HEART_HP);
    else {
      const coins = thing.loot === 'gem' ? GEM_COINS : 1;
      player.coins += coins;
      award(ctx, player, coins);
    }
  }
  if (took) tend(ctx);
}

/** Adds to the score; the crown goes to who has more than its bearer, the record to the best person ever. */
export function award(ctx: AnyContext, player: PlayerDraft, points: number): void {
  player.score += points;
  const match = ctx.world.match.row(0);
  if (!match) return;
  const bearer = ctx.world.player.row(match.crown);
  if (match.crown !== player.id && (!bearer || bearer.score < player.score)) crown(ctx, player.id);
  const draft = ctx.world.match.get(0);
  if (player.kind === 'human' && player.score > match.record && draft) {
    draft.record = player.score;
    draft.champion = player.name;
  }
}

/** The bearer is gone: the crown goes to the best of the others. */
export function passCrown(ctx: AnyContext, from: string): void {
  if (ctx.world.match.row(0)?.crown !== from) return;
  let best: PlayerRow | null = null;
  for (const player of ctx.world.player.rows())
    if (player.id !== from && player.score > (best?.score ?? 0)) best = player;
  crown(ctx, best?.id ?? '');
}

function crown(ctx: AnyContext, id: string): void {
  const match = ctx.world.match.get(0);
  if (match) match.crown = id;
}
