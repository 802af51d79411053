/** What a region server says, kept in a file of its own; when it is full it becomes the one before, and a new one begins. */
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Two files of this size for each region. */
const LOG_BYTES = 16 * 1024 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #most: number;
  /** null: closed; a last line may still come from a stream that ends late. */
  #file: number | null;
  #bytes: number;

  constructor(folder: string, name: string, most = LOG_BYTES) {
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${name}.log`);
    this.#most = most;
    this.#bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    this.#file = openSync(this.#path, 'a');
  }

  write(line: string): void {
    if (this.#file === null) return;
    if (this.#bytes > this.#most) this.#file = this.#turn(this.#file);
    this.#bytes += writeSync(this.#file, `${line}\n`);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #turn(full: number): number {
    closeSync(full);
    renameSync(this.#path, `${this.#path}.1`);
    this.#bytes = 0;
    return openSync(this.#path, 'a');
  }
}
