/**
 * Commands that this process's leader state made and its replica has not applied yet. The replica takes what they changed from
 * here, where every other replica reads it from the bytes. Digests are moved and compared all the same, so a difference
 * between what was run and what was written down is found by the first replica that reads it.
 */
import type { Change, Digest } from '../schemas/support/types.ts';
import type { AnswerHash } from './answers.ts';
import type { SystemChange } from './system.ts';

export interface MadeCommand extends SystemChange {
  readonly born: number;
  readonly precedent: number;
  /** Rows are whole, those of patches too. */
  readonly changes: readonly Change[];
  /** Of the answer that its session now holds; null where the command has none. */
  readonly hash: AnswerHash | null;
  /** After it. */
  readonly tables: Digest;
  readonly system: Digest;
}

/** Consecutive, oldest first. Bounded by the window of the leader that makes them. */
export class MadeCommands {
  private list: MadeCommand[] = [];
  private head = 0;

  add(command: MadeCommand): void {
    this.list.push(command);
  }

  /** The command of this identity, if it was made here; it and those before it are forgotten. */
  take(number: number, born: number): MadeCommand | undefined {
    const { list } = this;
    while (this.head < list.length && list[this.head]!.number < number) this.head++;
    const made = list[this.head];
    if (made === undefined || made.number !== number || made.born !== born) return undefined;
    this.head++;
    // Moved together now and then, so that each is moved once on average.
    if (this.head === list.length) {
      this.list = [];
      this.head = 0;
    } else if (this.head > 1_024 && this.head * 2 > list.length) {
      this.list = list.slice(this.head);
      this.head = 0;
    }
    return made;
  }
}
