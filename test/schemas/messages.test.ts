import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as client from '../../schemas/generated/client.ts';
import * as peer from '../../schemas/generated/peer.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import { message, printable } from './arbitraries.ts';
import { flatcBytes, flatcJson, modelOf } from './flatc.ts';
import { readGeneric } from './generic-reader.ts';

interface Codec {
  readonly file: 'peer' | 'client';
  readonly table: string;
  readonly encode: (value: never, prefixed?: boolean) => Uint8Array;
  readonly decode: (bytes: Uint8Array, prefixed?: boolean, trusted?: boolean) => unknown;
}

const codecs: readonly Codec[] = [
  { file: 'peer', table: 'Message', encode: peer.encodeMessage, decode: peer.decodeMessage },
  { file: 'client', table: 'Act', encode: client.encodeAct, decode: client.decodeAct },
  { file: 'client', table: 'Acts', encode: client.encodeActs, decode: client.decodeActs },
  { file: 'client', table: 'Commands', encode: client.encodeCommands, decode: client.decodeCommands },
  { file: 'client', table: 'Answer', encode: client.encodeAnswer, decode: client.decodeAnswer },
  { file: 'client', table: 'Answers', encode: client.encodeAnswers, decode: client.decodeAnswers },
  { file: 'client', table: 'Snapshot', encode: client.encodeSnapshot, decode: client.decodeSnapshot },
  { file: 'client', table: 'Frame', encode: client.encodeFrame, decode: client.decodeFrame },
  { file: 'client', table: 'Welcome', encode: client.encodeWelcome, decode: client.decodeWelcome },
  { file: 'client', table: 'MoveOn', encode: client.encodeMoveOn, decode: client.decodeMoveOn },
];
const models = { peer: await modelOf('peer'), client: await modelOf('client') };

describe.each(codecs)('$file.$table', ({ file, table, encode, decode }) => {
  const model = models[file];
  const values = message(model, table);

  it('comes back as it went, and is read alike by the official runtime', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, prefixed) => {
        const bytes = encode(value as never, prefixed);
        expect(decode(bytes, prefixed)).toEqual(value);
        expect(decode(bytes, prefixed, true)).toEqual(value);
        expect(readGeneric(model, table, bytes, prefixed)).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('is read by flatc, and what flatc writes of that is read by us', () => {
    for (const value of fc.sample(values, { numRuns: 15, seed: 7 }).map(printable)) {
      const root = `throughline.${file}.${table}`;
      const json = flatcJson(file, root, encode(value as never));
      expect(decode(flatcBytes(file, root, json))).toEqual(value);
    }
  });
});

describe('messages', () => {
  const heartbeat = (ballot: number): peer.Message => ({
    world: 'arena',
    body: { kind: 'heartbeat', ballot, upTo: 1, born: 2, sequence: 3, rest: true },
  });

  it('hands byte vectors back as subarrays of the bytes given', () => {
    const batch = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    const bytes = peer.encodeMessage({ world: 'w', body: { kind: 'beginBallot', ballot: 4, batch } });
    const { body } = peer.decodeMessage(bytes);
    if (body.kind !== 'beginBallot') throw new Error(body.kind);
    expect(body.batch).toEqual(batch);
    expect(body.batch.buffer).toBe(bytes.buffer);
    expect((body.batch.byteOffset - bytes.byteOffset) % 8).toBe(0);
  });

  it('reads from the middle of a larger buffer, at any offset', () => {
    const bytes = peer.encodeMessage(heartbeat(5));
    for (let offset = 0; offset < 9; offset++) {
      const around = new Uint8Array(bytes.length + 20).fill(0xff);
      around.set(bytes, offset);
      expect(peer.decodeMessage(around.subarray(offset, offset + bytes.length))).toEqual(heartbeat(5));
    }
  });

  it('reads a Node buffer from the pool', () => {
    expect(peer.decodeMessage(Buffer.from(peer.encodeMessage(heartbeat(6))))).toEqual(heartbeat(6));
  });

  it('names what it cannot encode', () => {
    expect(() => peer.encodeMessage(heartbeat(-1))).toThrow(
      'heartbeat.ballot: expected an integer from 0 to 9007199254740991 (exact integers only, and never as strings), got -1',
    );
    const answer = {
      sequence: 1,
      outcome: 'maybe',
      number: 1,
      duplicate: false,
      result: '',
      code: '',
      detail: '',
    };
    expect(() => client.encodeAnswer(answer as never)).toThrow(
      'answer.outcome: expected one of issued, refused, failed, unknown, got the string "maybe"',
    );
  });

  it('names the field of a string without a UTF-8 form', () => {
    expect(() => client.encodeMoveOn({ reason: 'a\udc00' })).toThrow(
      'moveOn.reason: expected a string without lone surrogates, got the string "a\\udc00"',
    );
    const message: peer.Message = {
      world: '',
      body: { kind: 'presence', sessions: ['a', '\ud800'], left: [] },
    };
    expect(() => peer.encodeMessage(message)).toThrow(
      'presence.sessions: expected a string without lone surrogates',
    );
  });

  it('[EDGE1] refuses a wrong union, a missing field and a huge integer', () => {
    const forged = (change: (view: DataView, bytes: Uint8Array) => void) => {
      const bytes = peer.encodeMessage(heartbeat(0x1234_5678)).slice();
      change(new DataView(bytes.buffer), bytes);
      return () => peer.decodeMessage(bytes);
    };
    const place = (view: DataView) => {
      for (let at = 0; ; at++) if (view.getUint32(at, true) === 0x1234_5678) return at;
    };
    expect(forged(() => {})).not.toThrow();
    expect(forged((view) => view.setUint8(place(view) + 6, 0x20))).toThrow(
      'heartbeat.ballot: above 2^53 - 1',
    );
    const typeAt = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer);
      const root = view.getUint32(0, true);
      return root + view.getUint16(root - view.getInt32(root, true) + 6, true);
    };
    expect(forged((view, bytes) => view.setUint8(typeAt(bytes), 0))).toThrow(
      'message.body: a value without a type',
    );
    expect(forged((view, bytes) => view.setUint8(typeAt(bytes), 200))).toThrow(
      'message.body: 200 is no type of its union',
    );
    expect(() => client.decodeAct(client.encodeMoveOn({ reason: 'x' }))).toThrow(SchemaError);
  });
});
