import { distance, type Point } from '../../game-logic/worlds/arena/field.ts';
import { BOT_SPEED, REACH, STEP } from '../../game-logic/worlds/arena/rules.ts';
import type { PlayerRow } from '../../schemas/generated/arena.ts';
import { decide, type SeenLoot, type Wish } from '../brain.ts';
import type { BotView, Intent, Script } from '../script-types.ts';
import { stepBy } from './walker.ts';

/** People who did nothing for so long are no reason to hurry … */
const REST_AFTER_MS = 90_000;
/** … and without any, so small a share of the turns is taken. */
const STROLL = 0.04;
/** Longer than an act is waited for: it must not be asked twice. */
const ASK_AGAIN_MS = 30_000;
/** How long a mood lasts. */
const MOOD_MS: readonly [number, number] = [3_000, 9_000];
/** Shares of the moods: against everybody, against people only, and after coins. */
const QUARRELSOME = 0.25;
const PEACEFUL = 0.25;

const ROBOT: Intent = { action: 'robot', args: {} };
// Whoever is nearest when it is run: the one that was seen may have gone on.
const BLOW: Intent = { action: 'strike', args: { target: '' } };

/** World time of the last thing a player did: each of these moves with a deed only, and lies at most seconds ahead. */
const lastDeed = ({ paid, ready, spoken }: PlayerRow): number => Math.max(paid, ready, spoken);

class Opponent {
  readonly #bot: BotView;
  #mood = 0;
  #moodUntil = 0;
  /** It asked to be taken for a robot, and when. */
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(bot: BotView) {
    this.#bot = bot;
  }

  turn(): Intent | null {
    const bot = this.#bot;
    const me = bot.row('player', bot.session) as unknown as PlayerRow | undefined;
    if (me === undefined) return null;
    const now = bot.now();
    if (me.kind !== 'bot') return this.#introduce(now);
    if (!me.alive) return null;
    const players = [...bot.rows('player')] as unknown as PlayerRow[];
    const lively = players.some((one) => one.kind === 'human' && now - lastDeed(one) < REST_AFTER_MS);
    if (!lively && bot.random() > STROLL) return null;
    const loot = bot.rows('coin') as unknown as Iterable<SeenLoot>;
    const wish = decide(me, this.#foes(players, now), loot, now);
    if (wish.target !== '' && now >= me.ready && this.#canStrike(me, players, now)) return BLOW;
    return this.#step(wish, lively);
  }

  #introduce(now: number): Intent | null {
    if (now - this.#askedAt < ASK_AGAIN_MS) return null;
    this.#askedAt = now;
    return ROBOT;
  }

  /** Not always against each other: a person should find somebody who is not busy. */
  #foes(players: readonly PlayerRow[], now: number): readonly PlayerRow[] {
    const { random } = this.#bot;
    if (now > this.#moodUntil) {
      const [least, most] = MOOD_MS;
      this.#moodUntil = now + least + random() * (most - least);
      this.#mood = random();
    }
    if (this.#mood < QUARRELSOME) return players;
    if (this.#mood < QUARRELSOME + PEACEFUL) return [];
    return players.filter(({ kind }) => kind === 'human');
  }

  /** The world strikes the nearest: that must be allowed. */
  #canStrike(me: PlayerRow, players: readonly PlayerRow[], now: number): boolean {
    return players.some(
      (one) => one.id !== me.id && one.alive && one.safe <= now && distance(me, one as Point) < REACH * 0.95,
    );
  }

  #step({ dx, dy }: Wish, lively: boolean): Intent | null {
    if (dx === 0 && dy === 0) return null;
    const metres = Math.min(STEP, lively ? (BOT_SPEED * this.#bot.everyMs) / 1_000 : STEP);
    return stepBy(dx * metres, dy * metres);
  }
}

export const opponent: Script = {
  name: 'opponent',
  worlds: ['arena'],
  summary: 'plays as the demo has it: after coins and people, gently, and at leisure without people',
  pace: 1,
  play(bot) {
    const one = new Opponent(bot);
    return () => one.turn();
  },
};
