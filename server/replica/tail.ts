/** The bytes of the last applied commands, for clients that catch up; the oldest go when the bound is reached. */
export class CommandTail {
  private readonly capacity: number;
  private commands: Uint8Array[] = [];
  /** Index of the oldest command held, and its number. */
  private head = 0;
  private firstNumber: number;
  private bytes = 0;

  /** `next`: number of the first command that will be added. */
  constructor(next: number, capacity: number) {
    this.firstNumber = next;
    this.capacity = capacity;
  }

  /** Number of the oldest command held; one above the last where none is. */
  get first(): number {
    return this.firstNumber;
  }

  add(bytes: Uint8Array): void {
    this.commands.push(bytes);
    this.bytes += bytes.length;
    while (this.bytes > this.capacity && this.head < this.commands.length - 1) {
      this.bytes -= (this.commands[this.head] as Uint8Array).length;
      this.head++;
      this.firstNumber++;
    }
    if (this.head > 4_096 && this.head > this.commands.length / 2) {
      this.commands = this.commands.slice(this.head);
      this.head = 0;
    }
  }

  /** Commands from..to, fewer when `bytes` is reached, at least one if there is one; undefined if `from` is older than what is held. */
  read(from: number, to: number, bytes: number): Uint8Array[] | undefined {
    if (from < this.firstNumber) return undefined;
    const out: Uint8Array[] = [];
    let total = 0;
    const end = Math.min(this.commands.length, this.head + to - this.firstNumber + 1);
    for (let at = this.head + from - this.firstNumber; at < end; at++) {
      const command = this.commands[at] as Uint8Array;
      total += command.length;
      if (out.length > 0 && total > bytes) break;
      out.push(command);
    }
    return out;
  }
}
