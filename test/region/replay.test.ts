import { describe, expect, it, vi } from 'vitest';
import { defineWorld } from '../../game-logic/define-world.ts';
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import type { Command, Durable } from '../../server/consensus/types.ts';
import { createLogger } from '../../server/log.ts';
import { consensusConfig } from '../../server/region/consensus-config.ts';
import { WorldRunner } from '../../server/region/world-runner.ts';
import { StorageError } from '../../server/storage/errors.ts';
import type { Storage } from '../../server/storage/types.ts';

const regions = ['eu'];
const environment = { now: 1_000, random: () => 0.5, log: () => {} };

/** A log in which goods came in, one command each. */
function log(count: number): Command[] {
  const leader = new LeaderState(new WorldState(warehouse));
  return Array.from({ length: count }, (_, index) => {
    const args = warehouse.schema.actions['inbound']?.encode({ to: 'A', amount: 1 }) ?? new Uint8Array(0);
    const call = {
      kind: 'action',
      session: 's',
      sequence: index + 1,
      action: 'inbound',
      args,
      origin: { region: 0, request: index + 1 },
    } as const;
    const executed = leader.execute(call, 1, environment);
    if (executed.kind !== 'command') throw new Error(executed.kind);
    return { number: index + 1, born: 1, precedent: index === 0 ? 0 : 1, bytes: executed.bytes };
  });
}

/** A store in which a log is held; `upTo`: as far as it says it goes; `tail`: so many are handed out when it is opened. */
function holding(commands: readonly Command[], upTo = commands.length, tail = 0): Storage {
  const last = tail === 0 ? [] : commands.slice(-tail);
  const durable: Durable = { lastTried: 1, nextBal: 1, upTo, born: 1, votes: [], tail: last };
  return {
    open: async () => durable,
    append: async () => {},
    read: async (from, to) => commands.slice(from - 1, Math.min(to, from + 1)),
    extent: () => ({ first: 1, last: upTo, bytes: 0 }),
    close: async () => {},
  };
}

const open = (definition: WorldDefinition, storage: Storage) =>
  WorldRunner.open({
    name: 'stock',
    definition,
    regions,
    consensus: { ...consensusConfig({ regions, electionMs: 150 } as never, 0), weights: [1] },
    storage,
    send: () => {},
    turns: setImmediate,
    woken: () => {},
    stopped: () => {},
    sessionIdleMs: 1e9,
    log: createLogger('eu', 'silent'),
  });

const refusal = (opened: Promise<unknown>) =>
  opened.then(
    () => new Error('it was opened'),
    (error: unknown) => error as Error,
  );

describe('the log of a world', () => {
  it('is replayed by the definition that wrote it', async () => {
    const runner = await open(warehouse, holding(log(5)));
    expect(runner.state.number).toBe(5);
  });

  it.each([1, 3, 5])('is read once: the last %d commands came when the store was opened', async (tail) => {
    const storage = holding(log(5), 5, tail);
    const read = vi.spyOn(storage, 'read');
    const runner = await open(warehouse, storage);
    expect(runner.state.number).toBe(5);
    expect(read.mock.calls.every(([, to]) => to === 5 - tail)).toBe(true);
    expect(read.mock.calls.length > 0).toBe(tail < 5);
  });

  it('[DISK2] is refused by another definition, with words that say whose it is and what to do', async () => {
    const error = await refusal(open(arena, holding(log(5))));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: 'other-definition' });
    expect(error.message).toMatch(
      /^world "stock": command 1 of the 5 in its log does not fit the definition "arena" \(/,
    );
    expect(error.message).toContain('Start this region with the definition');
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('[DISK2] is refused by a changed definition of the same name', async () => {
    const changed = defineWorld(warehouseSchema, {
      initial: { warehouse: [{ id: 'A', amount: 7 }] },
      actions: { open: () => {}, inbound: () => {}, outbound: () => {}, transfer: () => {} },
    });
    const error = await refusal(open(changed, holding(log(5))));
    expect(error).toMatchObject({ code: 'other-definition' });
    expect(error.message).toContain('does not fit the definition "warehouse"');
  });

  it('[DISK2] is refused where a command is missing, with its number', async () => {
    const error = await refusal(open(warehouse, holding(log(3), 5)));
    expect(error).toMatchObject({ code: 'corrupt' });
    expect(error.message).toMatch(/^world "stock": command 4 of the 5 in its log is missing\. /);
  });
});
