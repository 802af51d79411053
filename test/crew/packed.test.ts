import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command, Durable, Write } from '../../server/consensus/types.ts';
import {
  buffersOf,
  ownCopy,
  packCommands,
  packDurable,
  packWrite,
  unpackCommands,
  unpackDurable,
  unpackWrite,
} from '../../server/crew/packed.ts';

const RUNS = { numRuns: 60 };
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
/** Some have bytes of their own, some are views into one slab with much else in it. */
const SLAB = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .tuple(fc.nat({ max: 90_000 }), fc.nat({ max: 300 }))
    .map(([at, length]) => SLAB.subarray(at, at + length)),
  fc.uint8Array({ maxLength: 20 }).map((own) => Buffer.from(own)),
);
const command: fc.Arbitrary<Command> = fc.record({ number: whole, born: whole, precedent: whole, bytes });
const commands = fc.array(command, { maxLength: 12 });
const write: fc.Arbitrary<Write> = fc.record(
  {
    write: whole,
    ballots: fc.record({ lastTried: whole, nextBal: whole }),
    votes: fc.record({ ballot: whole, commands }),
    learned: commands,
    issued: fc.record({ upTo: whole, born: whole }),
  },
  { requiredKeys: ['write'] },
);
const durable: fc.Arbitrary<Durable> = fc.record({
  ...{ lastTried: whole, nextBal: whole, upTo: whole, born: whole },
  votes: fc.array(fc.record({ ballot: whole, command }), { maxLength: 12 }),
  tail: commands,
});

/** What arrives at the other thread. */
const sent = <T>(value: T, transfer: ArrayBuffer[]): T => structuredClone(value, { transfer });

/** Bytes as plain arrays, so that a Buffer and a part of another buffer compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe('what is packed for the line', () => {
  it('commands come as they were', () => {
    fc.assert(
      fc.property(commands, (given) => {
        const before = plain(given);
        const packed = packCommands(given);
        const found = unpackCommands(sent(packed, buffersOf(packed)));
        expect(plain(found)).toEqual(before);
        expect(plain(given)).toEqual(before);
      }),
      RUNS,
    );
  });

  it('writes come as they were, with the parts that they have', () => {
    fc.assert(
      fc.property(write, (given) => {
        const before = plain(given);
        const packed = packWrite(given);
        const found = unpackWrite(sent(packed, buffersOf(packed.votes, packed.learned)));
        expect(Object.keys(found).sort()).toEqual(Object.keys(given).sort());
        expect(plain(found)).toEqual(before);
        expect(plain(given)).toEqual(before);
      }),
      RUNS,
    );
  });

  it('what a storage held comes as it was', () => {
    fc.assert(
      fc.property(durable, (given) => {
        const packed = packDurable(given);
        expect(plain(unpackDurable(sent(packed, buffersOf(packed.votes, packed.tail))))).toEqual(
          plain(given),
        );
      }),
      RUNS,
    );
  });

  it('takes the bytes of commands only, not what they are part of', () => {
    const one = { number: 1, born: 2, precedent: 3, bytes: SLAB.subarray(500, 508) };
    const { heads, bytes: packed } = packCommands([one, { ...one, number: 2 }]);
    expect([packed.length, packed.buffer.byteLength, heads.buffer.byteLength]).toEqual([16, 16, 64]);
    expect(packed.buffer).not.toBe(SLAB.buffer);
    const transferred = buffersOf({ heads, bytes: packed });
    expect(transferred).not.toContain(SLAB.buffer);
    sent({}, transferred);
    expect([SLAB.length, SLAB[501]]).toEqual([100_000, (501 * 7) % 256]);
  });
});

describe('a copy that may move', () => {
  it('is the parts end to end, in memory of its own', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), (parts) => {
        const copy = ownCopy(parts);
        expect([...copy]).toEqual(parts.flatMap((part) => [...part]));
        expect([copy.byteOffset, copy.buffer.byteLength]).toEqual([0, copy.length]);
        for (const part of parts) expect(copy.buffer).not.toBe(part.buffer);
      }),
      RUNS,
    );
  });

  // `slice` of a Buffer is a view: what came in a Buffer went to one peer, and the second stopped the worker.
  it('can go to one peer after another, also what is in a Buffer', () => {
    const { port1, port2 } = new MessageChannel();
    const message = Buffer.concat([new Uint8Array(3_000).fill(1), new Uint8Array(5_000).fill(2)]);
    const copies = [1, 2].map(() => ownCopy([message]));
    port1.postMessage(
      copies,
      copies.map(({ buffer }) => buffer),
    );
    const { message: found } = receiveMessageOnPort(port2) as { readonly message: readonly Uint8Array[] };
    for (const each of found) expect(Buffer.compare(each, message)).toBe(0);
    expect(message).toHaveLength(8_000);
    port1.close();
  });
});
