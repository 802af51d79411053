/** The line between a region's main thread and one of its worker threads: notices and calls, those of one turn in one message. */
import { decodeError, encodeError, type WireError } from './wire-error.ts';

/** A port of node:worker_threads, or the Worker itself. */
export interface Port {
  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (value: never) => void): unknown;
}

export interface LineHandlers<Notice> {
  /** What this throws is a bug of the host, and is thrown on. */
  take(notice: Notice): void;
  /** What this throws, or rejects with, is thrown where the call was made. */
  answer(method: string, args: readonly unknown[]): unknown;
}

type Item<Notice> =
  | { readonly notice: Notice }
  | { readonly call: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly done: number; readonly value: unknown }
  | { readonly done: number; readonly error: WireError };

interface Parcel<Notice> {
  readonly items: readonly Item<Notice>[];
  /** In units of the counter. */
  readonly weight: number;
}

/** Bytes in one unit of the counters: 2 GiB under way would be 2 ** 21 units, far from where 32 bits go round. */
const UNIT = 1_024;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Answers whose bytes belong to nobody else need not be copied. */
export class Given {
  readonly value: unknown;
  readonly transfer: readonly ArrayBuffer[];

  constructor(value: unknown, transfer: readonly ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * One end. `Out` is what may be told to the other one. What is told and called in one turn arrives together, in order. How much
 * the other end has not looked at yet is known without a message: it counts in shared memory.
 */
export class Line<Out, In> {
  readonly #port: Port;
  readonly #handlers: LineHandlers<In>;
  /** Units taken by this end, and by the other. */
  readonly #taken: Int32Array;
  readonly #theirs: Int32Array;
  readonly #waiting = new Map<number, Waiting>();
  #sent = 0;
  #parcels = 0;
  #calls = 0;
  #items: Item<Out>[] = [];
  #transfer: ArrayBuffer[] = [];
  #closed: Error | null = null;

  /** `counters`: two numbers of 32 bits in shared memory, the same for both ends; `end`: 0 or 1, which one this is. */
  constructor(port: Port, counters: SharedArrayBuffer, end: 0 | 1, handlers: LineHandlers<In>) {
    this.#port = port;
    this.#handlers = handlers;
    this.#taken = new Int32Array(counters, 4 * end, 1);
    this.#theirs = new Int32Array(counters, 4 * (1 - end), 1);
    port.on('message', (parcel: Parcel<In>) => this.#take(parcel));
  }

  /** The other end is gone. */
  get closed(): boolean {
    return this.#closed !== null;
  }

  /** Sent so far: while it stays the same, what was told last may still be changed. */
  get parcels(): number {
    return this.#parcels;
  }

  /** Bytes on their way to the other end, as far as they were transferred. */
  get underWay(): number {
    return ((this.#sent - Atomics.load(this.#theirs, 0)) | 0) * UNIT;
  }

  /** The buffers in `transfer` belong to the other end from now on. */
  tell(notice: Out, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#closed === null) this.#put({ notice }, transfer);
  }

  /** Rejects with what the other end threw, as an error of the same class and code; or with what `close` was given. */
  call<T>(method: string, args: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed !== null) {
        reject(this.#closed);
        return;
      }
      const call = this.#calls++;
      this.#waiting.set(call, { resolve, reject });
      this.#put({ call, method, args }, transfer);
    });
  }

  /** The other end is gone: what waits for it is rejected, and nothing is sent any more. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
    this.#items = [];
    this.#transfer = [];
  }

  #put(item: Item<Out>, transfer: readonly ArrayBuffer[]): void {
    if (this.#items.length === 0) queueMicrotask(() => this.#flush());
    this.#items.push(item);
    for (const buffer of transfer) {
      this.#transfer.push(buffer);
      this.#sent = (this.#sent + Math.ceil(buffer.byteLength / UNIT)) | 0;
    }
  }

  #flush(): void {
    if (this.#items.length === 0) return;
    let weight = 0;
    for (const { byteLength } of this.#transfer) weight += Math.ceil(byteLength / UNIT);
    const parcel: Parcel<Out> = { items: this.#items, weight };
    const transfer = this.#transfer;
    this.#items = [];
    this.#transfer = [];
    this.#parcels++;
    this.#port.postMessage(parcel, transfer);
  }

  #take({ items, weight }: Parcel<In>): void {
    try {
      for (const item of items) {
        if (this.#closed !== null) return;
        if ('notice' in item) this.#handlers.take(item.notice);
        else if ('call' in item) void this.#answer(item.call, item.method, item.args);
        else this.#settle(item);
      }
    } finally {
      Atomics.add(this.#taken, 0, weight);
    }
  }

  async #answer(call: number, method: string, args: readonly unknown[]): Promise<void> {
    try {
      const answer = await this.#handlers.answer(method, args);
      if (this.#closed !== null) return;
      if (answer instanceof Given) this.#put({ done: call, value: answer.value }, answer.transfer);
      else this.#put({ done: call, value: answer }, []);
    } catch (error) {
      if (this.#closed === null) this.#put({ done: call, error: encodeError(error) }, []);
    }
  }

  #settle(item: { readonly done: number; readonly value?: unknown; readonly error?: WireError }): void {
    const waiting = this.#waiting.get(item.done);
    this.#waiting.delete(item.done);
    if (item.error === undefined) waiting?.resolve(item.value as never);
    else waiting?.reject(decodeError(item.error));
  }
}

/** For the two ends of one line. */
export const createCounters = (): SharedArrayBuffer => new SharedArrayBuffer(8);
