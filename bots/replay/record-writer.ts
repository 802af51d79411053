/** Writes a record while the run goes on. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { actLine, headerLine, type RecordedAct, type RecordHeader } from './record-file.ts';

const BUFFER = 1 << 16;

export class RecordWriter {
  readonly #file: number;
  #text: string;

  /** Throws where the file cannot be made. */
  constructor(path: string, header: RecordHeader) {
    this.#file = openSync(path, 'w');
    this.#text = headerLine(header);
  }

  add(act: RecordedAct): void {
    this.#text += actLine(act);
    if (this.#text.length >= BUFFER) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}
