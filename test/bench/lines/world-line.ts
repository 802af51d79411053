/** Transfers in our warehouse world over a WebSocket, several acts of one turn in one message. It looks at no more than its answers. */
import { type Act, decodeAnswer, decodeAnswers, encodeActs } from '../../../schemas/generated/client.ts';
import { warehouseSchema } from '../../../schemas/generated/warehouse.ts';
import { type Done, type Endpoint, KEYS, keyName, type Line } from './line.ts';
import { joinRoom, type RawWebSocket, ROOM_DATA_BYTES } from './web-socket.ts';

const ACTS = 8;
const ANSWER = 3;
const ANSWERS = 9;
const HEADER = 2;
const ENOUGH = 1e12;

const { open, inbound, transfer } = warehouseSchema.actions;
const NAMES = Array.from({ length: KEYS }, (_, index) => keyName(index));
const TRANSFERS = Array.from({ length: KEYS }, (_, index) => {
  const to = keyName((index + 1 + Math.floor(Math.random() * (KEYS - 1))) % KEYS);
  return transfer.encode({ from: keyName(index), to, amount: 1 });
});

export class WorldLine implements Line {
  #socket: RawWebSocket | null = null;
  readonly #waiting = new Map<number, Done>();
  #sequence = 0;
  #acts: Act[] = [];

  static async open(endpoint: Endpoint, world = 'warehouse'): Promise<WorldLine> {
    const line = new WorldLine();
    line.#socket = await joinRoom(
      endpoint,
      'world',
      { world, stream: 'answers' },
      {
        frame: (payload) => line.#frame(payload),
        closed: (reason) => {
          for (const done of line.#waiting.values()) done(reason);
          line.#waiting.clear();
        },
      },
    );
    return line;
  }

  /** Opens the warehouses and fills them so far that no transfer is refused. */
  async prepare(names: readonly string[] = NAMES): Promise<void> {
    const ask = (action: string, args: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        this.#act(action, args, (failure) => {
          if (failure === null || failure === 'already-open') resolve();
          else reject(new Error(`${action}: ${failure}`));
        });
      });
    // No more than a session may have outstanding.
    for (let index = 0; index < names.length; index += 16) {
      const few = names.slice(index, index + 16);
      await Promise.all(few.map((id) => ask('open', open.encode({ id }))));
      await Promise.all(few.map((to) => ask('inbound', inbound.encode({ to, amount: ENOUGH }))));
    }
  }

  put(done: Done): void {
    this.#act('transfer', TRANSFERS[Math.floor(Math.random() * KEYS)]!, done);
  }

  /** One more good in a warehouse. */
  inbound(to: string, done: Done): void {
    this.#act('inbound', inbound.encode({ to, amount: 1 }), done);
  }

  get closed(): boolean {
    return this.#socket?.closed ?? true;
  }

  close(): void {
    this.#socket?.close();
  }

  #act(action: string, args: Uint8Array, done: Done): void {
    const sequence = ++this.#sequence;
    this.#waiting.set(sequence, done);
    this.#acts.push({ sequence, action, args });
    if (this.#acts.length > 1) return;
    setImmediate(() => {
      const acts = encodeActs({ acts: this.#acts.splice(0) });
      const message = new Uint8Array(HEADER + acts.length);
      message[0] = ROOM_DATA_BYTES;
      message[1] = ACTS;
      message.set(acts, HEADER);
      this.#socket?.send(message);
    });
  }

  #frame(payload: Buffer): void {
    if (payload[0] !== ROOM_DATA_BYTES) return;
    // The reader of FlatBuffers wants aligned bytes.
    const bytes = () => new Uint8Array(payload.subarray(HEADER));
    if (payload[1] === ANSWERS)
      for (const each of decodeAnswers(bytes(), false, true).answers) this.#answered(each);
    else if (payload[1] === ANSWER) this.#answered(decodeAnswer(bytes(), false, true));
  }

  #answered(answer: ReturnType<typeof decodeAnswer>): void {
    const done = this.#waiting.get(answer.sequence);
    this.#waiting.delete(answer.sequence);
    done?.(answer.outcome === 'issued' ? null : (answer.code ?? answer.outcome));
  }
}
