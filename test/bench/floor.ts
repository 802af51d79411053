/**
 * The least that a lone synced action takes in this runtime on this machine, now: client to leader and back, leader to follower and back, and
 * one flush of the store in use. Nothing is run, encoded or agreed on.
 */
import { connect } from 'node:net';
import { ClassicLevel } from 'classic-level';
import { startHelper, temporaryFolder } from './processes.ts';
import { told } from './receivers.ts';
import { percentile } from './statistics.ts';

export interface Floor {
  /** Milliseconds, medians. */
  readonly roundTrip: number;
  readonly flush: number;
  /** Two round trips and a flush. */
  readonly lone: number;
}

/** What a WebSocket's act, a ballot, a vote and an answer are about. */
const MESSAGE_BYTES = 200;
const RECORD_BYTES = 400;
const TIMES = 1_000;
const WARM_UP = 200;

export async function measureFloor(): Promise<Floor> {
  const roundTrip = await roundTripMs();
  const flush = await flushMs();
  return { roundTrip, flush, lone: 2 * roundTrip + flush };
}

async function roundTripMs(): Promise<number> {
  const echo = startHelper('./lines/echo-main.ts');
  try {
    const { port } = (await told(echo, {})) as { port: number };
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const message = Buffer.alloc(MESSAGE_BYTES, 1);
    let got = 0;
    let whole = () => {};
    socket.on('data', (chunk) => {
      got += chunk.length;
      if (got >= MESSAGE_BYTES) whole();
    });
    const times = await timed(
      () =>
        new Promise<void>((resolve) => {
          got = 0;
          whole = resolve;
          socket.write(message);
        }),
    );
    socket.destroy();
    return percentile(times, 0.5);
  } finally {
    await echo.stop();
  }
}

async function flushMs(): Promise<number> {
  const folder = temporaryFolder('floor');
  const level = new ClassicLevel<Buffer, Buffer>(folder.path, {
    ...{ keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false },
  });
  try {
    await level.open();
    const record = Buffer.alloc(RECORD_BYTES, 1);
    let puts = 0;
    const times = await timed(() => {
      const key = Buffer.alloc(8);
      key.writeDoubleBE(++puts);
      return level.put(key, record, { sync: true });
    });
    return percentile(times, 0.5);
  } finally {
    await level.close();
    folder.remove();
  }
}

/** One after the other; the first do not count. */
async function timed(run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = -WARM_UP; i < TIMES; i++) {
    const from = performance.now();
    await run();
    if (i >= 0) times.push(performance.now() - from);
  }
  return times;
}
