import type { RowChange, WorldStateLike } from '../../game-logic/types.ts';
import type { Envelope } from '../../schemas/support/command-types.ts';
import { joinBatch } from '../../schemas/support/envelope.ts';
import type { Command } from '../consensus/types.ts';
import type { AppliedBatch } from '../world-service.ts';
import { CommandTail } from './tail.ts';

/** M(p): applies issued commands in order, keeps the last of their bytes, and tells each turn's as one batch. */
export class Replica {
  readonly state: WorldStateLike;
  readonly tail: CommandTail;
  private fresh: { bytes: Uint8Array; changes: readonly RowChange[] }[] = [];

  constructor(state: WorldStateLike, tailBytes: number) {
    this.state = state;
    this.tail = new CommandTail(state.number + 1, tailBytes);
  }

  get number(): number {
    return this.state.number;
  }

  /** Throws StateError if the command does not fit this copy, which is then worthless. */
  apply(command: Command): Envelope {
    const { envelope, changes } = this.state.apply(command.bytes);
    if (envelope.number !== command.number || envelope.born !== command.born)
      throw new Error(
        `command ${envelope.born}@${envelope.number} was issued as ${command.born}@${command.number}`,
      );
    this.tail.add(command.bytes);
    this.fresh.push({ bytes: command.bytes, changes });
    return envelope;
  }

  /** What was applied since the last call. */
  takeBatch(): AppliedBatch | undefined {
    const { fresh } = this;
    if (fresh.length === 0) return undefined;
    this.fresh = [];
    const last = this.state.number;
    return {
      first: last - fresh.length + 1,
      last,
      batch: joinBatch(fresh.map(({ bytes }) => bytes)),
      changes: fresh.length === 1 ? (fresh[0]?.changes ?? []) : fresh.flatMap(({ changes }) => [...changes]),
    };
  }
}
