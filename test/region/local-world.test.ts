/** One world of a single region in this process: turns, storage and the WorldService, without network. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { readId } from '../../schemas/support/envelope.ts';
import { ThroughlineError } from '../../server/errors.ts';
import type { PeerMessage } from '../../server/links/types.ts';
import { createLogger } from '../../server/log.ts';
import { consensusConfig } from '../../server/region/consensus-config.ts';
import { hits, parseFault } from '../../server/region/fault.ts';
import { LinkFaults } from '../../server/region/link-faults.ts';
import { LocalWorld } from '../../server/region/local-world.ts';
import { WorldRunner } from '../../server/region/world-runner.ts';
import { createMemoryStorage, MemoryDisk, type MemoryHooks } from '../../server/storage/memory.ts';
import type { ActAnswer, Asker } from '../../server/world-service.ts';

const regions = ['eu'];
const opened: { runner: WorldRunner; ticker: NodeJS.Timeout }[] = [];

afterEach(async () => {
  for (const { runner, ticker } of opened.splice(0)) {
    clearInterval(ticker);
    await runner.close().catch(() => {});
  }
});

async function open(
  disk = new MemoryDisk(),
  hooks: MemoryHooks = {},
  send: (to: number, message: PeerMessage) => void = () => {
    throw new Error('there is nobody to send to');
  },
) {
  const stopped: string[] = [];
  const runner = await WorldRunner.open({
    name: 'warehouse',
    definition: warehouse,
    regions,
    consensus: { ...consensusConfig({ regions, electionMs: 150 } as never, 0), weights: [1] },
    storage: createMemoryStorage({ disk, hooks, tailCommands: 100 }),
    send,
    turns: setImmediate,
    woken: () => {},
    stopped: (_world, reason) => stopped.push(reason),
    sessionIdleMs: 1e9,
    log: createLogger('eu', 'silent'),
  });
  const warnings: unknown[] = [];
  const world = new LocalWorld(runner, regions, (error) => warnings.push(error));
  const ticker = setInterval(() => {
    runner.take({ kind: 'tick' });
    world.expire(performance.now());
  }, 5);
  opened.push({ runner, ticker });
  return { runner, world, stopped, warnings, disk };
}

function act(world: LocalWorld, sequence: number, action = 'inbound', args: object = { to: 'A', amount: 1 }) {
  const bytes = warehouse.schema.actions[action as 'inbound'].encode(args);
  return new Promise<ActAnswer>((resolve, reject) => {
    const answered: Asker['answered'] = (tag, error, answer) => {
      if (error !== null) reject(error);
      else if (tag === 7) resolve(answer as ActAnswer);
    };
    world.act({ session: 's', sequence, action, args: bytes }, { answered }, 7);
  });
}

describe('a world in a process', () => {
  it('acts, tells what it applied in order, and answers after that', async () => {
    const { world } = await open();
    const told: number[] = [];
    world.subscribe(({ first, last, batch }) => {
      expect(batch.length).toBeGreaterThan(0);
      for (let number = first; number <= last; number++) told.push(number);
    });
    const answers = await Promise.all([1, 2, 3].map((sequence) => act(world, sequence)));
    expect(answers.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(told).toEqual([1, 2, 3]);
    expect(await act(world, 2)).toEqual({ number: 2, result: '{"A":2}', duplicate: true });
    await expect(act(world, 4, 'outbound', { from: 'B', amount: 1 })).rejects.toMatchObject({
      code: 'refused',
      gameCode: 'insufficient-goods',
    });
    expect(world.status()).toMatchObject({
      world: 'warehouse',
      role: 'leader',
      leader: 'eu',
      applied: 3,
      rows: 3,
    });
  });

  it('a listener that throws is reported and holds nobody up', async () => {
    const { world, warnings } = await open();
    const told: number[] = [];
    world.subscribe(() => {
      throw new Error('mine');
    });
    const leave = world.subscribe(({ last }) => told.push(last));
    await act(world, 1);
    leave();
    await act(world, 2);
    expect(told).toEqual([1]);
    expect(warnings).toHaveLength(2);
  });

  it('waits for numbers, and for everything acknowledged', async () => {
    const { world } = await open();
    const second = world.applied(2, 5_000);
    await expect(world.applied(9, 20)).rejects.toMatchObject({ code: 'no-quorum' });
    await act(world, 1);
    await act(world, 2);
    await second;
    await world.linearizable(1_000);
    expect(world.state.number).toBe(2);
  });

  it('reads commands from memory and from storage, and states of the past', async () => {
    const first = await open();
    for (let sequence = 1; sequence <= 20; sequence++) await act(first.world, sequence);
    await first.runner.flushed();
    await first.runner.close();
    clearInterval(opened[0]?.ticker);
    // After a restart the memory is empty: all of it comes from storage.
    const { world } = await open(first.disk);
    // The mark that the last one is issued may be lost with the process; the vote for it is not.
    expect(world.state.number).toBeGreaterThanOrEqual(19);
    await world.applied(20, 5_000);
    expect(await world.read(1, 5, 1 << 20)).toHaveLength(5);
    const read: Uint8Array[] = [];
    while (read.length < 20) read.push(...(await world.read(read.length + 1, 99, 300)));
    expect(read.map((bytes) => readId(bytes).number)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(await world.read(21, 99, 1 << 20)).toEqual([]);
    expect((await world.stateAt(7)).table('warehouse')?.get('A')).toEqual({ id: 'A', amount: 7 });
    await expect(world.stateAt(21)).rejects.toMatchObject({ code: 'not-found' });
    await expect(world.stateAt(1.5)).rejects.toMatchObject({ code: 'bad-request' });
    await expect(world.read(0, 5, 100)).rejects.toMatchObject({ code: 'bad-request' });
    expect(await act(world, 20)).toMatchObject({ number: 20, duplicate: true });
    expect(await act(world, 21)).toMatchObject({ number: 21, duplicate: false });
  });

  it('R13: parts of the log are read for a peer in the order they were asked for, several messages each', async () => {
    const first = await open();
    const id = 'W'.repeat(4_000);
    await act(first.world, 1, 'open', { id });
    for (let sequence = 2; sequence <= 400; sequence++)
      await act(first.world, sequence, 'inbound', { to: id, amount: 1 });
    await first.runner.flushed();
    await first.runner.close();
    clearInterval(opened[0]?.ticker);
    const sent: number[][] = [];
    const { runner } = await open(first.disk, {}, (to, message) => {
      if (to === 1 && message.kind === 'issued') sent.push(message.commands.map(({ number }) => number));
    });
    // Memory holds the last hundred.
    for (const from of [1, 151])
      runner.take({ kind: 'peer', from: 1, message: { kind: 'catch-up', from, max: 150 } });
    await vi.waitFor(() => expect(sent.flat()).toHaveLength(300), 5_000);
    expect(sent.flat()).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
    expect(sent.length).toBeGreaterThan(2);
    expect(sent.filter(([number]) => number === 1 || number === 151)).toHaveLength(2);
  });

  it('[DISK3] a disk that fails stops the world: what is open is unknown, what comes is refused', async () => {
    let broken = false;
    const { world, stopped, disk } = await open(new MemoryDisk(), {
      flush: () => {
        if (broken) throw new Error('no room left');
      },
    });
    await act(world, 1);
    broken = true;
    await expect(act(world, 2)).rejects.toMatchObject({ code: 'no-quorum', kind: 'unknown' });
    expect(stopped).toEqual([expect.stringContaining('no room left')]);
    await expect(act(world, 3)).rejects.toBeInstanceOf(ThroughlineError);
    await expect(world.applied(9, 1_000)).rejects.toMatchObject({ code: 'no-quorum' });
    await expect(world.linearizable(1_000)).rejects.toMatchObject({ code: 'no-quorum' });
    expect(disk.log.length).toBeLessThanOrEqual(1);
  });

  it('a slow disk is waited for: nothing is answered before it is written', async () => {
    let release = () => {};
    let held = Promise.resolve();
    const { world, runner } = await open(new MemoryDisk(), { flush: () => held });
    await act(world, 1);
    held = new Promise((resolve) => {
      release = resolve;
    });
    let answered = false;
    const waiting = act(world, 2).then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([answered, runner.status().applied]).toEqual([false, 1]);
    release();
    await waiting;
    expect(runner.status().applied).toBe(2);
  });

  it('handing over to nobody known is not found', async () => {
    const { world } = await open();
    await expect(world.handOver('mars')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('faults on purpose', () => {
  it('a process cuts and delays its own links only', async () => {
    const calls: unknown[] = [];
    const faults = new LinkFaults('eu', ['eu', 'us', 'ap'], {
      cut: (devices) => calls.push(devices),
      delay: (device, ms) => calls.push([device, ms]),
    });
    await faults.cut('us', 'eu');
    await faults.cut('eu', 'ap');
    await faults.delay('eu', 'us', 40);
    await faults.heal();
    expect(calls).toEqual([[1], [1, 2], [1, 40], null, [1, 0]]);
    await expect(faults.cut('us', 'ap')).rejects.toMatchObject({ code: 'not-found' });
    await expect(faults.cut('eu', 'eu')).rejects.toMatchObject({ code: 'not-found' });
    await expect(faults.kill('us')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('a kill is told by its message, number and world, or not understood', () => {
    const fault = parseFault('kill-after-send:begin-ballot:number=2:world=warehouse');
    const command = { number: 2, born: 3, precedent: 3, bytes: new Uint8Array(8) };
    const message = { kind: 'begin-ballot', ballot: 3, commands: [command] } as const;
    expect(hits(fault, 'warehouse', message)).toBe(true);
    expect(hits(fault, 'arena', message)).toBe(false);
    expect(hits(fault, 'warehouse', { ...message, commands: [{ ...command, number: 3 }] })).toBe(false);
    expect(hits(fault, 'warehouse', { kind: 'issued', upTo: 2, commands: [command] })).toBe(false);
    expect(() => parseFault('kill-me')).toThrow('not understood');
  });
});
