import type {
  Activated,
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Durable,
  Input,
  Message,
  Write,
} from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';

/** What a process can do to the world around it. Each effect is a point at which the process may die. */
export interface Ground {
  write(write: Write): void;
  send(to: Device, message: PeerMessage): void;
  /** Any other effect that somebody outside could see. */
  effect(): void;
  /** Issued commands from stable storage. */
  read(from: number, to: number, bytes: number): Command[];
  /** The device's monotonic clock, and its wall clock, which may jump back; ms. */
  clock(): { readonly now: number; readonly wall: number };
  /** Has the process's `turn` called, soon. */
  wake(): void;
  // Told, not done: what the process learns and decides, for the checkers.
  /** A message to itself that the process keeps inside, at the moment it is set free. */
  own(message: Message): void;
  issued(commands: readonly Command[]): void;
  activated(activated: Activated): void;
  deposed(ballot: Ballot): void;
  /** A leader's world went to rest. */
  rested(): void;
  asked(token: number): void;
  confirmed(token: number, known: (number: number) => Ballot | undefined): void;
  alarm(text: string): void;
}

/** The volatile part of a device: made anew at each start, dropped at each crash. */
export interface Machine {
  input(input: Input): void;
  message(from: Device, message: PeerMessage): void;
  /** Every write up to this number is durable. */
  persisted(write: number): void;
  /** What `wake` asked for. */
  turn(): void;
  readonly leading: boolean;
  /** Need not be told the time. */
  readonly asleep: boolean;
  /** The last issued number that this process applied, and a digest of its state there. */
  readonly applied: number;
  readonly digest: string;
  /** One cell of the columns: role, ballot, numbers. */
  readonly cell: string;
  /** The consensus core, to be measured; absent where nobody may look at it. */
  readonly consensus?: unknown;
}

/** What a process is started with; `log` is everything issued that the disk holds. */
export interface Start {
  readonly config: ConsensusConfig;
  readonly incarnation: number;
  readonly durable: Durable;
  readonly log: readonly Command[];
  readonly ground: Ground;
}

export type MakeMachine<M extends Machine> = (start: Start) => M;
