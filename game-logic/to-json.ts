/** States and commands as the contract's JSON (CONTRACT.md, "HTTP, on the client port"). */
import type { Envelope } from '../schemas/support/command-types.ts';
import { digestText } from '../schemas/support/digest.ts';
import type { Change, ChangeOp, Key, Scalar } from '../schemas/support/types.ts';
import { changesOf } from './state.ts';
import type { WorldDefinition, WorldStateLike } from './types.ts';

export interface BallotJson {
  readonly round: number;
  readonly region: string;
}

export interface ChangeJson {
  readonly table: string;
  readonly op: ChangeOp;
  readonly key: Key;
  /** put: every field. patch: those that changed. remove: absent. */
  readonly row?: { readonly [field: string]: Scalar };
}

/** One line of `GET /v1/worlds/W/commands`. */
export interface CommandJson {
  readonly number: number;
  /** The ballot in which the command was made. */
  readonly ballot: BallotJson;
  /** That of the command before; null for number 1. */
  readonly precedent: BallotJson | null;
  /** null for ticks and timers. */
  readonly session: string | null;
  /** null where the command executed no sequence. */
  readonly sequence: number | null;
  readonly action: string;
  /** World time, milliseconds since the epoch. */
  readonly time: number;
  readonly result: unknown;
  readonly changes: readonly ChangeJson[];
  /** Of the tables after it, 16 hex digits. */
  readonly digest: string;
}

/** Answer of `GET /v1/worlds/W/state`. */
export interface StateJson {
  readonly number: number;
  readonly digest: string;
  readonly tables: { readonly [table: string]: readonly { readonly [field: string]: Scalar }[] };
}

/** `regions` in their configured order. */
export function ballotToJson(ballot: number, regions: readonly string[]): BallotJson {
  return { round: Math.floor(ballot / regions.length), region: regions[ballot % regions.length] ?? '' };
}

export function changeToJson(change: Change): ChangeJson {
  const { table, op, key, row } = change;
  if (row === undefined || op === 'remove') return { table: table.name, op, key };
  if (op === 'put') return { table: table.name, op, key, row };
  const changed: { [field: string]: Scalar } = {};
  const mask = change.mask ?? 0;
  table.fields.forEach((field, i) => {
    if ((mask & (1 << i)) !== 0) changed[field.name] = row[field.name]!;
  });
  return { table: table.name, op, key, row: changed };
}

/** `trusted`: the command's bytes were verified before, as those of an applied command were. */
export function commandToJson(
  definition: WorldDefinition,
  envelope: Envelope,
  regions: readonly string[],
  trusted = true,
): CommandJson {
  return {
    number: envelope.number,
    ballot: ballotToJson(envelope.born, regions),
    precedent: envelope.number === 1 ? null : ballotToJson(envelope.precedent, regions),
    session: envelope.session === '' ? null : envelope.session,
    sequence: envelope.sequence === 0 ? null : envelope.sequence,
    action: envelope.action,
    time: envelope.time,
    result: JSON.parse(envelope.result),
    changes: changesOf(envelope, definition, trusted).map(changeToJson),
    digest: digestText(envelope.tables),
  };
}

export function stateToJson(state: WorldStateLike): StateJson {
  return { number: state.number, digest: digestText(state.digest), tables: state.toJSON() };
}
