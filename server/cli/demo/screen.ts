/** What the demo shows: with a terminal one live line below the others, and keys; without one plain lines. */

export interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
  readonly columns?: number | undefined;
}
export interface Keyboard {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (data: Buffer | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const CLEAR_LINE = '\r\x1b[K';
const CTRL_C = '\x03';
/** Without a terminal the status is printed this often, if it changed. */
const PLAIN_EVERY_MS = 10_000;

export class Screen {
  readonly #out: Terminal;
  readonly #keyboard: Keyboard;
  #status = '';
  #printedAt = Number.NEGATIVE_INFINITY;
  #printed = '';

  constructor(out: Terminal, keyboard: Keyboard) {
    this.#out = out;
    this.#keyboard = keyboard;
  }

  get live(): boolean {
    return this.#out.isTTY === true;
  }

  /** A line that stays. */
  say(line: string): void {
    if (this.live) this.#out.write(`${CLEAR_LINE}${line}\n${this.#status}`);
    else this.#out.write(`${line}\n`);
  }

  /** The line that is always the last one. `now` in milliseconds. */
  status(line: string, now: number): void {
    if (this.live) {
      // A longer line would wrap, and the next one would not cover it.
      this.#status = line.slice(0, (this.#out.columns ?? 100) - 1);
      this.#out.write(`${CLEAR_LINE}${this.#status}`);
    } else if (now - this.#printedAt >= PLAIN_EVERY_MS && line !== this.#printed) {
      this.#printedAt = now;
      this.#printed = line;
      this.#out.write(`${line}\n`);
    }
  }

  /** Calls back for each key, in lower case; `q` also for Ctrl-C. Does nothing without a terminal to read from. */
  listen(onKey: (key: string) => void): void {
    if (!this.live || this.#keyboard.isTTY !== true) return;
    this.#keyboard.setRawMode?.(true);
    this.#keyboard.resume();
    this.#keyboard.on('data', (data) => {
      for (const key of String(data)) onKey(key === CTRL_C ? 'q' : key.toLowerCase());
    });
  }

  close(): void {
    if (this.live) this.#out.write(CLEAR_LINE);
    this.#status = '';
    if (this.#keyboard.isTTY !== true) return;
    this.#keyboard.setRawMode?.(false);
    this.#keyboard.pause();
  }
}
