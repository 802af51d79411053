/** Names, colours and chat lines. */
import { MESSAGES_KEPT, NAME_LENGTH, SAY_AT_ONCE, SAY_MS, SKINS, TEXT_LENGTH } from './rules.ts';
import type { AnyContext, Context, PlayerDraft } from './types.ts';

const ADJECTIVES = [
  'Amber',
  'Brave',
  'Clever',
  'Dusty',
  'Eager',
  'Fuzzy',
  'Gentle',
  'Hasty',
  'Jolly',
  'Keen',
  'Lucky',
  'Merry',
  'Nimble',
  'Quiet',
  'Rusty',
  'Swift',
];
const ANIMALS = [
  'Badger',
  'Crane',
  'Dingo',
  'Ferret',
  'Gecko',
  'Heron',
  'Ibex',
  'Jackal',
  'Lynx',
  'Magpie',
  'Newt',
  'Otter',
  'Puffin',
  'Raven',
  'Stoat',
  'Wombat',
];
const JEERS = [
  'Beep boop. Down you go.',
  'Was that all?',
  'Recalculating… victory.',
  'I do this all day. And all night.',
  'Nice coins. Mine now.',
  'See you in three seconds.',
];

/** The action `say`. */
export function say(ctx: Context, text: string): { readonly id: number } {
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  const line = tidy(text);
  if (line === '') ctx.refuse('nothing-said');
  if (line.length > TEXT_LENGTH) ctx.refuse('too-long', `at most ${TEXT_LENGTH} characters`);
  payForTalk(ctx, me);
  return { id: post(ctx, me, line) };
}

/** The action `rename`. */
export function rename(ctx: Context, wanted: string): { readonly name: string } {
  const me = ctx.world.player.get(ctx.session) ?? ctx.refuse('not-here');
  const name = tidy(wanted);
  if (name === '' || name.length > NAME_LENGTH) ctx.refuse('bad-name', `1 to ${NAME_LENGTH} characters`);
  if (nameIsTaken(ctx, name, me.id)) ctx.refuse('name-taken');
  payForTalk(ctx, me);
  me.name = name;
  return { name };
}

/** Everybody sees what talk does, so it has a price in time: some lines at once, then one each SAY_MS. */
export function payForTalk(ctx: Context, me: PlayerDraft): void {
  const from = Math.max(me.spoken, ctx.now);
  if (from - ctx.now > (SAY_AT_ONCE - 1) * SAY_MS) ctx.refuse('too-chatty');
  me.spoken = from + SAY_MS;
}

/** A computer opponent gloats, now and then. */
export function jeer(ctx: Context, bot: PlayerDraft): void {
  if (ctx.random() < 0.4) post(ctx, bot, pick(ctx, JEERS));
}

function post(ctx: Context, from: PlayerDraft, text: string): number {
  const match = ctx.world.match.get(0);
  if (!match) throw new Error('the match row is gone');
  match.message = (match.message + 1) % 0xffff_ffff;
  ctx.world.message.put({ id: match.message, from: from.id, name: from.name, text, time: ctx.now });
  for (const old of ctx.world.message.rows()) {
    if (ctx.world.message.size <= MESSAGES_KEPT) break;
    ctx.world.message.remove(old.id);
  }
  return match.message;
}

/** A name that nobody has. */
export function freshName(ctx: AnyContext): string {
  for (let i = 0; i < 8; i++) {
    const name = `${pick(ctx, ADJECTIVES)} ${pick(ctx, ANIMALS)}`;
    if (!nameIsTaken(ctx, name, '')) return name;
  }
  return `${pick(ctx, ANIMALS)} ${1_000 + Math.floor(ctx.random() * 9_000)}`;
}

/** A colour that few have. */
export function freshSkin(ctx: AnyContext): number {
  const worn = new Array<number>(SKINS).fill(0);
  for (const player of ctx.world.player.rows()) worn[player.skin % SKINS]!++;
  const least = Math.min(...worn);
  return pick(
    ctx,
    [...worn.keys()].filter((skin) => worn[skin] === least),
  );
}

/** `by` may keep its own. */
export function nameIsTaken(ctx: AnyContext, name: string, by: string): boolean {
  const wanted = name.toLowerCase();
  for (const player of ctx.world.player.rows())
    if (player.id !== by && player.name.toLowerCase() === wanted) return true;
  return false;
}

/** One line without control, invisible or direction characters, single spaces. */
function tidy(text: string): string {
  return text.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim();
}

function pick<T>(ctx: AnyContext, from: readonly T[]): T {
  return from[Math.floor(ctx.random() * from.length)]!;
}
