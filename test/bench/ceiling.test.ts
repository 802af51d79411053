/** The plain system beside which we are measured: what it skips is said there; that three copies are on stable storage is not skipped. */
import { afterEach, expect, it } from 'vitest';
import { CeilingChannel } from './load/ceiling-channel.ts';
import { Ceiling } from './systems/ceiling.ts';
import { batches, COMMAND_BYTES, HEAD_BYTES } from './systems/ceiling-wire.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What was answered, and a way to wait for so many. */
async function client(ceiling: Ceiling) {
  const answered: number[] = [];
  let heard = () => {};
  const channel = await CeilingChannel.open(ceiling.endpoints[0]!, {
    answered: (_, sequence) => void answered.push(sequence),
    heard: () => heard(),
    closed: () => {},
  });
  ends.push(() => channel.close());
  const until = async (count: number) => {
    while (answered.length < count)
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
  };
  return { channel, answered, until };
}

it('answers each request once, in order, and none without a majority', { timeout: 30_000 }, async () => {
  const ceiling = await Ceiling.start();
  ends.push(() => ceiling.stop());
  const { channel, answered, until } = await client(ceiling);
  channel.send(0, 1, 64);
  await until(64);
  const [first, second] = ceiling.pids as [number, number];
  process.kill(first, 'SIGSTOP');
  for (let next = 65; next < 5_000; next += 64) channel.send(0, next, 64);
  await until(64 + 64 * 78);
  expect(answered).toEqual(Array.from({ length: 64 * 79 }, (_, i) => i + 1));

  process.kill(second, 'SIGSTOP');
  channel.send(0, 1, 1);
  const other = await client(ceiling);
  other.channel.send(0, 7, 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(answered.length).toBe(64 * 79);
  process.kill(second, 'SIGCONT');
  await Promise.all([until(64 * 79 + 1), other.until(1)]);
  expect(other.answered).toEqual([7]);
});

it('cuts batches out of a stream in pieces', () => {
  const stream = Buffer.alloc(3 * HEAD_BYTES + 3 * COMMAND_BYTES);
  const lengths = [0, 2, 1].map((count) => HEAD_BYTES + COMMAND_BYTES * count);
  stream.writeUInt32LE(2, HEAD_BYTES);
  stream.writeUInt32LE(1, 2 * HEAD_BYTES + 2 * COMMAND_BYTES);
  for (const step of [1, 7, 50, stream.length]) {
    const cutter = batches();
    const got: number[] = [];
    for (let at = 0; at < stream.length; at += step)
      cutter.push(stream.subarray(at, at + step), (_, __, length) => void got.push(length));
    expect(got).toEqual(lengths);
  }
});
