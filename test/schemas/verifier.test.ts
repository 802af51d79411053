import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arenaSchema } from '../../schemas/generated/arena.ts';
import * as client from '../../schemas/generated/client.ts';
import * as peer from '../../schemas/generated/peer.ts';
import { decodeEnvelope, encodeEnvelope, splitBatch } from '../../schemas/support/envelope.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import type { Change } from '../../schemas/support/types.ts';

const { player, coin } = arenaSchema.tables;
const changes: Change[] = [
  {
    table: player,
    op: 'put',
    key: 'alice',
    row: player.make({ id: 'alice', name: 'Älice', x: 1.5, kind: 'bot' }),
  },
  {
    table: player,
    op: 'patch',
    key: 'bob',
    row: player.make({ id: 'bob', alive: true, x: 2 }),
    mask: 0b1_0001_0000,
  },
  { table: coin, op: 'remove', key: 7 },
];
const delta = arenaSchema.encodeDelta(changes);
const command = encodeEnvelope({
  number: 41,
  born: 12,
  precedent: 9,
  time: 1_700_000_000_000.5,
  session: 's-abc',
  sequence: 7,
  origin: { region: 1, request: 77 },
  action: 'strike',
  result: '"ö"',
  delta,
  timersSet: [{ id: 1, due: 5, name: 'respawn', args: '{}' }],
  timerFired: 3,
  timersCancelled: [4, 5],
  tables: { low: 1, high: 2 },
  system: { low: 4, high: 3 },
});
const reply: peer.Message = {
  world: 'arena',
  body: {
    kind: 'executeBatch',
    ballot: 3,
    actions: [
      { request: 1, session: 's', sequence: 1, action: 'a', args: new Uint8Array(3) },
      { request: 2, session: '', sequence: 2, action: 'b', args: new Uint8Array(0) },
    ],
  },
};
const presence: peer.Message = {
  world: 'arena',
  body: { kind: 'presence', sessions: ['a', 'ü'], left: ['c'] },
};

/** Every decoder with valid bytes and a way to encode what was decoded once more. */
const subjects: readonly {
  readonly name: string;
  readonly valid: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly again: (value: never) => Uint8Array;
}[] = [
  { name: 'command', valid: command, decode: decodeEnvelope, again: encodeEnvelope },
  { name: 'delta', valid: delta, decode: arenaSchema.decodeDelta, again: arenaSchema.encodeDelta },
  {
    name: 'execute',
    valid: peer.encodeMessage(reply),
    decode: peer.decodeMessage,
    again: peer.encodeMessage,
  },
  {
    name: 'presence',
    valid: peer.encodeMessage(presence),
    decode: peer.decodeMessage,
    again: peer.encodeMessage,
  },
  {
    name: 'say',
    valid: arenaSchema.actions.say.encode({ text: 'hällo' }),
    decode: arenaSchema.actions.say.decode,
    again: arenaSchema.actions.say.encode,
  },
  {
    name: 'act',
    valid: client.encodeAct({ sequence: 9, action: 'say', args: new Uint8Array([1, 2]) }),
    decode: client.decodeAct,
    again: client.encodeAct,
  },
].map((one) => ({ ...one, valid: one.valid.slice() }));

/** SchemaError, or a value that can be encoded and read again: nothing else may happen. */
function survives(subject: (typeof subjects)[number], bytes: Uint8Array): 'refused' | 'read' {
  // The bytes lie at the very end of their buffer: one step too far would be a RangeError.
  let value: unknown;
  try {
    value = subject.decode(bytes);
  } catch (error) {
    if (error instanceof SchemaError) return 'refused';
    throw error;
  }
  try {
    const once = subject.again(value as never).slice();
    expect(Buffer.compare(subject.again(subject.decode(once) as never), once)).toBe(0);
  } catch (error) {
    // Keys of a row are the only thing that encoding checks and the verifier cannot.
    if (!(error instanceof SchemaError)) throw error;
  }
  return 'read';
}

