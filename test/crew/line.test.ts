import { afterEach, describe, expect, it } from 'vitest';
import { Given } from '../../server/crew/line.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { StorageError } from '../../server/storage/errors.ts';
import { closePorts, ends, until } from './support.ts';

const bytes = (length: number) => new Uint8Array(length);
const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );

describe('a line between two threads', () => {
  afterEach(closePorts);

  it('brings notices and calls of one turn together, in order', async () => {
    const seen: string[] = [];
    const { here, posted } = ends<string, never>(
      {},
      {
        take: (notice) => void seen.push(notice),
        answer: (method, args) => {
          seen.push(`${method} ${args.join()}`);
          return seen.length;
        },
      },
    );
    here.tell('a');
    const first = here.call('x', [1, 2]);
    here.tell('b');
    here.tell('c', [bytes(8).buffer]);
    const second = here.call('y', []);
    expect(posted).toEqual([]);
    expect(await Promise.all([first, second])).toEqual([2, 5]);
    expect(seen).toEqual(['a', 'x 1,2', 'b', 'c', 'y ']);
    expect(posted).toHaveLength(1);
    here.tell('d');
    await until('the next turn', () => seen.length === 6);
    expect(posted).toHaveLength(2);
  });

  it('brings an answer after what was told before it', async () => {
    const seen: string[] = [];
    const { here, there } = ends<never, string>(
      { take: (notice) => void seen.push(notice) },
      {
        answer: async () => {
          there.tell('before');
          await Promise.resolve();
          return 'answer';
        },
      },
    );
    await here.call<string>('x', []).then((answer) => seen.push(answer));
    expect(seen).toEqual(['before', 'answer']);
  });

  it('answers calls in whichever order they are done', async () => {
    const waiting = new Map<unknown, (value: unknown) => void>();
    const { here } = ends<never, never>(
      {},
      { answer: (_, [name]) => new Promise((resolve) => waiting.set(name, resolve)) },
    );
    const done: string[] = [];
    const calls = ['a', 'b', 'c'].map((name) =>
      here.call<string>('wait', [name]).then((answer) => done.push(answer)),
    );
    await until('all calls', () => waiting.size === 3);
    for (const name of ['c', 'a', 'b']) waiting.get(name)?.(`${name}!`);
    await Promise.all(calls);
    expect(done).toEqual(['c!', 'a!', 'b!']);
  });

  describe('errors', () => {
    const thrown = async (error: unknown, how: 'throws' | 'rejects') => {
      const { here } = ends<never, never>(
        {},
        {
          answer: () => {
            if (how === 'throws') throw error;
            return Promise.reject(error);
          },
        },
      );
      return (await caught(here.call('x', []))) as Error;
    };

    it.each(['throws', 'rejects'] as const)(
      '[EDGE3] keep class, code and details where one %s',
      async (how) => {
        const all = [
          new ThroughlineError('compacted', 'gone', { first: 7 }),
          new ThroughlineError('refused', 'no', { gameCode: 'out-of-reach' }),
          new ThroughlineError('overloaded', 'later', { retryAfterMs: 250 }),
          new ThroughlineError('no-quorum', 'who knows', { kind: 'unknown' }),
          new ThroughlineError('no-quorum', 'surely not'),
          new ThroughlineError('internal', ''),
        ];
        for (const error of all) {
          const { code, kind, gameCode, first, retryAfterMs, message } = error;
          const found = (await thrown(error, how)) as ThroughlineError;
          expect(found).not.toBe(error);
          expect(found).toBeInstanceOf(ThroughlineError);
          expect({ ...found, message: found.message }).toEqual({
            ...{ code, kind, gameCode, first, retryAfterMs, message },
            name: 'ThroughlineError',
          });
        }
        const stored = await thrown(new StorageError('disk-full', 'make room', new Error('ENOSPC')), how);
        expect(stored).toBeInstanceOf(StorageError);
        expect(stored).toMatchObject({ code: 'disk-full', message: 'make room', name: 'StorageError' });
        const plain = new RangeError('far');
        const found = await thrown(plain, how);
        expect([found instanceof Error, found.message, found.stack]).toEqual([true, 'far', plain.stack]);
        expect(await thrown('only words', how)).toMatchObject({ message: 'only words' });
        expect(await thrown(null, how)).toMatchObject({ message: 'null' });
      },
    );
  });

  it('[ANS4] close rejects what waits and what comes later, and sends nothing more', async () => {
    let calls = 0;
    const told: string[] = [];
    const { here, posted } = ends<string, never>(
      {},
      {
        take: (notice) => void told.push(notice),
        answer: () => {
          calls++;
          return new Promise(() => {});
        },
      },
    );
    const waiting = [caught(here.call('x', [])), caught(here.call('y', []))];
    await until('both calls', () => calls === 2);
    here.tell('not yet on its way');
    const reason = new ThroughlineError('no-quorum', 'gone', { kind: 'unknown' });
    expect(here.closed).toBe(false);
    here.close(reason);
    here.close(new Error('a second one'));
    expect(here.closed).toBe(true);
    expect(await Promise.all(waiting)).toEqual([reason, reason]);
    expect(await caught(here.call('z', []))).toBe(reason);
    here.tell('nobody hears this');
    await new Promise((resolve) => setImmediate(resolve));
    expect([posted.length, calls, told]).toEqual([1, 2, []]);
  });

  it('hands out nothing that comes after its close', async () => {
    const taken: string[] = [];
    let answered = 0;
    const { here, there } = ends<string, string>(
      { take: (notice) => void taken.push(notice), answer: () => void answered++ },
      {},
    );
    there.tell('heard');
    await until('the first', () => taken.length === 1);
    there.tell('not heard', [bytes(5_000).buffer]);
    void caught(there.call('nor answered', []));
    here.close(new Error('gone'));
    // It was looked at all the same: what is under way falls.
    await until('taken', () => there.underWay === 0);
    expect([taken, answered]).toEqual([['heard'], 0]);
  });

  it('[EDGE2] counts transferred bytes on their way, until the other end has dealt with them', async () => {
    let during = -1;
    const { here, there } = ends<Uint8Array, Uint8Array>(
      {},
      {
        take: () => {
          during = here.underWay;
        },
      },
    );
    expect(here.underWay).toBe(0);
    for (const length of [1, 1_024, 1_025, 1 << 20]) {
      const one = bytes(length);
      here.tell(one, [one.buffer]);
    }
    const expected = 1_024 * (1 + 1 + 2 + 1_024);
    expect([here.underWay, there.underWay]).toEqual([expected, 0]);
    await until('taken', () => during !== -1);
    expect(during).toBe(expected);
    await until('dealt with', () => here.underWay === 0);
    const back = bytes(4_096);
    there.tell(back, [back.buffer]);
    expect([here.underWay, there.underWay]).toEqual([0, 4_096]);
    await until('the way back', () => there.underWay === 0);
  });

  it('goes on counting when the host at the other end fails at a notice', async () => {
    const faults: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => faults.push(error));
    try {
      const { here } = ends<number, never>(
        {},
        {
          take: () => {
            throw new Error('a bug of the host');
          },
        },
      );
      here.tell(1, [bytes(2_048).buffer]);
      expect(here.underWay).toBe(2_048);
      await until('thrown on', () => faults.length === 1);
      expect(here.underWay).toBe(0);
    } finally {
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });

  it('moves the buffers of what is given, and copies others', async () => {
    const moved = bytes(3_000).fill(7);
    const kept = bytes(3_000).fill(9);
    const { here, there } = ends<never, never>(
      {},
      { answer: (method) => (method === 'moved' ? new Given({ moved }, [moved.buffer]) : { kept }) },
    );
    const first = await here.call<{ readonly moved: Uint8Array }>('moved', []);
    expect(first.moved).toEqual(new Uint8Array(3_000).fill(7));
    expect([moved.length, moved.buffer.byteLength]).toEqual([0, 0]);
    const second = await here.call<{ readonly kept: Uint8Array }>('kept', []);
    expect(second.kept).toEqual(kept);
    expect(kept).toHaveLength(3_000);
    await until('counted back', () => there.underWay === 0);
  });

  it('moves the buffers of a call, too', async () => {
    const { here } = ends<never, never>({}, { answer: (_, [one]) => (one as Uint8Array).length });
    const one = bytes(77);
    const call = here.call('length', [one], [one.buffer]);
    expect(here.underWay).toBe(1_024);
    expect(await call).toBe(77);
    expect([one.length, here.underWay]).toEqual([0, 0]);
  });
});
