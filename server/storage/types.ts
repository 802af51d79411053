import type { Command, Durable, Write } from '../consensus/types.ts';

/** What a replica's stable storage must do. Two implementations, one contract suite. */
export interface Storage {
  /** Reads what a restart needs. Throws StorageError `foreign-store`, `corrupt` … with what to do. */
  open(): Promise<Durable>;
  /**
   * Queues writes; resolves when all of them and all earlier ones are on stable storage. One flush in flight; what
   * arrives meanwhile is one group for the next flush. After any failure every call rejects (fail stop).
   */
  append(writes: readonly Write[]): Promise<void>;
  /** Issued commands from..to, consecutive, ascending, at most `bytes` of payload (at least one command). Fewer than asked if the log ends. */
  read(from: number, to: number, bytes: number): Promise<Command[]>;
  /** First and last issued number held, approximate size on disk in bytes. */
  extent(): { readonly first: number; readonly last: number; readonly bytes: number };
  /** Flushes and releases; later calls reject. */
  close(): Promise<void>;
}