describe.each(subjects)('[EDGE1] forged bytes of a $name', (subject) => {
  it('every single-byte change', () => {
    let refused = 0;
    for (let at = 0; at < subject.valid.length; at++) {
      for (const flip of [0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80, 0xff]) {
        const bytes = subject.valid.slice();
        bytes[at]! ^= flip;
        if (survives(subject, bytes) === 'refused') refused++;
      }
    }
    expect(refused).toBeGreaterThan(subject.valid.length);
  });

  it('every truncation and every short tail', () => {
    for (let length = 0; length < subject.valid.length; length++) {
      expect(survives(subject, subject.valid.slice(0, length))).toBe('refused');
      survives(subject, subject.valid.slice(length));
    }
  });

  it('huge, negative and wrapping numbers at every place', () => {
    const numbers = [
      0, 1, 4, 0x7fff_ffff, 0x8000_0000, 0x8000_0004, 0xffff_fffc, 0xffff_ffff, 0x4000_0000, 0x2000_0001,
    ];
    for (let at = 0; at + 4 <= subject.valid.length; at++) {
      for (const number of numbers) {
        const bytes = subject.valid.slice();
        new DataView(bytes.buffer).setUint32(at, number, true);
        survives(subject, bytes);
      }
    }
  });

  it('random bytes, alone and over parts of valid ones', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(subject.valid.length), (noise, at) => {
        survives(subject, noise);
        const bytes = subject.valid.slice();
        bytes.set(noise.subarray(0, Math.min(8, bytes.length - at)), at);
        survives(subject, bytes);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('[EDGE1] the verifier bounds its work', () => {
  const u32 = (...numbers: number[]) => new Uint8Array(new Uint32Array(numbers).buffer);

  /** A delta whose vector points `count` times to one and the same change. */
  function web(count: number): Uint8Array {
    const one = arenaSchema.encodeDelta([{ table: coin, op: 'remove', key: 7 }]);
    const bytes = new Uint8Array(one.length + 4 * count + 64);
    bytes.set(one);
    const view = new DataView(bytes.buffer);
    const root = view.getUint32(0, true);
    const slot = root + 4;
    const old = slot + view.getUint32(slot, true);
    const change = old + 4 + view.getUint32(old + 4, true);
    // The change is copied behind the longer vector; offsets lead forwards only.
    const vector = (one.length + 7) & ~7;
    const copy = vector + 4 + 4 * count;
    view.setUint32(slot, vector - slot, true);
    view.setUint32(vector, count, true);
    bytes.set(one.subarray(old, one.length), copy);
    for (let i = 0; i < count; i++) {
      const at = vector + 4 + 4 * i;
      view.setUint32(at, copy + (change - old) - at, true);
    }
    return bytes.subarray(0, copy + one.length - old);
  }

  it('one object is not read twice', () => {
    expect(() => arenaSchema.decodeDelta(web(100_000))).toThrow(/used twice|garbage|vtable/);
    const started = process.hrtime.bigint();
    for (let i = 0; i < 20; i++) expect(() => arenaSchema.decodeDelta(web(100_000))).toThrow(SchemaError);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(5_000);
  });

  it('a vector of 2^31 elements costs nothing', () => {
    const bytes = peer.encodeMessage(presence).slice();
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const before = view.getUint32(at, true);
      for (const count of [0x8000_0000, 0x4000_0000, 0x3fff_ffff]) {
        view.setUint32(at, count, true);
        survives(subjects[3]!, bytes);
      }
      view.setUint32(at, before, true);
    }
    expect(peer.decodeMessage(bytes)).toEqual(presence);
  });

  it('an empty world of zeros is no message', () => {
    for (const length of [0, 1, 4, 8, 16, 64, 1_024]) {
      expect(() => arenaSchema.decodeDelta(new Uint8Array(length))).toThrow(SchemaError);
      expect(() => splitBatch(new Uint8Array(Math.max(1, length)))).toThrow(SchemaError);
    }
    expect(() => arenaSchema.decodeDelta(u32(4, 4, 4, 4))).toThrow(SchemaError);
  });

  it('garbage behind the last object is refused, padding is not', () => {
    const padded = new Uint8Array(delta.length + 7);
    padded.set(delta);
    expect(arenaSchema.decodeDelta(padded)).toEqual(changes);
    padded[padded.length - 1] = 1;
    expect(() => arenaSchema.decodeDelta(padded)).toThrow('garbage at the end');
    const long = new Uint8Array(delta.length + 8);
    long.set(delta);
    expect(() => arenaSchema.decodeDelta(long)).toThrow('8 bytes of garbage at the end');
  });
});
