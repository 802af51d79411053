import type { AppliedCommand, RowChange, WorldStateLike } from '../../game-logic/types.ts';
import { joinBatch } from '../../schemas/support/envelope.ts';
import type { Command } from '../consensus/types.ts';
import type { AppliedBatch } from '../world-service.ts';
import { CommandTail } from './tail.ts';

/** M(p): applies issued commands in order, keeps the last of their bytes, and tells each turn's as one batch. */
export class Replica {
  readonly state: WorldStateLike;
  /** Up to the last `takeBatch`. */
  readonly tail: CommandTail;
  private bytes: Uint8Array[] = [];
  private runs: (readonly RowChange[])[] = [];

  constructor(state: WorldStateLike, tailBytes: number) {
    this.state = state;
    this.tail = new CommandTail(state.number + 1, tailBytes);
  }

  get number(): number {
    return this.state.number;
  }

  /** Throws StateError if the command does not fit this copy, which is then worthless. */
  apply(command: Command): AppliedCommand {
    const { bytes } = command;
    const applied = this.state.apply(bytes);
    if (applied.number !== command.number || applied.born !== command.born)
      throw new Error(
        `command ${applied.born}@${applied.number} was issued as ${command.born}@${command.number}`,
      );
    this.bytes.push(bytes);
    this.runs.push(applied.changes);
    return applied;
  }

  /** What was applied since the last call. */
  takeBatch(): AppliedBatch | undefined {
    const { bytes, runs } = this;
    if (bytes.length === 0) return undefined;
    this.bytes = [];
    this.runs = [];
    const batch = joinBatch(bytes);
    this.tail.add(batch, bytes.length);
    const last = this.state.number;
    return new Applied(last - bytes.length + 1, last, batch, runs);
  }
}

/** Most turns nobody asks for the changes of rows, so they are put together only then. */
class Applied implements AppliedBatch {
  readonly first: number;
  readonly last: number;
  readonly batch: Uint8Array;
  private readonly runs: readonly (readonly RowChange[])[];

  constructor(first: number, last: number, batch: Uint8Array, runs: readonly (readonly RowChange[])[]) {
    this.first = first;
    this.last = last;
    this.batch = batch;
    this.runs = runs;
  }

  get changes(): readonly RowChange[] {
    return this.runs.length === 1 ? (this.runs[0] as readonly RowChange[]) : this.runs.flat();
  }
}
