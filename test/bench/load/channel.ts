/** What a generator speaks through: a connection with one or more sessions on it, called lanes. */
export interface Channel {
  readonly lanes: number;
  /** Sends so many acts of a lane, sequences from `first` on; what one turn sends leaves in one write. */
  send(lane: number, first: number, count: number): void;
  close(): void;
}

export interface ChannelEvents {
  answered(lane: number, sequence: number, failure: string | null): void;
  /** All answers of a message were told. */
  heard(): void;
  closed(reason: string): void;
}

/** Acts in one message; a session may have 64 outstanding. */
export const MOST_ACTS = 64;
