import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME, type Frame, FrameError, FrameReader, frameParts } from '../../server/links/frames.ts';

const wire = (kind: (typeof FRAME)[keyof typeof FRAME], value: number, ...pieces: Uint8Array[]): Buffer =>
  Buffer.concat(frameParts(kind, value, pieces));

function read(limit: number, ...chunks: Uint8Array[]): Frame[] {
  const reader = new FrameReader(limit);
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk, (frame) => {
      frames.push({ ...frame, body: frame.body.slice() });
      return true;
    });
  }
  return frames;
}

const bodies = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 12 });

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat({ max: 400 })), (all, cuts) => {
        const stream = Buffer.concat(
          all.map((body, i) => wire(FRAME.messages, i, body.subarray(0, 7), body.subarray(7))),
        );
        const at = [...new Set(cuts.map((cut) => cut % stream.length))].sort((x, y) => x - y);
        const chunks = [...at, stream.length].map((end, i) => stream.subarray(at[i - 1] ?? 0, end));
        const frames = read(60, ...chunks);
        expect(frames.map(({ value }) => value)).toEqual(all.map((_, i) => i));
        expect(frames.map(({ body }) => [...body])).toEqual(all.map((body) => [...body]));
      }),
    );
  });

  it('are one buffer where that is cheap, and a header before the pieces where it is not', () => {
    const piece = new Uint8Array(160 * 1024).fill(5);
    expect(frameParts(FRAME.messages, 1, [piece])).toHaveLength(1);
    expect(frameParts(FRAME.messages, 1, [piece, piece])).toHaveLength(3);
    const frames = read(1 << 20, wire(FRAME.messages, 1, piece), wire(FRAME.messages, 2, piece, piece));
    expect(frames.map(({ value, body }) => [value, body.length, body.every((byte) => byte === 5)])).toEqual([
      [1, 160 * 1024, true],
      [2, 320 * 1024, true],
    ]);
  });

  it('survive byte by byte, and hold one frame at most', () => {
    const stream = Buffer.concat([wire(FRAME.ping, 7), wire(FRAME.messages, 0, new Uint8Array(100).fill(3))]);
    const frames = read(100, ...Array.from(stream, (byte) => Uint8Array.of(byte)));
    expect(frames.map(({ kind, value, body }) => [kind, value, body.length])).toEqual([
      [FRAME.ping, 7, 0],
      [FRAME.messages, 0, 100],
    ]);
  });

  it('are refused when any bit is flipped', () => {
    const good = wire(
      FRAME.messages,
      9,
      Uint8Array.from({ length: 40 }, (_, i) => i),
    );
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      // A flipped length may ask for more bytes than came; then nothing is handed out.
      let frames: Frame[] = [];
      try {
        frames = read(64, bad, new Uint8Array(0));
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
      expect(frames, `bit ${bit}`).toEqual([]);
    }
  });

  it('are refused above the limit by their header alone', () => {
    const header = wire(FRAME.messages, 0, new Uint8Array(65)).subarray(0, 16);
    expect(() => read(64, header)).toThrow('a frame of 65 bytes, at most 64 are taken');
    expect(() => read(64, header.subarray(0, 9), header.subarray(9))).toThrow(FrameError);
    expect(() => read(64, Buffer.alloc(16))).toThrow('unknown kind 0');
  });

  it('stop where the taker says so', () => {
    const reader = new FrameReader(64);
    const values: number[] = [];
    reader.push(Buffer.concat([wire(FRAME.ping, 1), wire(FRAME.ping, 2)]), (frame) => {
      values.push(frame.value);
      return false;
    });
    expect(values).toEqual([1]);
  });
});
