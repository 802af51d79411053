import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyCommand } from '../../schemas/generated/command.ts';
import type { Envelope } from '../../schemas/support/command-types.ts';
import {
  decodeEnvelope,
  encodeEnvelope,
  joinBatch,
  readId,
  splitBatch,
} from '../../schemas/support/envelope.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import { envelope } from './arbitraries.ts';
import { flatcJson, modelOf } from './flatc.ts';
import { readGeneric } from './generic-reader.ts';

const model = await modelOf('command');

const plain: Envelope = {
  number: 41,
  born: 12,
  precedent: 9,
  time: 1_700_000_000_000.5,
  session: 's-abc',
  sequence: 7,
  origin: { region: 1, request: 77 },
  action: 'transfer',
  result: '{"A":400,"B":100}',
  delta: new Uint8Array([1, 2, 3]),
  timersSet: [{ id: 1, due: 5, name: 'respawn', args: '{}' }],
  timerFired: 3,
  timersCancelled: [4, 5],
  tables: { low: 1, high: 2 },
  system: { low: 4_294_967_295, high: 3 },
};

const refused = (bytes: Uint8Array, read: (bytes: Uint8Array) => unknown) => {
  let thrown: unknown;
  try {
    read(bytes);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SchemaError);
  expect((thrown as SchemaError).code).toBe('forged');
};

describe('the command envelope', () => {
  it('comes back as it went, whatever it holds', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const bytes = encodeEnvelope(value);
        expect(bytes.length % 8).toBe(0);
        expect(decodeEnvelope(bytes)).toEqual(value);
        expect(decodeEnvelope(bytes, true)).toEqual(value);
        expect(readId(bytes)).toEqual({ number: value.number, born: value.born, precedent: value.precedent });
      }),
      { numRuns: 500 },
    );
  });

  it('is read alike by the official runtime', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const read = readGeneric(model, 'Command', encodeEnvelope(value), true);
        const { number, born, precedent, ...rest } = value;
        expect(read).toEqual({
          ...rest,
          id: { number, born, precedent },
          delta: rest.delta ?? new Uint8Array(0),
          result: rest.result === 'null' ? '' : rest.result,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('is read alike by flatc', () => {
    const json = flatcJson('command', 'throughline.Command', encodeEnvelope(plain), true);
    expect(json).toEqual({
      id: { number: 41, born: 12, precedent: 9 },
      time: 1_700_000_000_000.5,
      session: 's-abc',
      sequence: 7,
      origin: { region: 1, request: 77 },
      action: 'transfer',
      result: '{"A":400,"B":100}',
      delta: [1, 2, 3],
      timers_set: [{ id: 1, due: 5, name: 'respawn', args: '{}' }],
      timer_fired: 3,
      timers_cancelled: [4, 5],
      tables: { low: 1, high: 2 },
      system: { low: 4_294_967_295, high: 3 },
    });
  });

  it('encodes the same value to the same bytes, whatever was encoded before', () => {
    const first = encodeEnvelope(plain).slice();
    // Fails after the session's text was written: none of it may show in the padding of the next.
    const failing = { ...plain, session: 'x'.repeat(3_000), action: '\ud800' };
    for (let i = 0; i < 400; i++) {
      if (i % 20 === 0) expect(() => encodeEnvelope(failing)).toThrow(SchemaError);
      expect(encodeEnvelope(plain)).toEqual(first);
    }
  });

  it('grows over the end of its slab', () => {
    for (const length of [1_000, 60_000, 65_500, 70_000, 3_000_000]) {
      const value = {
        ...plain,
        delta: new Uint8Array(length).fill(7),
        result: `"${'é'.repeat(length / 3)}"`,
      };
      const read = decodeEnvelope(encodeEnvelope(value));
      expect(Buffer.compare(read.delta!, value.delta)).toBe(0);
      expect(read.result === value.result).toBe(true);
      expect(decodeEnvelope(encodeEnvelope(plain))).toEqual(plain);
    }
  });

  it('leaves earlier results untouched', () => {
    const kept = Array.from({ length: 700 }, (_, i) => encodeEnvelope({ ...plain, number: i }));
    kept.forEach((bytes, i) => {
      expect(decodeEnvelope(bytes).number).toBe(i);
    });
  });

  it('refuses numbers that a 64-bit field cannot hold exactly', () => {
    for (const number of [-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encodeEnvelope({ ...plain, number })).toThrow(/commandId.number: expected an integer/);
    }
    expect(() => encodeEnvelope({ ...plain, time: Number.NaN })).toThrow(
      /command.time: expected a finite number/,
    );
  });

  it('[EDGE1] refuses frames that are not exactly one command', () => {
    const good = encodeEnvelope(plain).slice();
    const changed = (change: (view: DataView) => void) => {
      const copy = good.slice();
      change(new DataView(copy.buffer));
      return copy;
    };
    const longer = (by: number) => {
      const copy = new Uint8Array(good.length + by);
      copy.set(good);
      return copy;
    };
    const withPrefix = (bytes: Uint8Array) => {
      new DataView(bytes.buffer).setUint32(0, bytes.length - 4, true);
      return bytes;
    };
    const garbage = withPrefix(longer(8)).fill(1, good.length);
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(8),
      new Uint8Array(16),
      good.subarray(0, good.length - 8),
      good.subarray(0, good.length - 1),
      longer(8),
      longer(1),
      withPrefix(longer(16)),
      garbage,
      changed((view) => view.setUint32(0, 0, true)),
      changed((view) => view.setUint32(0, good.length, true)),
      changed((view) => view.setUint32(0, good.length - 12, true)),
      changed((view) => view.setUint32(0, 0xffff_ffff, true)),
      changed((view) => view.setUint32(4, 0, true)),
      changed((view) => view.setUint32(4, 0xffff_fffc, true)),
    ]) {
      refused(bytes, decodeEnvelope);
      refused(bytes.length === 0 ? new Uint8Array(4) : bytes, splitBatch);
    }
  });
});

