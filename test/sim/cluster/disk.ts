import type { Write } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';
import { Store } from './store.ts';

/** A device's disk: what is durable, and the queue of writes that a crash may cut anywhere. */
export class Disk {
  readonly store = new Store();
  /** Written by the running incarnation, not durable yet, oldest first. */
  readonly queue: Write[] = [];
  private lastWrite = 0;

  append(write: Write): void {
    if (write.write !== this.lastWrite + 1)
      throw new Violation('I10', `write ${write.write} follows write ${this.lastWrite}`);
    this.lastWrite = write.write;
    this.queue.push(write);
  }

  /** Number of the last write handed over by this incarnation. */
  get written(): number {
    return this.lastWrite;
  }

  /** The oldest queued write becomes durable; undefined if there is none. */
  flushOne(): Write | undefined {
    const write = this.queue.shift();
    if (write !== undefined) this.store.apply(write);
    return write;
  }

  /** The process is gone: what was not durable is lost (or torn, which its checksum turns into lost). */
  crash(): void {
    this.queue.length = 0;
    this.lastWrite = 0;
  }
}
