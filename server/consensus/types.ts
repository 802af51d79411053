/**
 * The vocabulary of the consensus core: what goes in, what comes out. Plain data only.
 * Rule numbers R1..R15 and paragraphs [00nn] refer to the restated protocol (ARCHITECTURE.md, "Sources").
 */

/** round * devices + owner's index; 0 is "before every ballot" [0048]. */
export type Ballot = number;
/** Index of a region server in the configured order, 0-based. */
export type Device = number;

/** A command as consensus sees it; the payload is opaque. Identity is (born, number), never content. */
export interface Command {
  readonly number: number;
  /** The ballot whose leader created it. */
  readonly born: Ballot;
  /** `born` of the precedent, the command numbered `number - 1`; 0 for the null command. */
  readonly precedent: Ballot;
  /** The whole size-prefixed envelope, exactly as it was encoded once. */
  readonly bytes: Uint8Array;
}

export interface Vote {
  /** The highest ballot in which the device voted for this command; never below `command.born`. */
  readonly ballot: Ballot;
  readonly command: Command;
}

/** Votes for consecutive numbers whose commands share one creating ballot. */
export interface VotedRange {
  readonly first: number;
  readonly last: number;
  readonly born: Ballot;
}

/** Immutable; equal on all devices but for `self` and `seed`. */
export interface ConsensusConfig {
  readonly devices: number;
  readonly self: Device;
  /** One weight a device; a majority set weighs strictly more than half [0049]. */
  readonly weights: readonly number[];
  /** W of R8 (claim 5): BeginBallot for m is sent only while m <= upTo + window. */
  readonly window: number;
  /** `all`: votes go to every device (claim 3). `leader`: votes to the leader, who sends Success (claim 2). */
  readonly voting: 'all' | 'leader';
  /** Issued commands kept in memory to answer CatchUp; older ones the host reads from storage (`serve`). */
  readonly tailCommands: number;
  /** Upper bound of the payload bytes in one message with commands. */
  readonly messageBytes: number;
  /** Seed of the randomised back-off and of the names of paged answers; 32-bit unsigned, a new one at each start of a process. */
  readonly seed: number;
  /** All in milliseconds of the host's monotonic clock. */
  readonly timing: {
    readonly heartbeat: number;
    /** A follower that heard nothing from a leader for this long (plus a random share and its rank's share) asks for a pre-vote. */
    readonly election: number;
    /** A leader without answers of a majority for this long steps down. */
    readonly lease: number;
    readonly retransmit: number;
  };
  /** Lower is tried earlier as a leader; one number a device. */
  readonly ranks: readonly number[];
}

export type Message =
  | { readonly kind: 'next-ballot'; readonly ballot: Ballot; readonly from: number }
  | {
      readonly kind: 'ballot-info';
      readonly ballot: Ballot;
      readonly upTo: number;
      /** born of the command numbered upTo, 0 if none. */
      readonly born: Ballot;
      readonly issued: readonly Command[];
      readonly votes: readonly Vote[];
      /** Names the one immutable value that all pages are slices of. */
      readonly info: number;
      readonly page: number;
      readonly pages: number;
    }
  | { readonly kind: 'my-next-bal'; readonly ballot: Ballot }
  | { readonly kind: 'begin-ballot'; readonly ballot: Ballot; readonly commands: readonly Command[] }
  | { readonly kind: 'voted'; readonly ballot: Ballot; readonly ranges: readonly VotedRange[] }
  | { readonly kind: 'success'; readonly ranges: readonly VotedRange[] }
  | { readonly kind: 'catch-up'; readonly from: number; readonly max: number }
  | { readonly kind: 'issued'; readonly upTo: number; readonly commands: readonly Command[] }
  | {
      readonly kind: 'heartbeat';
      readonly ballot: Ballot;
      readonly upTo: number;
      readonly born: Ballot;
      readonly sequence: number;
      /** The leader proposes to rest: nothing is open, and nothing happened for a while. */
      readonly rest: boolean;
    }
  | {
      readonly kind: 'heartbeat-ack';
      readonly ballot: Ballot;
      readonly nextBal: Ballot;
      readonly upTo: number;
      readonly sequence: number;
      /** This follower rests from now on, and no longer counts the leader's silence. */
      readonly rest: boolean;
    }
  | { readonly kind: 'pre-vote'; readonly round: number; readonly upTo: number }
  | { readonly kind: 'pre-vote-answer'; readonly round: number; readonly granted: boolean }
  | { readonly kind: 'take-over'; readonly ballot: Ballot };

/** What the stable storage held at start. Any prefix of the writes is a legal crash point. */
export interface Durable {
  readonly lastTried: Ballot;
  readonly nextBal: Ballot;
  /** Last issued number known durable, and its born. */
  readonly upTo: number;
  readonly born: Ballot;
  /** Every vote for numbers above upTo, in any order. */
  readonly votes: readonly Vote[];
  /** The last issued commands up to upTo, consecutive; at most tailCommands of them. */
  readonly tail: readonly Command[];
}

