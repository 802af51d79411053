/** A client of the plain system that `ceiling` runs. */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../lines/line.ts';
import { ACCOUNTS, ANSWER_BYTES, Cutter, REQUEST_BYTES } from '../systems/ceiling-wire.ts';
import type { Channel, ChannelEvents } from './channel.ts';

export class CeilingChannel implements Channel {
  readonly lanes = 1;
  readonly #socket: Socket;
  #transfers = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static open(endpoint: Endpoint, events: ChannelEvents): Promise<CeilingChannel> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...endpoint, noDelay: true });
      const cutter = new Cutter(ANSWER_BYTES);
      let reason = 'closed';
      socket.once('connect', () => resolve(new CeilingChannel(socket)));
      socket.on('error', (error) => {
        reason = error.message;
        reject(error);
      });
      socket.once('close', () => events.closed(reason));
      const take = (bytes: Buffer, at: number) => events.answered(0, bytes.readUInt32LE(at), null);
      socket.on('data', (chunk: Buffer) => {
        cutter.push(chunk, take);
        events.heard();
      });
    });
  }

  send(_lane: number, first: number, count: number): void {
    const requests = Buffer.allocUnsafe(REQUEST_BYTES * count);
    for (let i = 0, at = 0; i < count; i++, at += REQUEST_BYTES) {
      const n = this.#transfers++;
      requests.writeUInt32LE((first + i) >>> 0, at);
      requests.writeUInt32LE(n % ACCOUNTS, at + 4);
      requests.writeUInt32LE((n * 7 + 1) % ACCOUNTS, at + 8);
      requests.writeUInt32LE(1, at + 12);
    }
    if (this.#socket.writable) this.#socket.write(requests);
  }

  close(): void {
    this.#socket.destroy();
  }
}
