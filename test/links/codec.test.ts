import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../schemas/generated/peer.ts';
import { encodeEnvelope } from '../../schemas/support/envelope.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import type { Command } from '../../server/consensus/types.ts';
import { decodePeer, encodeParts, encodePeer, splitMessages, worldOf } from '../../server/links/codec.ts';
import type { PeerMessage } from '../../server/links/types.ts';

function made(number: number, born: number, precedent: number): Command {
  const bytes = encodeEnvelope({
    number,
    born,
    precedent,
    time: 1_700_000_000_000 + number,
    session: `s${number % 3}`,
    sequence: number,
    origin: number % 2 === 0 ? { region: 1, request: number } : null,
    action: 'move',
    result: '{"x":1}',
    delta: Uint8Array.from({ length: (number * 8) % 200 }, (_, i) => i),
    timersSet: [],
    timerFired: 0,
    timersCancelled: [],
    tables: { low: number, high: 1 },
    system: { low: 2, high: number },
  });
  return { number, born, precedent, bytes };
}

const run = (first: number, count: number, born: number): Command[] =>
  Array.from({ length: count }, (_, i) => made(first + i, born, i === 0 ? 3 : born));

const messages: PeerMessage[] = [
  { kind: 'next-ballot', ballot: 10, from: 5 },
  {
    kind: 'ballot-info',
    ballot: 10,
    upTo: 7,
    born: 4,
    issued: run(5, 3, 4),
    votes: [
      { ballot: 7, command: made(8, 4, 4) },
      { ballot: 7, command: made(8, 7, 5) },
      { ballot: 9, command: made(10, 9, 9) },
    ],
    info: 4_294_967_296,
    page: 1,
    pages: 3,
  },
  { kind: 'ballot-info', ballot: 4, upTo: 0, born: 0, issued: [], votes: [], info: 0, page: 0, pages: 1 },
  { kind: 'my-next-bal', ballot: Number.MAX_SAFE_INTEGER },
  { kind: 'begin-ballot', ballot: 10, commands: run(8, 20, 10) },
  { kind: 'begin-ballot', ballot: 10, commands: [] },
  {
    kind: 'voted',
    ballot: 10,
    ranges: [
      { first: 8, last: 27, born: 10 },
      { first: 30, last: 30, born: 4 },
    ],
  },
  { kind: 'success', ranges: [{ first: 1, last: 2, born: 3 }] },
  { kind: 'catch-up', from: 1, max: 4_096 },
  { kind: 'issued', upTo: 27, commands: run(20, 2, 10) },
  { kind: 'heartbeat', ballot: 10, upTo: 27, born: 10, sequence: 99, rest: true },
  { kind: 'heartbeat-ack', ballot: 10, nextBal: 10, upTo: 26, sequence: 99, rest: true },
  { kind: 'pre-vote', round: 4, upTo: 27 },
  { kind: 'pre-vote-answer', round: 4, granted: true },
  { kind: 'pre-vote-answer', round: 4, granted: false },
  { kind: 'take-over', ballot: 10 },
  {
    kind: 'execute',
    ballot: 10,
    actions: [
      { region: 1, request: 7, session: 'alice', sequence: 3, action: 'move', args: Uint8Array.of(1, 2, 3) },
      { region: 1, request: 8, session: '', sequence: 0, action: '$tick', args: new Uint8Array(0) },
    ],
  },
  {
    kind: 'reply',
    ballot: 10,
    replies: [
      { region: 2, request: 1, outcome: 'refused', code: 'out-of-reach', detail: 'zu weit – 遠い' },
      { region: 2, request: 2, outcome: 'failed', code: 'internal', detail: '' },
      { region: 2, request: 3, outcome: 'nothing', number: 27, result: '{"a":1}' },
      {
        region: 2,
        request: 4,
        outcome: 'duplicate',
        answer: { number: 5, result: 'null', origin: { region: 0, request: 9 } },
      },
      { region: 2, request: 5, outcome: 'duplicate', answer: { number: 5, result: '1', origin: null } },
      { region: 2, request: 6, outcome: 'not-leader' },
      { region: 2, request: 7, outcome: 'read', number: 27 },
    ],
  },
  { kind: 'read', request: 12 },
  { kind: 'hand-over', to: 2 },
  { kind: 'presence', sessions: ['alice', 'bob'], left: ['carol'] },
  { kind: 'presence', sessions: [], left: [] },
];

