/** Stable storage of the plain system: one flush at a time, and what comes meanwhile is the next one. */
import { ClassicLevel } from 'classic-level';

const DURABLE = { sync: true } as const;
const KEY_BYTES = 8;

export class CeilingLog {
  readonly #level: ClassicLevel<Buffer, Buffer>;
  readonly #durable: (upTo: number) => void;
  #next: Buffer[] = [];
  #last = 0;
  #puts = 0;
  #running = false;

  private constructor(level: ClassicLevel<Buffer, Buffer>, durable: (upTo: number) => void) {
    this.#level = level;
    this.#durable = durable;
  }

  static async open(folder: string, durable: (upTo: number) => void): Promise<CeilingLog> {
    const level = new ClassicLevel<Buffer, Buffer>(folder, {
      ...{ keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false },
      writeBufferSize: 16 << 20,
    });
    await level.open();
    return new CeilingLog(level, durable);
  }

  /** `bytes` must stay as they are; `last`: the number of the last command in them. */
  append(bytes: Buffer, last: number): void {
    this.#next.push(bytes);
    this.#last = last;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#next.length > 0) {
      const [group, last] = [this.#next, this.#last];
      this.#next = [];
      const key = Buffer.alloc(KEY_BYTES);
      key.writeDoubleBE(++this.#puts);
      await this.#level.put(key, group.length === 1 ? group[0]! : Buffer.concat(group), DURABLE);
      this.#durable(last);
    }
    this.#running = false;
  }
}
