/** The numbers of the game. Lengths in metres, times in milliseconds of world time. */

export const WIDTH = 28;
export const HEIGHT = 16;
/** A player's body. */
export const RADIUS = 0.45;

/** Metres per second. Computer opponents are slower, so that a person can get away. */
export const SPEED = 6;
export const BOT_SPEED = 3.9;
/** One step at most. */
export const STEP = 1;
/** Steps that were saved up, by a slow line or a change of leader, may be walked at once up to this much time … */
export const STEP_SAVED_MS = 600;
/** … and a step may come this much early. */
export const STEP_EARLY_MS = 120;
/** A step below this is not worth a command. */
export const STEP_LEAST = 0.02;

export const HP = 20;
/** Between the middles of two players. */
export const REACH = 1.9;
export const COOLDOWN_MS = 420;
export const BOT_COOLDOWN_MS = 950;
/** A blow takes one die, a six rolls a second one on top. */
export const DIE = 6;
export const BOT_DIE = 4;
export const KNOCK_BACK = 1.3;
export const RESPAWN_MS = 3_000;
/** Nobody hurts a player who just came (back). */
export const SAFE_MS = 1_800;

/** Within this distance loot is taken. */
export const GRASP = 0.95;
export const GEM_COINS = 5;
export const HEART_HP = 8;
/** Loot lying about at most; what a fallen player drops counts, too. */
export const LOOT_AT_MOST = 24;
/** Loot appears until this much lies about … */
export const LOOT_WANTED = 12;
/** … after a random pause between these two. */
export const LOOT_PAUSE_MS: readonly [number, number] = [700, 2_200];
/** Who comes to an empty field finds this much. */
export const LOOT_SOWN = 6;
/** Of 100 things that appear, so many are gems and hearts. */
export const GEMS_OF_100 = 12;
export const HEARTS_OF_100 = 14;

export const FELL_SCORE = 5;
/** Each foe felled in a row is worth one more, up to this. */
export const STREAK_AT_MOST = 10;

export const NAME_LENGTH = 16;
export const TEXT_LENGTH = 140;
/** One line each 1.5 s in the long run, four at once. */
export const SAY_MS = 1_500;
export const SAY_AT_ONCE = 4;
export const MESSAGES_KEPT = 30;

/** Computer opponents wanted in a new world. */
export const OPPONENTS = 20;
export const OPPONENTS_AT_MOST = 24;
export const SKINS = 12;