/** Bytes as plain arrays, so that a Buffer and a part of another buffer compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe('the codec of peer messages', () => {
  it.each(messages.map((message) => [message.kind, message] as const))('round trip: %s', (_, message) => {
    const bytes = encodePeer('arena', message);
    expect(bytes.length % 8).toBe(0);
    const { world, message: back } = decodePeer(bytes, 1, 2);
    expect(world).toBe('arena');
    expect(plain(back)).toEqual(plain(message));
  });

  it('has every kind of message in this test', () => {
    const kinds: { [K in PeerMessage['kind']]: true } = {
      'next-ballot': true,
      'ballot-info': true,
      'my-next-bal': true,
      'begin-ballot': true,
      voted: true,
      success: true,
      'catch-up': true,
      issued: true,
      heartbeat: true,
      'heartbeat-ack': true,
      'pre-vote': true,
      'pre-vote-answer': true,
      'take-over': true,
      execute: true,
      reply: true,
      read: true,
      'hand-over': true,
      presence: true,
    };
    expect(new Set(messages.map((message) => message.kind))).toEqual(new Set(Object.keys(kinds)));
  });

  it('hands out commands as parts of what was received: nobody re-encodes', () => {
    const commands = run(8, 5, 10);
    const { message } = decodePeer(encodePeer('w', { kind: 'begin-ballot', ballot: 10, commands }), 0, 1);
    if (message.kind !== 'begin-ballot') throw new Error(message.kind);
    const buffers = new Set(message.commands.map((command) => command.bytes.buffer));
    expect(buffers.size).toBe(1);
    const again = encodePeer('w', message);
    expect(plain(decodePeer(again, 0, 1).message)).toEqual(plain(message));
    message.commands.forEach((command, i) => {
      expect([...command.bytes]).toEqual([...commands[i]!.bytes]);
    });
  });

  it('leaves a long batch where it is, and makes the same bytes', () => {
    for (const count of [1, 3, 40, 400]) {
      const commands = run(8, 5, count);
      const long: PeerMessage[] = [
        { kind: 'begin-ballot', ballot: 10, commands },
        { kind: 'begin-ballot', ballot: 2 ** 40, commands },
        { kind: 'issued', upTo: 0, commands },
        { kind: 'issued', upTo: 7 + count, commands },
      ];
      for (const message of long) {
        const bytes = encodePeer('warehouse', message);
        const parts = encodeParts('warehouse', message);
        expect(Buffer.concat(parts).equals(bytes)).toBe(true);
        expect(parts.length).toBe(bytes.length < 4_096 ? 1 : 2);
      }
    }
    for (const message of messages)
      expect(Buffer.concat(encodeParts('w', message))).toEqual(Buffer.from(encodePeer('w', message)));
  });

  it('takes messages that lie end to end, at any place in a buffer', () => {
    const all = messages.map((message) => encodePeer('w', message));
    const frame = Buffer.concat([Buffer.alloc(5), ...all]).subarray(5);
    const back = splitMessages(frame).map((bytes) => plain(decodePeer(bytes, 1, 2).message));
    expect(back).toEqual(messages.map(plain));
    for (const cut of [1, 7, 8, all[0]!.length + 3]) {
      expect(() => splitMessages(frame.subarray(0, frame.length - cut))).toThrow(SchemaError);
    }
  });

  const forged: [string, () => Uint8Array][] = [
    ['a hello', () => encodeMessage({ world: '', body: { kind: 'reject', code: 'x', detail: '' } }, true)],
    [
      'a vote without its command',
      () =>
        encodeMessage(
          {
            world: 'w',
            body: {
              kind: 'ballotInfo',
              ballot: 4,
              upTo: 0,
              born: 0,
              issued: new Uint8Array(0),
              votes: [{ number: 1, ballot: 4 }],
              voted: new Uint8Array(0),
              info: 1,
              page: 0,
              pages: 1,
            },
          },
          true,
        ),
    ],
    [
      'a vote for another number',
      () => {
        const voted = made(2, 4, 0).bytes;
        const votes = [{ number: 3, ballot: 4 }];
        const head = { ballot: 4, upTo: 0, born: 0, issued: new Uint8Array(0), info: 1, page: 0, pages: 1 };
        return encodeMessage({ world: 'w', body: { kind: 'ballotInfo', ...head, votes, voted } }, true);
      },
    ],
    [
      'a vote below the ballot that bore the command',
      () =>
        encodePeer('w', {
          ...(messages[1] as PeerMessage & { kind: 'ballot-info' }),
          votes: [{ ballot: 3, command: made(8, 4, 4) }],
        }),
    ],
    [
      'a command of number 0',
      () => encodePeer('w', { kind: 'begin-ballot', ballot: 4, commands: [made(0, 4, 0)] }),
    ],
    [
      'a batch that is none',
      () =>
        encodeMessage(
          { world: 'w', body: { kind: 'beginBallot', ballot: 4, batch: new Uint8Array(64).fill(1) } },
          true,
        ),
    ],
  ];
  it.each(forged)('refuses %s', (_, bytes) => {
    expect(() => decodePeer(bytes(), 0, 1)).toThrow(SchemaError);
  });

  it('refuses damaged bytes, or reads them as something valid: it never throws anything else', () => {
    const all = messages.map((message) => encodePeer('arena', message));
    fc.assert(
      fc.property(
        fc.nat({ max: all.length - 1 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 40 }),
        (which, changes, cut) => {
          const bytes = all[which]!.slice(0, cut % 5 === 0 ? all[which]!.length - cut : undefined);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          try {
            const { message } = decodePeer(bytes, 1, 2);
            encodePeer('w', message);
          } catch (error) {
            expect(error).toBeInstanceOf(SchemaError);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('the world that a message names', () => {
  /** The same bytes in the midst of others. */
  function amid(bytes: Uint8Array, around: number): Uint8Array {
    const slab = new Uint8Array(bytes.length + 2 * 4_096).fill(around);
    slab.set(bytes, 4_096);
    return slab.subarray(4_096, 4_096 + bytes.length);
  }
  /** Two strangers around: who reads beyond a message sees them. */
  const seen = (bytes: Uint8Array) => {
    const [found, ...others] = [bytes, amid(bytes, 0), amid(bytes, 0x61), amid(bytes, 0xff)].map(worldOf);
    expect(new Set([found, ...others]).size).toBe(1);
    expect(Buffer.from(bytes).includes(found ?? '')).toBe(true);
    return found;
  };

  it.each(messages.map((message) => [message.kind, message] as const))(
    'is that which is read: %s',
    (_, message) => {
      for (const world of ['arena', 'a', 'w'.repeat(32), 'w'.repeat(63), 'zażółć']) {
        const bytes = encodePeer(world, message);
        expect([seen(bytes), decodePeer(bytes, 1, 2).world]).toEqual([world, world]);
      }
    },
  );

  it('is none where it is longer than a name may be, or no text', () => {
    const message: PeerMessage = { kind: 'read', request: 1 };
    expect(seen(encodePeer('w'.repeat(64), message))).toBe('w'.repeat(64));
    expect(seen(encodePeer('w'.repeat(65), message))).toBe('');
    const whole = encodePeer('narrow', message);
    for (let length = 0; length < whole.length; length++) seen(whole.slice(0, length));
    for (const last of [0x80, 0xc3, 0xff]) {
      const bytes = encodePeer('nom', message);
      bytes[Buffer.from(bytes).indexOf('nom') + 2] = last;
      expect(seen(bytes)).toBe('');
    }
  });

  it('is not read by what lies behind the message', () => {
    const bytes = encodePeer('arena', { kind: 'read', request: 1 });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const table = 4 + view.getUint32(4, true);
    const places = bytes.slice(table - view.getInt32(table, true));
    // Where its fields are is said behind its end.
    view.setInt32(table, table - bytes.length, true);
    const slab = Buffer.concat([bytes, places]);
    expect(worldOf(slab)).toBe('arena');
    expect(worldOf(slab.subarray(0, bytes.length))).toBe('');
  });

  it('is looked for in garbage without a throw, and nowhere beyond it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(seen(bytes)?.length).toBeLessThanOrEqual(64);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is looked for in what is damaged or cut without a throw, and nowhere beyond it', () => {
    const all = messages.map((message) => encodePeer('arena', message));
    fc.assert(
      fc.property(
        fc.nat({ max: all.length - 1 }),
        // Where offsets and lengths are.
        fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 6 }),
        fc.nat({ max: 60 }),
        (which, changes, cut) => {
          const whole = all[which]!;
          const bytes = whole.slice(0, Math.max(0, whole.length - (cut % 4 === 0 ? cut : 0)));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const world = seen(bytes);
          let decoded: string | null = null;
          try {
            decoded = decodePeer(bytes, 1, 2).world;
          } catch {
            // Whoever gets it finds the same.
          }
          if (decoded !== null) expect(world).toBe(decoded);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
