/** A TCP connection that writes once a turn and hands whole pieces of what it reads to a parser. */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from './line.ts';

export interface Reader {
  /** Takes what is whole from `bytes`, hands back how many bytes that was. Throws where it makes no sense. */
  read(bytes: Buffer): number;
  /** At most once, and nothing after it. */
  closed(reason: string): void;
}

export class Tcp {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #out: Uint8Array[] = [];
  #scheduled = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open({ host, port }: Endpoint): Promise<Tcp> {
    const socket = connect({ host, port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Tcp(socket);
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** Begins to read. What came before waits. */
  attach(reader: Reader): void {
    let reason = 'closed';
    this.#socket.on('error', (error) => {
      reason = error.message;
    });
    this.#socket.once('close', () => reader.closed(reason));
    this.#socket.on('data', (chunk: Buffer) => {
      const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      try {
        this.#rest = bytes.subarray(reader.read(bytes));
      } catch (error) {
        this.#socket.destroy(error as Error);
      }
    });
  }

  /** Leaves with everything else of this turn. */
  write(bytes: Uint8Array): void {
    this.#out.push(bytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const out = this.#out;
      this.#out = [];
      if (this.#socket.writable) this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
