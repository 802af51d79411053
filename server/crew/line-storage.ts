/** A world's storage where the world is on a worker thread and the store on the main one: the store of a region is one. */
import type { Command, Durable, Write } from '../consensus/types.ts';
import { StorageError } from '../storage/errors.ts';
import type { Storage } from '../storage/types.ts';
import { Given } from './line.ts';
import {
  buffersOf,
  type PackedCommands,
  type PackedDurable,
  type PackedWrite,
  packCommands,
  packDurable,
  packWrite,
  unpackCommands,
  unpackDurable,
  unpackWrite,
} from './packed.ts';

type Extent = ReturnType<Storage['extent']>;
type Call = <T>(method: string, args: readonly unknown[], transfer?: readonly ArrayBuffer[]) => Promise<T>;

/** The worker's end. What storage says of itself (`extent`) is as of the last answer. */
export class LineStorage implements Storage {
  readonly #call: Call;
  #extent: Extent = { first: 0, last: 0, bytes: 0 };
  /** After any failure every call rejects, without asking. */
  #failure: Error | null = null;

  constructor(call: Call) {
    this.#call = call;
  }

  async open(): Promise<Durable> {
    const { durable, extent } = await this.#call<{ durable: PackedDurable; extent: Extent }>('open', []);
    this.#extent = extent;
    return unpackDurable(durable);
  }

  append(writes: readonly Write[]): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const packed = writes.map(packWrite);
    const buffers = packed.flatMap(({ votes, learned }) => buffersOf(votes, learned));
    return this.#call<Extent>('append', [packed], buffers).then(
      (extent) => {
        this.#extent = extent;
      },
      (error: Error) => {
        this.#failure ??= error;
        throw error;
      },
    );
  }

  async read(from: number, to: number, bytes: number): Promise<Command[]> {
    if (this.#failure !== null) throw this.#failure;
    return unpackCommands(await this.#call<PackedCommands>('read', [from, to, bytes]));
  }

  extent(): Extent {
    return this.#extent;
  }

  async close(): Promise<void> {
    this.#failure ??= new StorageError('closed', 'the storage of this world is closed');
    await this.#call('close', []);
  }
}

/** The main thread's end: carries out what a LineStorage asks for. */
export async function answerStorage(
  storage: Storage,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  switch (method) {
    case 'open': {
      const durable = packDurable(await storage.open());
      const buffers = buffersOf(durable.votes, durable.tail);
      return new Given({ durable, extent: storage.extent() }, buffers);
    }
    case 'append': {
      const [writes] = args as readonly [readonly PackedWrite[]];
      await storage.append(writes.map(unpackWrite));
      return storage.extent();
    }
    case 'read': {
      const [from, to, bytes] = args as readonly [number, number, number];
      const commands = packCommands(await storage.read(from, to, bytes));
      return new Given(commands, buffersOf(commands));
    }
    case 'close':
      return storage.close();
    default:
      throw new Error(`a storage has no method ${method}`);
  }
}