describe('a batch', () => {
  const commands = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      encodeEnvelope({ ...plain, number: i + 1, session: 'x'.repeat(i % 50) }),
    );

  it('joins commands without a copy where they lie side by side, and with one elsewhere', () => {
    const side = commands(5);
    const joined = joinBatch(side);
    expect(joined.buffer).toBe(side[0]!.buffer);
    const apart = side.map((bytes) => bytes.slice());
    expect(joinBatch(apart)).toEqual(joined);
    expect(joinBatch([side[1]!, side[0]!])).toEqual(joinBatch([apart[1]!, apart[0]!]));
    expect(joinBatch([])).toEqual(new Uint8Array(0));
  });

  it('splits into subarrays of itself', () => {
    const side = commands(300);
    const batch = joinBatch(side);
    for (const trusted of [false, true]) {
      const split = splitBatch(batch, trusted);
      expect(split).toEqual(side);
      expect(split.every((bytes) => bytes.buffer === batch.buffer)).toBe(true);
    }
    expect(splitBatch(new Uint8Array(0))).toEqual([]);
  });

  it('reads identities inside a batch', () => {
    const batch = joinBatch(commands(3).map((bytes) => bytes.slice()));
    const second = splitBatch(batch)[0]!.length;
    expect(readId(batch, second)).toEqual({ number: 2, born: 12, precedent: 9 });
    expect(readId(batch.subarray(second)).number).toBe(2);
  });

  it('[EDGE1] refuses a length that leads into the next command, beyond the end, or nowhere', () => {
    const batch = joinBatch(commands(3).map((bytes) => bytes.slice()));
    const [first, second] = splitBatch(batch).map((bytes) => bytes.length) as [number, number];
    const view = new DataView(batch.buffer);
    for (const length of [
      0,
      4,
      first - 12,
      first + 4,
      first + second - 4,
      batch.length,
      0x7fff_fffc,
      0xffff_fffc,
    ]) {
      view.setUint32(0, length, true);
      refused(batch, splitBatch);
    }
    view.setUint32(0, first - 4, true);
    expect(splitBatch(batch).length).toBe(3);
    for (const cut of [1, 4, 8, 16]) {
      refused(batch.subarray(0, batch.length - cut), splitBatch);
      refused(batch.subarray(0, batch.length - cut), (bytes) => splitBatch(bytes, true));
    }
  });

  it('[EDGE1] refuses a command that is sound but for its length, no multiple of 8', () => {
    const padded = [...'abcdefgh']
      .map((_, i) =>
        encodeEnvelope({
          ...plain,
          timersSet: [],
          timersCancelled: [],
          delta: null,
          result: `"${'x'.repeat(i)}"`,
        }),
      )
      .find((bytes) => bytes.subarray(-5).every((byte) => byte === 0))!;
    const short = padded.slice(0, padded.length - 4);
    new DataView(short.buffer).setUint32(0, short.length - 4, true);
    expect(() => verifyCommand(short, true)).not.toThrow();
    refused(short, decodeEnvelope);
    refused(short, splitBatch);
  });
});
