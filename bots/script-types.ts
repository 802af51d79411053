/** What a kind of bot is: a name, and what it wants to do each time its turn comes. */
import type { Row, Scalar } from '../schemas/support/types.ts';
import type { Standing } from './ledger.ts';
import type { Random } from './random.ts';

/** What one bot sees and knows. */
export interface BotView {
  readonly world: string;
  /** Its session id: the key of its row in most worlds. */
  readonly session: string;
  /** Its own dice; the same for the same seed. */
  readonly random: Random;
  /** Mean milliseconds between two of its acts. */
  readonly everyMs: number;
  /** World time, as well as it can be known here. */
  now(): number;
  /** The world as the commands that came so far made it, in this process. */
  row(table: string, key: string | number): Row | undefined;
  rows(table: string): Iterable<Row>;
  /** Draws a warehouse by --zipf. */
  market(): number;
}

export interface Intent {
  readonly action: string;
  readonly args: { readonly [name: string]: Scalar };
  /**
   * For an action that may change nothing and then makes no command: what its result claims about this session's row, to
   * be checked against the sequence. Without it each acknowledgement must have a command of its own.
   */
  readonly standing?: (result: unknown) => Standing;
  /** Its effect on this session's own row can be foretold, as a player's screen does. */
  readonly foresees?: Foresees;
}

export interface Foresees {
  /** The table that holds the player's row. */
  readonly table: string;
  /** How far the foretold row was off, in metres; 0: it was right. */
  off(foretold: Row, issued: Row): number;
}

/** What a bot does to its connection now and then. */
export interface Restlessness {
  /** leave: says good-bye and comes back as the same player. roam: goes to the next region. drop: the line breaks. */
  readonly how: 'leave' | 'roam' | 'drop';
  /** Mean milliseconds between two such events, and how long it stays away. */
  readonly everyMs: number;
  readonly awayMs: number;
}

export interface Script {
  readonly name: string;
  /** Worlds it can play. */
  readonly worlds: readonly string[];
  readonly summary: string;
  /** Its acts a second as a share of --rate; 0: it only watches. */
  readonly pace: number;
  readonly restless?: Restlessness;
  /** It is a whole client of the SDK with a mirror of its own: dear, and the strictest check. */
  readonly wholeClient?: boolean;
  /** Makes one bot's player; each call of what it returns is one turn, null where it has nothing to do. */
  play(bot: BotView): () => Intent | null;
}
