import { describe, expect, it } from 'vitest';
import type { Write } from '../../server/consensus/types.ts';
import { createMemoryStorage, MemoryDisk } from '../../server/storage/memory.ts';
import { storageContract } from './contract.ts';
import { command } from './model.ts';

storageContract('memory', async () => {
  const disk = new MemoryDisk();
  return {
    make: (tailCommands, definition) =>
      createMemoryStorage({ disk, tailCommands, ...(definition === undefined ? {} : { definition }) }),
    remove: async () => {},
  };
});

function gate(): { readonly open: () => void; readonly promise: Promise<void> } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, promise };
}

const vote = (write: number): Write => ({
  write,
  votes: { ballot: 4, commands: [command(write, 4, write === 1 ? 0 : 4)] },
});

describe('memory storage hooks', () => {
  it('loses what was not durable when the process dies, and nothing else', async () => {
    const disk = new MemoryDisk();
    const held = gate();
    const groups: number[][] = [];
    const storage = createMemoryStorage({
      disk,
      tailCommands: 4,
      hooks: {
        flush: (writes) => {
          groups.push(writes.map((write) => write.write));
          return groups.length === 1 ? undefined : held.promise;
        },
      },
    });
    await storage.open();
    await storage.append([vote(1)]);
    const lost = [storage.append([vote(2)])];
    await Promise.resolve();
    lost.push(storage.append([vote(3)]), storage.append([vote(4)]));
    storage.crash();
    for (const each of lost) await expect(each).rejects.toMatchObject({ code: 'closed' });
    held.open();
    await held.promise;
    const { votes } = await createMemoryStorage({ disk, tailCommands: 4 }).open();
    expect(votes.map((each) => each.command.number)).toEqual([1]);
    expect(groups).toEqual([[1], [2]]);
  });

  it('gathers what arrives during a flush into one group', async () => {
    const held = gate();
    const groups: number[][] = [];
    const storage = createMemoryStorage({
      tailCommands: 4,
      hooks: {
        flush: (writes) => {
          groups.push(writes.map((write) => write.write));
          return held.promise;
        },
      },
    });
    await storage.open();
    const all = [storage.append([vote(1)]), storage.append([vote(2)])];
    await Promise.resolve();
    all.push(storage.append([vote(3)]), storage.append([vote(4)]));
    held.open();
    await Promise.all(all);
    expect(groups).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('stays failed after a failed flush', async () => {
    let fail = false;
    const storage = createMemoryStorage({
      tailCommands: 4,
      hooks: {
        flush: () => {
          if (fail) throw new Error('the disk is gone');
        },
      },
    });
    await storage.open();
    await storage.append([vote(1)]);
    fail = true;
    await expect(storage.append([vote(2)])).rejects.toMatchObject({ code: 'io' });
    fail = false;
    await expect(storage.append([vote(3)])).rejects.toMatchObject({ code: 'io' });
    expect(storage.disk.candidates.size).toBe(1);
    await storage.close();
  });
});
