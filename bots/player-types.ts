/** What a bot is given: the world around it, and how it behaves. */
import type { Dialler } from '../client/connection.ts';
import type { WorldSchema } from '../schemas/support/types.ts';
import type { Books } from './books.ts';
import type { Lookout } from './foresight.ts';
import type { Meters } from './meters.ts';
import type { Player } from './player.ts';
import type { Intent } from './script-types.ts';
import type { Sequence } from './sequence.ts';
import type { Sights } from './sights.ts';

export interface Surroundings {
  readonly urls: readonly string[];
  readonly world: string;
  readonly schema: WorldSchema;
  readonly sequence: Sequence;
  readonly meters: Meters;
  readonly sights: Sights;
  readonly lookout: Lookout;
  readonly books: Books;
  readonly dial: Dialler;
  /** Milliseconds of one clock for all workers, from the start of the run. */
  now(): number;
  /** A bot means to act. */
  meant(player: Player, intended: number, intent: Intent): void;
  /** The bot is in the world for the first time. */
  arrived(player: Player): void;
  /** This command exists: it was delivered or acknowledged. */
  saw(number: number, regions: readonly string[]): void;
}

export interface Manners {
  /** Index of its first address. */
  readonly home: number;
  /** It takes the commands, not only its answers. */
  readonly watches: boolean;
  /** It foretells what its acts do. */
  readonly foresees: boolean;
}
