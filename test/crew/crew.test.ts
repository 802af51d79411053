/** A crew whose threads are none: each is the other end of a channel. */
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { Crew, type Thread } from '../../server/crew/crew.ts';
import { Line, type Port } from '../../server/crew/line.ts';
import type { ToMain, ToWorker, WorkerStart } from '../../server/crew/messages.ts';
import { createMemoryStorage } from '../../server/storage/memory.ts';
import { until } from './support.ts';

const ports: MessagePort[] = [];
const crews: Crew[] = [];
/** What a crew would do at the end of this process. */
const ending = () => process.listeners('exit').filter(({ name }) => name === 'endNow');
afterEach(async () => {
  await Promise.all(crews.splice(0).map((crew) => crew.close()));
  for (const listener of ending()) process.off('exit', listener);
  for (const port of ports.splice(0)) port.close();
});

class FakeThread extends EventEmitter {
  readonly #port: MessagePort;
  readonly performance = { eventLoopUtilization: () => ({ utilization: 0, idle: 0, active: 0 }) };
  /** Answers nothing from now on. */
  still = false;
  asked: string[] = [];
  ended = false;

  constructor({ counters }: WorkerStart) {
    super();
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    this.#port = port1;
    port1.on('message', (value) => this.emit('message', value));
    new Line<ToMain, ToWorker>(port2 as unknown as Port, counters, 1, {
      take: () => {},
      answer: (method) => {
        this.asked.push(method);
        return this.still ? new Promise(() => {}) : [];
      },
    });
  }

  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void {
    this.#port.postMessage(value, transfer as ArrayBuffer[]);
  }

  async terminate(): Promise<number> {
    this.ended = true;
    return 1;
  }
}

async function start(stillLooks: number) {
  const { config } = readServeOptions(
    [
      ...['--region', 'eu', '--peers', 'eu=127.0.0.1:1', '--data', 'nowhere', '--workers', '2'],
      ...['--worlds', 'a=warehouse,b=warehouse', '--listen', '127.0.0.1:0'],
    ],
    {},
  );
  const threads: FakeThread[] = [];
  const failures: string[] = [];
  const crew = await Crew.start({
    ...{ config, log: pino({ level: 'silent' }) as never, roundTrip: () => 0 },
    storage: () => createMemoryStorage({ tailCommands: 10 }),
    ...{
      send: () => {},
      reject: () => {},
      stopped: () => {},
      failed: (reason) => void failures.push(reason),
    },
    hire: (given) => {
      const thread = new FakeThread(given);
      threads.push(thread);
      return thread as unknown as Thread;
    },
    ...{ wayMs: 2, stillLooks },
  });
  crews.push(crew);
  crew.begin();
  return { crew, threads, failures };
}

describe('a worker that stands still', () => {
  it('[ANS4] is given up, with everything that waits for it, and the process is told to leave', async () => {
    const { crew, threads, failures } = await start(5);
    const [first, second] = threads as [FakeThread, FakeThread];
    await until('many looks', () => second.asked.filter((method) => method === 'here').length > 10);
    expect(failures).toEqual([]);
    second.still = true;
    const waiting = [crew.service('b')!.linearizable(1), crew.service('b')!.status()].map((promise) =>
      promise.then(
        () => 'fine',
        (error: { code: string; kind: string }) => `${error.code} ${error.kind}`,
      ),
    );
    expect(await Promise.all(waiting)).toEqual(['no-quorum unknown', 'no-quorum unknown']);
    expect(failures).toEqual(['worker 2: stands still']);
    // Nor is it waited for when the process leaves; and it is not cut off with its sockets open.
    await crew.handOverAll('us');
    await crew.closeDoor();
    await crew.drain();
    await crew.close();
    expect([first.ended, second.ended]).toEqual([true, false]);
    expect(first.asked.filter((method) => method !== 'here')).toEqual([
      ...['open', 'hand-over-all', 'close-door', 'drain', 'close'],
    ]);
    expect(failures).toHaveLength(1);
    expect(ending()).toHaveLength(1);
  });

  it('is minded at the end of the process only where it is left', async () => {
    const { crew, threads } = await start(1_000);
    expect(ending()).toEqual([]);
    await crew.closeDoor();
    // Should it take too long from here on.
    expect(ending()).toHaveLength(1);
    await crew.close();
    expect([ending(), threads.map(({ ended }) => ended)]).toEqual([[], [true, true]]);
  });

  it('is asked one thing at a time', async () => {
    const { threads } = await start(1_000);
    const [first, second] = threads as [FakeThread, FakeThread];
    first.still = true;
    const asked = first.asked.length;
    const looks = second.asked.length;
    await until('many looks', () => second.asked.length > looks + 20);
    expect(first.asked.length).toBeLessThanOrEqual(asked + 1);
    first.still = false;
  });
});
