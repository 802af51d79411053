import { afterEach, describe, expect, it } from 'vitest';
import type { ToMain, ToWorker } from '../../server/crew/messages.ts';
import { RemoteWorld } from '../../server/crew/remote-world.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { CREW_QUEUE_BYTES } from '../../server/limits.ts';
import { OpenAsks } from '../../server/region/open-asks.ts';
import type { WorldStatus } from '../../server/world-service.ts';
import { closePorts, ends, until } from './support.ts';

function remote() {
  const taken: ToWorker[] = [];
  const line = ends<ToWorker, ToMain>({}, { take: (notice) => void taken.push(notice) });
  const asks = new OpenAsks();
  const answers: (readonly [tag: number, code: string])[] = [];
  const asker = {
    answered: (tag: number, error: ThroughlineError | null) =>
      void answers.push([tag, error === null ? 'fine' : `${error.code} ${error.kind}`]),
  };
  const statuses = async () => new Map([['a', { world: 'a' } as WorldStatus]]);
  const world = new RemoteWorld('a', line.here, asks, statuses);
  const args = Buffer.from('some arguments in a slab that is shared');
  const request = { session: 's', sequence: 1, action: 'move', args: args.subarray(5, 14) };
  return { ...line, taken, asks, answers, asker, world, args, request };
}

describe('a world on a worker, seen from the main thread', () => {
  afterEach(closePorts);

  it('gives an action on, and leaves its bytes with who asked', async () => {
    const { world, request, args, asker, asks, answers, taken } = remote();
    world.act(request, asker, 7);
    world.act(request, asker, 8);
    await until('both', () => taken.length === 2);
    expect(args.toString()).toBe('some arguments in a slab that is shared');
    const ids = taken.map((notice) => (notice.kind === 'act' ? notice.id : -1));
    expect(taken[0]).toEqual({
      ...{ kind: 'act', world: 'a', id: ids[0] },
      request: { session: 's', sequence: 1, action: 'move', args: new Uint8Array(request.args) },
    });
    for (const id of ids) asks.settle(id, null, { number: 1, result: '', duplicate: false });
    expect(answers).toEqual([
      [7, 'fine'],
      [8, 'fine'],
    ]);
  });

  it('[ANS4] answers for a worker that is gone', async () => {
    const { world, here, request, asker, asks, answers } = remote();
    world.act(request, asker, 1);
    const gone = new ThroughlineError('no-quorum', 'gone', { kind: 'unknown' });
    here.close(gone);
    asks.settleAll(gone);
    world.act(request, asker, 2);
    await until('both answers', () => answers.length === 2);
    expect(answers).toEqual([
      [1, 'no-quorum unknown'],
      [2, 'no-quorum unavailable'],
    ]);
    expect(asks.size).toBe(0);
    await expect(world.linearizable(100)).rejects.toBe(gone);
  });

  it('[EDGE2] takes no more than the worker may have before it', async () => {
    const { world, here, request, asker, asks, answers } = remote();
    here.tell({ kind: 'connected', world: 'a', session: 's' }, [new ArrayBuffer(CREW_QUEUE_BYTES + 1)]);
    world.act(request, asker, 1);
    await until('the answer', () => answers.length === 1);
    expect([answers, asks.size]).toEqual([[[1, 'overloaded unavailable']], 0]);
    await until('room again', () => here.underWay === 0);
    world.act(request, asker, 2);
    expect(asks.size).toBe(1);
  });

  it('tells its own status, and says which world nobody knows', async () => {
    const { world, here, asks } = remote();
    expect(await world.status()).toEqual({ world: 'a' });
    const other = new RemoteWorld('b', here, asks, async () => new Map());
    await expect(other.status()).rejects.toThrow("no worker knows of world 'b'");
  });
});
