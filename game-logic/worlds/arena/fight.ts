/** Blows, falls and coming back. */
import { direction, distance, freePoint, type Point, walk } from './field.ts';
import { award, lay } from './loot.ts';
import {
  BOT_COOLDOWN_MS,
  BOT_DIE,
  COOLDOWN_MS,
  DIE,
  FELL_SCORE,
  HP,
  KNOCK_BACK,
  REACH,
  RESPAWN_MS,
  SAFE_MS,
  STREAK_AT_MOST,
} from './rules.ts';
import { jeer } from './talk.ts';
import type { AnyContext, Context, PlayerDraft } from './types.ts';

export interface Blow {
  readonly target: string;
  readonly damage: number;
  readonly critical: boolean;
  readonly hp: number;
  readonly felled: boolean;
}

/** The action `strike`: refusals first, then one blow. */
export function strike(ctx: Context, target: string): Blow {
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  if (!me.alive) ctx.refuse('fallen');
  if (ctx.now < me.ready) ctx.refuse('not-ready');
  if (target === me.id) ctx.refuse('yourself');
  const foe = target === '' ? nearestFoe(ctx, me) : ctx.world.player.get(target);
  if (!foe) return ctx.refuse(target === '' ? 'nobody-in-reach' : 'no-such-player');
  if (!foe.alive) ctx.refuse('foe-is-down');
  if (foe.safe > ctx.now) ctx.refuse('foe-is-safe');
  if (distance(me, foe) > REACH) ctx.refuse('out-of-reach');
  return blow(ctx, me, foe);
}

/** Carries out a blow that the rules allow. */
export function blow(ctx: Context, me: PlayerDraft, foe: PlayerDraft): Blow {
  const bot = me.kind === 'bot';
  const first = roll(ctx, bot ? BOT_DIE : DIE);
  const critical = first === DIE;
  const damage = critical ? first + roll(ctx, DIE) : first;
  me.blows += 1;
  me.ready = ctx.now + (bot ? BOT_COOLDOWN_MS : COOLDOWN_MS);
  // Who strikes is no longer spared.
  me.safe = Math.min(me.safe, ctx.now);
  me.facing = direction(foe.x - me.x, foe.y - me.y);
  foe.hp = Math.max(0, foe.hp - damage);
  pushBack(foe, me, critical ? KNOCK_BACK * 1.6 : KNOCK_BACK);
  const felled = foe.hp === 0;
  if (felled) fell(ctx, me, foe);
  return { target: foe.id, damage, critical, hp: foe.hp, felled };
}

function roll(ctx: Context, sides: number): number {
  return 1 + Math.floor(ctx.random() * sides);
}

function pushBack(foe: PlayerDraft, from: Point, by: number): void {
  const away = distance(foe, from);
  const [dx, dy] = away > 0 ? [(foe.x - from.x) / away, (foe.y - from.y) / away] : [1, 0];
  const to = walk(foe, dx * by, dy * by);
  foe.x = to.x;
  foe.y = to.y;
}

function fell(ctx: Context, me: PlayerDraft, foe: PlayerDraft): void {
  foe.alive = false;
  foe.streak = 0;
  foe.slayer = me.id;
  const lost = Math.ceil(foe.coins / 2);
  foe.coins -= lost;
  // Whatever finds no place on the ground is lost for good.
  for (let i = 0; i < Math.min(lost, 6); i++) {
    const angle = ctx.random() * 2 * Math.PI;
    const far = 0.6 + ctx.random();
    if (!lay(ctx, 'coin', walk(foe, far * Math.cos(angle), far * Math.sin(angle)))) break;
  }
  me.streak += 1;
  award(ctx, me, FELL_SCORE + Math.min(me.streak - 1, STREAK_AT_MOST));
  ctx.after(RESPAWN_MS, 'respawn', { player: foe.id });
  if (me.kind === 'bot' && foe.kind === 'human') jeer(ctx, me);
}

function nearestFoe(ctx: Context, me: PlayerDraft): PlayerDraft | undefined {
  let best: string | null = null;
  let least = REACH;
  for (const other of ctx.world.player.rows()) {
    if (other.id === me.id || !other.alive || other.safe > ctx.now) continue;
    const away = distance(me, other);
    if (away <= least) {
      least = away;
      best = other.id;
    }
  }
  return best === null ? undefined : ctx.world.player.get(best);
}

/** The timer `respawn`. The player may have left, or be up again, meanwhile. */
export function respawn(ctx: AnyContext, id: string): void {
  const player = ctx.world.player.get(id);
  if (!player || player.alive) return;
  const at = quietPoint(ctx);
  player.x = at.x;
  player.y = at.y;
  player.hp = HP;
  player.alive = true;
  player.safe = ctx.now + SAFE_MS;
}

/** Of some free points the one farthest from everybody. */
export function quietPoint(ctx: AnyContext): Point {
  let best: Point | null = null;
  let most = -1;
  for (let i = 0; i < 6; i++) {
    const point = freePoint(ctx.random);
    let least = Number.POSITIVE_INFINITY;
    for (const player of ctx.world.player.rows())
      if (player.alive) least = Math.min(least, distance(point, player));
    if (least > most) {
      most = least;
      best = point;
    }
  }
  return best ?? freePoint(ctx.random);
}
