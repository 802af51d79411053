import type { Paxos } from '../../../server/consensus/paxos-state.ts';
import type { Device, Message, Write } from '../../../server/consensus/types.ts';
import type { Store } from '../cluster/store.ts';

/** One device at one moment, interned: `id` names it for ever. */
export interface DeviceState {
  readonly id: number;
  readonly self: Device;
  readonly paxos: Paxos;
  /** What is durable. */
  readonly store: Store;
  /** Writes that are not durable yet, in order; the core has gone on without them. Write 1 is the next to become durable. */
  readonly waiting: readonly Write[];
  /** Messages that wait for one of those writes, by message: the number of the write. */
  readonly held: ReadonlyMap<number, number>;
  /** Names what its disk and its log hold: all that G1 to G4 ask for. */
  readonly facts: number;
  /** Names all of it but what was only counted: votes of others that make no majority yet, answers that make none. */
  readonly visible: number;
  /** Results of what was tried here before, by action. */
  readonly outcomes: Map<number, Outcome>;
  /** Whether a message can still affect this device, by message. */
  readonly matters: Map<number, boolean>;
}

/** A message on the wire, interned. */
export interface Flying {
  readonly id: number;
  readonly from: Device;
  readonly to: Device;
  readonly message: Message;
}

/** What a crash in the middle of a step leaves: these writes on disk, these messages gone out. */
export interface Cut {
  readonly store: Store;
  readonly sent: readonly number[];
}

export interface Outcome {
  readonly state: DeviceState;
  /** Messages to others that have left. */
  readonly sent: readonly number[];
  /** Places where a crash may cut the step, one before each of its writes. */
  readonly cuts: readonly Cut[];
}

/** Actions other than "deliver message id". */
export const LEAD = -1;
export const PROPOSE = -2;
export const RESTART = -3;
/** The next waiting write becomes durable. */
export const DISK = -4;
/** An idle moment in which the `issued` mark is written; only where marks are late. */
export const MARK = -5;
