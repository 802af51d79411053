/** One client in each region; they act in turn, and all look when the command reaches them. One process, so one clock. */
import { Histogram, type HistogramData } from '../../../bots/histogram.ts';
import { decodeAnswer, encodeAct } from '../../../schemas/generated/client.ts';
import { warehouseSchema } from '../../../schemas/generated/warehouse.ts';
import { answer } from '../processes.ts';
import { lastNumber } from './last-number.ts';
import type { Endpoint } from './line.ts';
import { joinRoom, type RawWebSocket, ROOM_DATA_BYTES } from './web-socket.ts';

export interface WideOrder {
  /** By region. */
  readonly endpoints: readonly Endpoint[];
  readonly acts: number;
}

export interface WideReport {
  /** Act to issued, by region of the client. */
  readonly issued: readonly HistogramData[];
  /** Act to seen: `seen[from][to]`. */
  readonly seen: readonly (readonly HistogramData[])[];
}

const ACT = 1;
const COMMANDS = 2;
const ANSWER = 3;
const HEADER = 2;
const TOO_LONG_MS = 20_000;
const inbound = warehouseSchema.actions.inbound.encode({ to: 'A', amount: 1 });

class Client {
  #socket: RawWebSocket | null = null;
  #sequence = 0;
  /** Last command that came, and when each of the last few did. */
  readonly #arrivals: { readonly last: number; readonly at: number }[] = [];
  #wake: () => void = () => {};
  #answer: { readonly number: number; readonly at: number } | null = null;

  static async join(endpoint: Endpoint): Promise<Client> {
    const client = new Client();
    const events = {
      frame: (payload: Buffer) => client.#frame(payload),
      closed: (reason: string) => {
        throw new Error(`closed: ${reason}`);
      },
    };
    client.#socket = await joinRoom(endpoint, 'world', { world: 'warehouse', stream: 'commands' }, events);
    return client;
  }

  /** The number of the command, and how long its answer took. */
  async act(): Promise<{ readonly number: number; readonly from: number; readonly issued: number }> {
    this.#answer = null;
    const message = encodeAct({ sequence: ++this.#sequence, action: 'inbound', args: inbound });
    const bytes = new Uint8Array(HEADER + message.length);
    bytes.set([ROOM_DATA_BYTES, ACT]);
    bytes.set(message, HEADER);
    const from = performance.now();
    this.#socket?.send(bytes);
    const { number, at } = await this.#until(() => this.#answer);
    return { number, from, issued: at - from };
  }

  /** When a command arrived here, by performance.now(). */
  async arrival(number: number): Promise<number> {
    return (await this.#until(() => this.#arrivals.find(({ last }) => last >= number) ?? null)).at;
  }

  async #until<T>(look: () => T | null): Promise<T> {
    const end = performance.now() + TOO_LONG_MS;
    for (;;) {
      const value = look();
      if (value !== null) return value;
      if (performance.now() > end) throw new Error('waited in vain for a command');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TOO_LONG_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #frame(payload: Buffer): void {
    if (payload[0] !== ROOM_DATA_BYTES) return;
    const at = performance.now();
    if (payload[1] === COMMANDS) {
      this.#arrivals.push({ last: lastNumber(payload, HEADER), at });
      if (this.#arrivals.length > 64) this.#arrivals.shift();
    } else if (payload[1] === ANSWER) {
      const { outcome, number, code } = decodeAnswer(new Uint8Array(payload.subarray(HEADER)));
      if (outcome !== 'issued') throw new Error(`refused: ${code ?? outcome}`);
      this.#answer = { number, at };
    }
    this.#wake();
  }
}

answer<WideOrder, WideReport>(async ({ endpoints, acts }) => {
  const clients = await Promise.all(endpoints.map((endpoint) => Client.join(endpoint)));
  const issued = clients.map(() => new Histogram());
  const seen = clients.map(() => clients.map(() => new Histogram()));
  // The first of each also joins its session; it does not count.
  for (let round = 0; round <= acts; round++) {
    for (const [from, client] of clients.entries()) {
      const act = await client.act();
      const arrivals = await Promise.all(clients.map((each) => each.arrival(act.number)));
      if (round === 0) continue;
      issued[from]?.record(act.issued);
      for (const [to, at] of arrivals.entries()) seen[from]?.[to]?.record(at - act.from);
    }
  }
  return {
    issued: issued.map((each) => each.data()),
    seen: seen.map((row) => row.map((each) => each.data())),
  };
});
