import type {
  Activated,
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Durable,
  Input,
  Write,
} from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';

/** What a process can do to the world around it. Each call is a point at which the process may die. */
export interface Ground {
  write(write: Write): void;
  send(to: Device, message: PeerMessage): void;
  /** Told, not done: what the application is given, for the checkers. */
  issued(commands: readonly Command[]): void;
  activated(activated: Activated): void;
  deposed(ballot: Ballot): void;
  confirmed(token: number, known: (number: number) => Ballot | undefined): void;
  alarm(text: string): void;
  /** Issued commands from stable storage. */
  read(from: number, to: number, bytes: number): Command[];
}

/** The volatile part of a device: made anew at each start, dropped at each crash. */
export interface Machine {
  input(input: Input): void;
  /** A message of the application's own, or of consensus. */
  message(from: Device, message: PeerMessage): void;
  /** Every write up to this number is durable. */
  persisted(write: number): void;
  /** The issued numbers this process has applied. */
  readonly applied: number;
  /** One cell of the columns: role, ballot, numbers. */
  readonly cell: string;
  readonly leading: boolean;
}

export type MakeMachine = (
  config: ConsensusConfig,
  durable: Durable,
  log: readonly Command[],
  ground: Ground,
) => Machine;
