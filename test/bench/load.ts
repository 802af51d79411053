/**
 * A load generator in a process of its own: sockets that each keep some actions in flight (closed model) against a warehouse
 * world. It reads answers only and keeps no mirror, so that what it measures is the servers. Talks to its parent by IPC.
 */
import { Client, type Room } from '@colyseus/sdk';
import { decodeAnswer, decodeAnswers, encodeActs } from '../../schemas/generated/client.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';

globalThis.WebSocket ??= (await import('ws')).default as unknown as typeof WebSocket;

export interface LoadOrder {
  readonly urls: readonly string[];
  readonly sockets: number;
  readonly inFlight: number;
  readonly warehouses: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadReport {
  readonly answered: number;
  readonly failed: { readonly [code: string]: number };
  readonly seconds: number;
  /** Milliseconds from sending to the answer. */
  readonly latencies: readonly number[];
  readonly cpuSeconds: number;
}

class Socket {
  readonly room: Room;
  readonly #sent = new Map<number, number>();
  #sequence = 0;
  #due = 0;
  #flushing = false;
  readonly #state: Measurement;
  readonly #warehouses: number;

  constructor(room: Room, state: Measurement, warehouses: number) {
    this.room = room;
    this.#state = state;
    this.#warehouses = warehouses;
    room.onMessage(3, (bytes: Uint8Array) => this.#answered([decodeAnswer(bytes)]));
    room.onMessage(9, (bytes: Uint8Array) => this.#answered(decodeAnswers(bytes).answers));
  }

  start(inFlight: number): void {
    this.#ask(inFlight);
  }

  /** What is asked for in one turn leaves in one message. */
  #ask(count: number): void {
    this.#due += count;
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const now = performance.now();
      const acts = Array.from({ length: this.#due }, () => {
        this.#sequence += 1;
        this.#sent.set(this.#sequence, now);
        return { sequence: this.#sequence, action: 'transfer', args: transfer(this.#warehouses) };
      });
      this.#due = 0;
      this.room.sendBytes(8, encodeActs({ acts }));
    });
  }

  #answered(answers: readonly ReturnType<typeof decodeAnswer>[]): void {
    const now = performance.now();
    for (const answer of answers) {
      const sent = this.#sent.get(answer.sequence);
      if (sent === undefined) continue;
      this.#sent.delete(answer.sequence);
      this.#state.record(now - sent, answer.outcome === 'issued' ? null : (answer.code ?? answer.outcome));
    }
    if (!this.#state.over) this.#ask(answers.length);
  }
}

class Measurement {
  measuring = false;
  over = false;
  answered = 0;
  readonly latencies: number[] = [];
  readonly failed: { [code: string]: number } = {};

  record(latency: number, failure: string | null): void {
    if (!this.measuring) return;
    if (failure !== null) {
      this.failed[failure] = (this.failed[failure] ?? 0) + 1;
      return;
    }
    this.answered += 1;
    // A sample of at most a million keeps the memory of long runs bounded.
    if (this.latencies.length < 1_000_000) this.latencies.push(latency);
  }
}

/** Encoded once each: the generator must not be the limit. */
const TRANSFERS = new Map<number, Uint8Array[]>();
function transfer(warehouses: number): Uint8Array {
  let made = TRANSFERS.get(warehouses);
  if (made === undefined) {
    const type = warehouseSchema.actions['transfer'];
    if (type === undefined) throw new Error('the warehouse world has no action transfer');
    made = Array.from({ length: 1024 }, () => {
      const from = Math.floor(Math.random() * warehouses);
      const to = (from + 1 + Math.floor(Math.random() * (warehouses - 1))) % warehouses;
      return type.encode({ from: `w${from}`, to: `w${to}`, amount: 1 });
    });
    TRANSFERS.set(warehouses, made);
  }
  return made[Math.floor(Math.random() * made.length)] as Uint8Array;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(order: LoadOrder): Promise<LoadReport> {
  const state = new Measurement();
  const sockets: Socket[] = [];
  for (let index = 0; index < order.sockets; index += 1) {
    const client = new Client(order.urls[index % order.urls.length] as string);
    const room = await client.joinOrCreate('world', { world: 'warehouse', stream: 'answers' });
    room.reconnection.enabled = false;
    room.onMessage('*', () => {});
    sockets.push(new Socket(room, state, order.warehouses));
  }
  const share = Math.floor(order.inFlight / order.sockets);
  for (const [index, socket] of sockets.entries())
    socket.start(share + (index < order.inFlight % order.sockets ? 1 : 0));
  await pause(order.warmUpMs);
  const cpu = process.cpuUsage();
  const from = performance.now();
  state.measuring = true;
  await pause(order.measureMs);
  state.measuring = false;
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  state.over = true;
  await Promise.all(sockets.map(({ room }) => room.leave(true)));
  return {
    answered: state.answered,
    failed: state.failed,
    seconds,
    latencies: state.latencies,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

process.once('message', (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