export type Input =
  | { readonly kind: 'message'; readonly from: Device; readonly message: Message }
  /**
   * Periodic; `now` is the host's monotonic clock in ms. Also given once at start; not needed at rest. `roundTrip`: to the farthest
   * device that is linked, ms; left out where it is as before, or not known. `rest`: the host has nothing to do for this world
   * if it leads, everything it was given to write is durable, and it will tell of silent links; left out: it does not rest by itself.
   */
  | { readonly kind: 'tick'; readonly now: number; readonly roundTrip?: number; readonly rest?: boolean }
  | { readonly kind: 'link'; readonly device: Device; readonly up: boolean }
  /** Nothing at all came over the link of a device for an election time-out (`silent`), or something comes again. */
  | { readonly kind: 'silent'; readonly device: Device; readonly silent: boolean }
  /** Something is wanted of this world here: no more rest. */
  | { readonly kind: 'wake' }
  /** Begin a ballot now, whatever the failure detector thinks; `round` at least, for scripted runs (R1). */
  | { readonly kind: 'lead'; readonly round?: number }
  | { readonly kind: 'step-down' }
  /** Ask `to` to begin a ballot at once (planned hand-over); only a leader does it. */
  | { readonly kind: 'hand-over'; readonly to: Device }
  /** New commands, consecutive from nextNumber, born in `ballot`; ignored if that leadership is over (R7). */
  | { readonly kind: 'propose'; readonly ballot: Ballot; readonly commands: readonly Command[] }
  /** Ask for proof that this leadership is current from now on; answered by the effect `confirmed` (8.5). */
  | { readonly kind: 'confirm'; readonly token: number };

/** One atomic change of the stable storage; all parts of a step's write are applied together or not at all. */
export interface Write {
  /** 1, 2, 3 … in the order of steps; storage must make them durable in this order. */
  readonly write: number;
  readonly ballots?: { readonly lastTried: Ballot; readonly nextBal: Ballot };
  /** Votes cast in one ballot; contiguous or not. A vote for the same command replaces one of a lower ballot. */
  readonly votes?: { readonly ballot: Ballot; readonly commands: readonly Command[] };
  /** Issued commands that this device never voted for; stored as they are. */
  readonly learned?: readonly Command[];
  /** Everything up to this number is issued; the chain of precedents from `born` downwards says which commands. Votes for numbers <= upTo may then be forgotten. */
  readonly issued?: { readonly upTo: number; readonly born: Ballot };
}

export interface Send {
  readonly to: Device;
  readonly message: Message;
  /** May leave only when the write of this number is durable; 0: at once. Holds for messages to itself too. */
  readonly after: number;
}

/** A leader state is due: functions may run on M(upTo) with `chain` applied, before the chain is voted (3' beside 3''). */
export interface Activated {
  readonly ballot: Ballot;
  readonly upTo: number;
  /** H: re-proposed commands upTo+1 .., in order. */
  readonly chain: readonly Command[];
}

export interface Effects {
  readonly write?: Write;
  readonly sends: readonly Send[];
  /** Newly issued commands, consecutive from the last one handed out: apply in order. A deposition in the same step comes first. */
  readonly issued: readonly Command[];
  readonly activated?: Activated;
  /** Drop LS and every answer that depends on it (R12). To be handled before `issued` and before `activated`. */
  readonly deposed?: { readonly ballot: Ballot };
  /** Whom this device believes to lead, when that changed. */
  readonly leader?: { readonly device: Device | null; readonly ballot: Ballot };
  /**
   * A planned hand-over is under way (true) or was given up (false): while true the host runs no more functions. Given when it
   * changes; a deposition ends it, too.
   */
  readonly paused?: boolean;
  /** This world is at rest here from now on, or no longer; given when it changes. */
  readonly resting?: boolean;
  /** Highest confirm token for which a majority acknowledged this ballot after the token came in. */
  readonly confirmed?: number;
  /** Older commands are asked for than memory holds: read from storage and send them as `issued` messages. */
  readonly serve?: readonly { readonly to: Device; readonly from: number; readonly max: number }[];
  /** A peer broke the protocol or a vote could not be right; logged, counted, and shown. Never fatal for others' faults. */
  readonly alarms?: readonly string[];
}

/** What a host may show; never used for decisions. */
export interface ConsensusStatus {
  readonly role: 'follower' | 'preparing' | 'leading';
  readonly leader: Device | null;
  readonly ballot: Ballot;
  readonly lastTried: Ballot;
  readonly nextBal: Ballot;
  /** Highest number with a vote of this device. */
  readonly voted: number;
  readonly upTo: number;
  /** While leading: nextNumber - 1 - upTo. */
  readonly inWindow: number;
  /** Nothing happens in this world: no heartbeats, and ticks are not needed. */
  readonly resting: boolean;
}
