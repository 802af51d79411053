import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Command, Durable, Write } from '../../server/consensus/types.ts';
import { RECORD_COMMANDS } from '../../server/limits.ts';
import type { Storage } from '../../server/storage/types.ts';
import { command, commands, Model, showCommands, showDurable } from './model.ts';
import { history } from './random-history.ts';

const TAIL = 5;

/** One store that survives its storage objects. */
export interface Place {
  /** A storage object that was not yet opened. */
  make(tailCommands: number, definition?: string): Storage;
  remove(): Promise<void>;
}

async function readAll(storage: Storage, bytes = 1 << 20): Promise<Command[]> {
  const all: Command[] = [];
  for (;;) {
    const some = await storage.read(all.length + 1, Number.MAX_SAFE_INTEGER, bytes);
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** What every Storage must do; run against level.ts and its in-memory twin. */
export function storageContract(name: string, place: () => Promise<Place>): void {
  describe(`storage contract: ${name}`, () => {
    let at: Place;
    let storage: Storage;
    let durable: Durable;
    let write: number;
    const model = () => new Model();

    async function open(): Promise<Durable> {
      storage = at.make(TAIL);
      durable = await storage.open();
      write = 0;
      return durable;
    }
    async function restart(): Promise<Durable> {
      await storage.close();
      return open();
    }
    const next = (parts: Omit<Write, 'write'>): Write => ({ write: ++write, ...parts });
    const put = (parts: Omit<Write, 'write'>): Promise<void> => storage.append([next(parts)]);

    beforeEach(async () => {
      at = await place();
      await open();
    });
    afterEach(async () => {
      await storage.close();
      await at.remove();
    });

    it('is empty when new', async () => {
      expect(durable).toEqual({ lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] });
      expect(storage.extent()).toMatchObject({ first: 1, last: 0 });
      expect(await storage.read(1, 10, 1000)).toEqual([]);
      expect(await restart()).toMatchObject({ upTo: 0, votes: [] });
    });

    it('keeps ballots', async () => {
      await put({ ballots: { lastTried: 3, nextBal: 3 } });
      await put({ ballots: { lastTried: 3, nextBal: 7 } });
      expect(await restart()).toMatchObject({ lastTried: 3, nextBal: 7 });
      await put({ ballots: { lastTried: 9, nextBal: 9 } });
      expect(await restart()).toMatchObject({ lastTried: 9, nextBal: 9 });
    });

    it('[SEQ5] keeps every vote of an open number, not only the latest (2.1, T14)', async () => {
      await put({ votes: { ballot: 4, commands: [command(1, 4, 0), command(2, 4, 4)] } });
      await put({ votes: { ballot: 7, commands: [command(2, 7, 5)] } });
      await put({ votes: { ballot: 8, commands: [command(2, 8, 6)] } });
      const { votes } = await restart();
      const seen = votes.map((vote) => `${vote.ballot}:${vote.command.number}/${vote.command.born}`);
      expect(seen.sort()).toEqual(['4:1/4', '4:2/4', '7:2/7', '8:2/8']);
    });

    it('keeps one vote a command, in its highest ballot, whatever the order', async () => {
      const one = command(1, 4, 0);
      await put({ votes: { ballot: 4, commands: [one] } });
      await put({ votes: { ballot: 10, commands: [one] } });
      await put({ votes: { ballot: 7, commands: [one] } });
      const { votes } = await restart();
      expect(votes.map((vote) => vote.ballot)).toEqual([10]);
    });

    it('tells votes of one number in one group apart', async () => {
      const both = [command(1, 4, 0), command(1, 5, 0)];
      await storage.append([
        next({ votes: { ballot: 4, commands: [both[0]!] } }),
        next({ votes: { ballot: 5, commands: [both[1]!] } }),
        next({ votes: { ballot: 6, commands: [both[0]!] } }),
      ]);
      const { votes } = await restart();
      expect(votes.map((vote) => `${vote.ballot}:${vote.command.born}`).sort()).toEqual(['5:5', '6:4']);
    });

    it('keeps votes above a hole, and forgets them only when they are issued', async () => {
      await put({ votes: { ballot: 4, commands: [command(1, 4, 0), ...commands(3, 5, 4, 4)] } });
      await put({ issued: { upTo: 1, born: 4 } });
      expect((await restart()).votes.map((vote) => vote.command.number).sort()).toEqual([3, 4, 5]);
      await put({ votes: { ballot: 7, commands: [command(2, 4, 4)] } });
      await put({ issued: { upTo: 4, born: 4 } });
      const { votes, upTo, tail } = await restart();
      expect([upTo, votes.map((vote) => vote.command.number)]).toEqual([4, [5]]);
      expect(showCommands(tail)).toEqual(showCommands(commands(1, 4, 4, 0)));
    });

    it('takes the chain of precedents for the log where several candidates lie', async () => {
      await put({ votes: { ballot: 3, commands: commands(1, 4, 3, 0) } });
      await put({ votes: { ballot: 4, commands: [command(2, 4, 3), command(3, 4, 4)] } });
      await put({ votes: { ballot: 5, commands: [command(3, 5, 4), command(4, 5, 5)] } });
      await put({ issued: { upTo: 4, born: 5 } });
      const log = [command(1, 3, 0), command(2, 4, 3), command(3, 5, 4), command(4, 5, 5)];
      expect(showCommands(await readAll(storage))).toEqual(showCommands(log));
      await restart();
      expect(showCommands(await readAll(storage))).toEqual(showCommands(log));
      expect(durable.votes).toEqual([]);
      expect(durable.born).toBe(5);
    });

    it('keeps learned commands as the log, never as votes', async () => {
      await put({ learned: commands(1, 3, 4, 0), issued: { upTo: 2, born: 4 } });
      await put({ votes: { ballot: 5, commands: [command(4, 5, 4)] } });
      const again = await restart();
      expect(again.upTo).toBe(2);
      expect(again.votes.map((vote) => vote.command.number)).toEqual([4]);
      await put({ learned: [command(3, 4, 4)], issued: { upTo: 4, born: 5 } });
      expect((await restart()).upTo).toBe(4);
    });

    it('makes one group of what arrives during a flush, in order', async () => {
      const done: number[] = [];
      const all: Promise<void>[] = [];
      for (let n = 1; n <= 50; n++) {
        const written = put({ votes: { ballot: 4, commands: [command(n, 4, n === 1 ? 0 : 4)] } });
        all.push(written.then(() => void done.push(n)));
        if (n % 7 === 0) await written;
      }
      await Promise.all(all);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(done).toHaveLength(50);
      expect((await restart()).votes).toHaveLength(50);
    });

    it('resolves an empty append after everything earlier', async () => {
      const order: string[] = [];
      const first = put({ ballots: { lastTried: 0, nextBal: 4 } }).then(() => void order.push('write'));
      const empty = storage.append([]).then(() => void order.push('empty'));
      await Promise.all([first, empty]);
      expect(order).toEqual(['write', 'empty']);
    });

    it('reads consecutive commands within the bytes asked for, at least one', async () => {
      await put({ votes: { ballot: 4, commands: commands(1, 100, 4, 0, 40) } });
      await put({ issued: { upTo: 90, born: 4 } });
      const numbers = async (from: number, to: number, bytes: number) =>
        (await storage.read(from, to, bytes)).map((found) => found.number);
      expect(await numbers(5, 8, 1000)).toEqual([5, 6, 7, 8]);
      expect(await numbers(5, 90, 120)).toEqual([5, 6, 7]);
      expect(await numbers(5, 90, 119)).toEqual([5, 6]);
      expect(await numbers(5, 90, 0)).toEqual([5]);
      expect(await numbers(88, 200, 1000)).toEqual([88, 89, 90]);
      expect(await numbers(91, 95, 1000)).toEqual([]);
      expect(await numbers(8, 7, 1000)).toEqual([]);
      for (const bad of [0, -1, 1.5, Number.NaN]) {
        await expect(storage.read(bad, 5, 10)).rejects.toMatchObject({ code: 'bad-read' });
      }
    });

    it('reads runs that are longer than a record, from any start', async () => {
      const count = RECORD_COMMANDS + 900;
      await put({ votes: { ballot: 4, commands: commands(1, count, 4, 0, 8) } });
      await put({ votes: { ballot: 7, commands: commands(500, 700, 4, 4, 8) } });
      await put({ votes: { ballot: 7, commands: commands(count + 1, count + 10, 7, 4, 8) } });
      await put({ issued: { upTo: count + 10, born: 7 } });
      const log = [...commands(1, count, 4, 0, 8), ...commands(count + 1, count + 10, 7, 4, 8)];
      expect(showCommands(await readAll(storage, 3000))).toEqual(showCommands(log));
      await restart();
      expect(showCommands(await readAll(storage))).toEqual(showCommands(log));
      for (const from of [499, 500, 701, RECORD_COMMANDS, RECORD_COMMANDS + 1, count + 1]) {
        const [found] = await storage.read(from, from, 8);
        expect(showCommands([found!])).toEqual(showCommands([log[from - 1]!]));
      }
    });

    it('does not show what is not durable yet', async () => {
      await put({ votes: { ballot: 4, commands: commands(1, 3, 4, 0) } });
      const pending = put({ issued: { upTo: 3, born: 4 } });
      expect(storage.extent().last).toBe(0);
      expect(await Promise.race([storage.read(1, 3, 1000), Promise.resolve('later')])).not.toHaveLength(3);
      await pending;
      expect(storage.extent().last).toBe(3);
    });

    it('ignores votes for issued numbers', async () => {
      await put({ votes: { ballot: 4, commands: commands(1, 3, 4, 0) }, issued: { upTo: 3, born: 4 } });
      await put({ votes: { ballot: 7, commands: [command(2, 7, 4), command(3, 7, 7), command(4, 7, 4)] } });
      expect((await restart()).votes.map((vote) => vote.command.number)).toEqual([4]);
      expect((await readAll(storage)).map((found) => found.born)).toEqual([4, 4, 4]);
    });

    it('stores the caller’s bytes as of the append, and hands out its own', async () => {
      const shared = new Uint8Array(64).fill(7);
      const put1 = (n: number) => ({
        number: n,
        born: 4,
        precedent: n === 1 ? 0 : 4,
        bytes: shared.subarray(n * 8, n * 8 + 8),
      });
      await put({
        votes: { ballot: 4, commands: [put1(1), put1(2), put1(5)] },
        issued: { upTo: 2, born: 4 },
      });
      shared.fill(9);
      expect((await storage.read(1, 1, 8))[0]?.bytes).toEqual(new Uint8Array(8).fill(7));
      const { votes } = await restart();
      expect(Uint8Array.from(votes[0]!.command.bytes)).toEqual(new Uint8Array(8).fill(7));
      expect((await storage.read(2, 2, 8)).map((found) => Uint8Array.from(found.bytes))).toEqual([
        new Uint8Array(8).fill(7),
      ]);
    });

    it('[DISK3] fails for good on a mark whose commands it does not hold', async () => {
      await put({ votes: { ballot: 4, commands: [command(1, 4, 0), command(3, 4, 4)] } });
      await expect(put({ issued: { upTo: 3, born: 4 } })).rejects.toMatchObject({
        code: 'broken-rule',
        message: expect.stringContaining('command 2 born in ballot 4'),
      });
      await expect(put({ ballots: { lastTried: 0, nextBal: 9 } })).rejects.toMatchObject({
        code: 'broken-rule',
      });
      await expect(storage.read(1, 1, 1)).rejects.toMatchObject({ code: 'broken-rule' });
      expect(await restart()).toMatchObject({ upTo: 0, nextBal: 0 });
    });

    const rules: [string, Omit<Write, 'write'>][] = [
      ['a chain that does not meet the log', { issued: { upTo: 3, born: 7 } }],
      ['a lower mark', { issued: { upTo: 1, born: 4 } }],
      ['another command at the mark', { issued: { upTo: 2, born: 7 } }],
      ['a lower promise', { ballots: { lastTried: 4, nextBal: 3 } }],
      ['a lower ballot begun', { ballots: { lastTried: 3, nextBal: 4 } }],
    ];
    it.each(rules)('refuses %s', async (_, parts) => {
      await put({
        ballots: { lastTried: 4, nextBal: 4 },
        votes: { ballot: 4, commands: commands(1, 2, 4, 0) },
      });
      await put({ issued: { upTo: 2, born: 4 }, votes: { ballot: 7, commands: [command(3, 7, 5)] } });
      await expect(put(parts)).rejects.toMatchObject({ code: 'broken-rule' });
      expect(await restart()).toMatchObject({ upTo: 2, born: 4, lastTried: 4, nextBal: 4 });
    });

    it('refuses writes out of order', async () => {
      await storage.append([{ write: 5 }]);
      await expect(storage.append([{ write: 5 }])).rejects.toMatchObject({ code: 'broken-rule' });
    });

    it('closes after what was appended, and rejects later calls', async () => {
      const pending = put({ votes: { ballot: 4, commands: [command(1, 4, 0)] } });
      const closing = storage.close();
      await expect(storage.append([{ write: 99 }])).rejects.toMatchObject({ code: 'closed' });
      await expect(storage.read(1, 1, 1)).rejects.toMatchObject({ code: 'closed' });
      await Promise.all([pending, closing, storage.close()]);
      await open();
      expect(durable.votes).toHaveLength(1);
    });

    it('answers a read that a close overtakes, or rejects it', async () => {
      await put({ votes: { ballot: 4, commands: commands(1, 50, 4, 0) }, issued: { upTo: 50, born: 4 } });
      const readings = [1, 10, 40].map((from) =>
        storage.read(from, 50, 1 << 20).then(
          (found) => found.length,
          (error: { readonly code: string }) => error.code,
        ),
      );
      await storage.close();
      const answers = await Promise.all(readings);
      answers.forEach((answer, i) => {
        expect([[50, 41, 11][i], 'closed']).toContain(answer);
      });
    });

    it('rejects calls before open, and a second open', async () => {
      const fresh = at.make(TAIL);
      await expect(fresh.append([{ write: 1 }])).rejects.toMatchObject({ code: 'closed' });
      await expect(fresh.read(1, 1, 1)).rejects.toMatchObject({ code: 'closed' });
      await fresh.close();
      await expect(storage.open()).rejects.toMatchObject({ code: 'closed' });
    });

    it('is held by one storage at a time', async () => {
      const second = at.make(TAIL);
      await expect(second.open()).rejects.toMatchObject({ code: 'store-in-use' });
      await second.close();
      await put({ ballots: { lastTried: 0, nextBal: 4 } });
      expect(await restart()).toMatchObject({ nextBal: 4 });
    });

    it('[DISK2] is refused as anything else than what it was begun as, with both and what to do', async () => {
      await put({ ballots: { lastTried: 0, nextBal: 4 } });
      await storage.close();
      const other = at.make(TAIL, 'race=2');
      await expect(other.open()).rejects.toMatchObject({
        code: 'other-definition',
        message: expect.stringMatching(
          /was begun as "(\w*)" and cannot go on as "race=2".*--worlds [a-zA-Z]+=\1 as before/,
        ),
      });
      await other.close();
      expect(await restart()).toMatchObject({ nextBal: 4 });
    });

    it('agrees with the naive model on random histories with restarts', async () => {
      await storage.close();
      await history.check(async (steps) => {
        const place2 = await place();
        const expected = model();
        let store = place2.make(TAIL);
        let count = 0;
        const pending: Promise<void>[] = [];
        try {
          await store.open();
          for (const step of steps) {
            if (step.kind === 'append') {
              expected.append(step.writes);
              pending.push(store.append(step.writes.map((each) => ({ ...each, write: ++count }))));
              if (step.wait) await Promise.all(pending.splice(0));
            } else {
              await Promise.all(pending.splice(0));
              if (step.kind === 'restart') {
                await store.close();
                store = place2.make(TAIL);
                count = 0;
                expect(showDurable(await store.open())).toEqual(showDurable(expected.durable(TAIL)));
              }
              const log = expected.log();
              expect(store.extent().last).toBe(log.length);
              expect(showCommands(await readAll(store, step.bytes))).toEqual(showCommands(log));
            }
          }
          await Promise.all(pending.splice(0));
        } finally {
          await store.close();
          await place2.remove();
        }
      });
    });
  });
}
