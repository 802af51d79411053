/** When a flush goes out merged, and when as the commands it holds. */
import { describe, expect, it } from 'vitest';
import { WorldState } from '../../game-logic/state.ts';
import { merging } from '../../server/gateway/frames-merge.ts';
import type { AppliedBatch } from '../../server/world-service.ts';
import { Lab, type LabContext } from '../game-logic/lab.ts';

/** One command a batch, as a replica applied them. */
function applied(lab: Lab): { readonly state: WorldState; readonly batches: AppliedBatch[] } {
  const state = new WorldState(lab.definition);
  const batches = lab.commands.map((batch, index) => ({
    first: index + 1,
    last: index + 1,
    batch,
    changes: state.apply(batch).changes,
  }));
  return { state, batches };
}

function walked(times: number): Lab {
  const lab = new Lab();
  lab.run(({ world }: LabContext) => world.player.put({ id: 'ann' }));
  for (let x = 1; x <= times; x++)
    lab.run(({ world }: LabContext) => {
      world.player.get('ann')!.x = x;
    });
  return lab;
}

const NO_FAULT = (cause: unknown) => {
  throw cause;
};

describe('merging a flush', () => {
  it('makes one frame of many commands', () => {
    const { state, batches } = applied(walked(20));
    const frame = merging({ state }, 100_000, NO_FAULT)(1, batches);
    expect(frame?.length).toBeLessThan(batches.reduce((bytes, { batch }) => bytes + batch.length, 0) / 5);
  });

  it('leaves commands as they are where they are shorter than their frame', () => {
    const lab = new Lab();
    lab.run(({ world }: LabContext) => world.player.put({ id: 'ann' }));
    lab.run(({ world }: LabContext) => world.coin.put({ id: 1 }));
    const { state, batches } = applied(lab);
    const merge = merging({ state }, 100_000, NO_FAULT);
    const frame = merge(1, batches);
    const whole = batches.reduce((bytes, { batch }) => bytes + batch.length, 0);
    const short = batches.map((batch) => ({ ...batch, batch: batch.batch.subarray(0, 64) }));
    expect(frame === null || frame.length <= whole).toBe(true);
    expect(merge(1, short)).toBeNull();
  });

  it('[SEQ6] leaves them where the replica has moved on since, for its rows are later ones', () => {
    const { state, batches } = applied(walked(20));
    expect(merging({ state }, 100_000, NO_FAULT)(1, batches.slice(0, -1))).toBeNull();
  });

  it('[EDGE2] leaves them where the frame would be too long for an outbox', () => {
    const { state, batches } = applied(walked(20));
    expect(merging({ state }, 10, NO_FAULT)(1, batches)).toBeNull();
  });

  it('tells of changes that make no sense, and leaves the commands', () => {
    const { state, batches } = applied(walked(3));
    const faults: unknown[] = [];
    const holed = batches.filter(({ first }) => first !== 3);
    expect(merging({ state }, 100_000, (cause) => faults.push(cause))(1, holed)).toBeNull();
    expect(faults).toHaveLength(1);
  });
});
