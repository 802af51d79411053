import { afterAll, describe, expect, it } from 'vitest';
import { answerStorage, LineStorage } from '../../server/crew/line-storage.ts';
import { createMemoryStorage, MemoryDisk } from '../../server/storage/memory.ts';
import type { Storage } from '../../server/storage/types.ts';
import { type Place, storageContract } from '../storage/contract.ts';
import { command, commands } from '../storage/model.ts';
import { closePorts, type Ends, ends } from './support.ts';

/** A storage as a worker has it: the one below answers at the other end of a line. */
function over(below: Storage): { readonly storage: LineStorage; readonly line: Ends<never, never> } {
  const line = ends<never, never>({}, { answer: (method, args) => answerStorage(below, method, args) });
  const storage = new LineStorage((method, args, transfer) => line.here.call(method, args, transfer));
  return { storage, line };
}

const placeOver = (place: Place): Place => ({
  make: (tailCommands, definition) => over(place.make(tailCommands, definition)).storage,
  remove: () => place.remove(),
});

afterAll(closePorts);

storageContract('memory, over a line', async () => {
  const disk = new MemoryDisk();
  return placeOver({
    make: (tailCommands, definition) =>
      createMemoryStorage({ disk, tailCommands, ...(definition === undefined ? {} : { definition }) }),
    remove: async () => {},
  });
});

describe('a storage over a line', () => {
  const code = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'fine',
      (error: { readonly code?: string }) => error.code,
    );

  it('[DISK3] rejects everything after a failure, and asks nobody any more', async () => {
    let fail = false;
    const below = createMemoryStorage({
      tailCommands: 4,
      hooks: {
        flush: () => {
          if (fail) throw new Error('the disk is gone');
        },
      },
    });
    const { storage, line } = over(below);
    await storage.open();
    await storage.append([{ write: 1, votes: { ballot: 4, commands: [command(1, 4, 0)] } }]);
    fail = true;
    const lost = [2, 3].map((write) => code(storage.append([{ write }])));
    expect(await Promise.all(lost)).toEqual(['io', 'io']);
    fail = false;
    const posted = line.posted.length;
    expect(await code(storage.append([{ write: 4 }]))).toBe('io');
    expect(await code(storage.read(1, 1, 1))).toBe('io');
    expect(line.posted).toHaveLength(posted);
    await storage.close();
    expect(await code(below.append([{ write: 5 }]))).not.toBe('fine');
  });

  it('is closed from the moment that it is told to', async () => {
    const below = createMemoryStorage({ tailCommands: 4 });
    const { storage, line } = over(below);
    await storage.open();
    const pending = storage.append([{ write: 1 }]);
    const closing = storage.close();
    expect(await Promise.all([code(pending), code(storage.append([{ write: 2 }]))])).toEqual([
      'fine',
      'closed',
    ]);
    await closing;
    expect(await code(storage.read(1, 1, 1))).toBe('closed');
    expect(await code(below.read(1, 1, 1))).toBe('closed');
    // A line that is gone takes its storage along.
    line.here.close(new Error('gone'));
    expect(await code(storage.append([{ write: 3 }]))).toBe('closed');
  });

  it('goes on after a read that cannot be meant', async () => {
    const { storage } = over(createMemoryStorage({ tailCommands: 4 }));
    await storage.open();
    expect(await code(storage.read(0, 1, 1))).toBe('bad-read');
    expect(await code(storage.append([{ write: 1 }]))).toBe('fine');
    await storage.close();
  });

  it('leaves what it is given to write where it is, and tells how far the log reaches', async () => {
    const { storage, line } = over(createMemoryStorage({ tailCommands: 4 }));
    await storage.open();
    const slab = new Uint8Array(800).fill(3);
    const all = commands(1, 50, 4, 0).map((one, i) => ({ ...one, bytes: slab.subarray(8 * i, 8 * i + 8) }));
    expect(storage.extent()).toMatchObject({ first: 1, last: 0 });
    const appended = storage.append([
      { write: 1, votes: { ballot: 4, commands: all }, issued: { upTo: 50, born: 4 } },
    ]);
    expect(line.here.underWay).toBeGreaterThan(0);
    expect([slab.length, all[49]?.bytes.length]).toEqual([800, 8]);
    await appended;
    expect(line.here.underWay).toBe(0);
    expect(storage.extent()).toMatchObject({ first: 1, last: 50 });
    expect(await storage.read(1, 50, 1 << 20)).toHaveLength(50);
    await storage.close();
  });

  it('knows its own methods only', async () => {
    await expect(answerStorage(createMemoryStorage({ tailCommands: 4 }), 'constructor', [])).rejects.toThrow(
      'no method constructor',
    );
  });
});
