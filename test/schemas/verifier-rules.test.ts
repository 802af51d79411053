/** Every rule of the verifier by itself: a buffer laid out by hand that breaks this rule and no other. */
import { describe, expect, it } from 'vitest';
import { MAX_DEPTH, MAX_TABLES } from '../../schemas/support/limits.ts';
import { sourceOf } from '../../schemas/support/reader.ts';
import { KIND, type Shape, VECTOR } from '../../schemas/support/shape.ts';
import { verify } from '../../schemas/support/verifier.ts';

/** A root table with one field, of the given numbers: kind, bytes, alignment, ref, required. */
const one = (numbers: readonly number[], rest: Partial<Shape> = {}): Shape => ({
  tables: [{ name: 'root', fields: ['field'], numbers }],
  structs: [],
  unions: [],
  ...rest,
});
const check = (shape: Shape, bytes: Uint8Array) =>
  verify(shape, 0, sourceOf(bytes), bytes.byteOffset, bytes.length, false);
const hex = (text: string) =>
  Uint8Array.from(text.replace(/\s/g, '').match(/../g) ?? [], (two) => Number.parseInt(two, 16));

/** Root offset 12, padding, vtable of one field at 4 or 8, the table's soffset; then the field's own bytes. */
const table = (field: string, extra = '', at = 4) => {
  const inline = field.replace(/\s/g, '').length / 2 + at;
  const two = (n: number) => n.toString(16).padStart(2, '0');
  return hex(
    `0c000000 0000 0600${two(inline)}00${two(at)}00 06000000 ${'00'.repeat(at - 4)} ${field} ${extra}`,
  );
};

describe('[EDGE1] the verifier’s rules', () => {
  const ulong = one([KIND.ulong, 8, 8, 0, 0]);
  const long = one([KIND.long, 8, 8, 0, 0]);
  const double = one([KIND.double, 8, 8, 0, 0]);
  const float = one([KIND.float, 4, 4, 0, 0]);
  const bool = one([KIND.bool, 1, 1, 0, 0]);
  const enumeration = one([KIND.enumeration, 1, 1, 3, 0]);
  const string = one([KIND.string, 4, 4, 0, 1]);
  const blob = one([VECTOR + KIND.plain, 1, 8, 0, 0]);
  const doubles = one([VECTOR + KIND.double, 8, 8, 0, 0]);
  const struct = one([KIND.struct, 16, 8, 0, 0], { structs: [[0, KIND.ulong, 0, 8, KIND.double, 0]] });

  const good: readonly [name: string, shape: Shape, bytes: Uint8Array][] = [
    ['ulong 2^53 - 1', ulong, table('ffffffffffff1f00')],
    ['long 2^53 - 1', long, table('ffffffffffff1f00')],
    ['long -(2^53 - 1)', long, table('010000000000e0ff')],
    ['double', double, table('ffffffffffffef7f')],
    ['float', float, table('ffff7f7f')],
    ['bool', bool, table('01')],
    ['enum', enumeration, table('02')],
    ['string', string, table('04000000', '02000000 c3a9 00')],
    ['blob at 8', blob, table('04000000', '01000000 ff')],
    ['empty blob anywhere', blob, table('08000000', '00000000 00000000')],
    ['doubles', doubles, table('04000000', '01000000 000000000000f03f')],
    ['struct', struct, table('ffffffffffff1f00 000000000000f03f')],
  ];
  it.each(good)('lets pass: %s', (_name, shape, bytes) => {
    expect(check(shape, bytes)).toBe(12);
  });

  it('lets pass an absent field that is not required, in a vtable of any length', () => {
    const none = hex('08000000 0400 0400 04000000');
    expect(check(ulong, none)).toBe(8);
    expect(() => check(string, none)).toThrow('root.field: required, but absent');
  });

  const bad: readonly [name: string, shape: Shape, bytes: Uint8Array, message: string][] = [
    ['ulong 2^53', ulong, table('0000000000002000'), 'root.field: above 2^53 - 1'],
    ['long 2^53', long, table('0000000000002000'), 'root.field: beyond 2^53 - 1'],
    ['long -2^53', long, table('000000000000e0ff'), 'root.field: beyond 2^53 - 1'],
    ['long -2^63', long, table('0000000000000080'), 'root.field: beyond 2^53 - 1'],
    ['infinite double', double, table('000000000000f0ff'), 'root.field: not a finite number'],
    ['NaN float', float, table('0000c07f'), 'root.field: not a finite number'],
    ['bool 2', bool, table('02'), 'root.field: 2 is no bool'],
    ['enum beyond', enumeration, table('03'), 'root.field: 3 is no value of its enum'],
    [
      'string without NUL',
      string,
      table('04000000', '02000000 c3a9 01'),
      'root.field: string without its final NUL',
    ],
    [
      'string to the end',
      string,
      table('04000000', '02000000 c3a9'),
      'root.field: string of 2 bytes leads outside',
    ],
    ['string not UTF-8', string, table('04000000', '02000000 c328 00'), 'root.field: string is not UTF-8'],
    ['string offset 0', string, table('00000000', '00000000 00'), 'root.field: offset 0 leads outside'],
    [
      'string offset odd',
      string,
      table('05000000', '00 01000000 61 00'),
      'root.field: offset 5 is not aligned',
    ],
    ['blob not at 8', blob, table('08000000', '00000000 01000000 ff'), 'root.field: content not aligned'],
    [
      'blob too long',
      blob,
      table('08000000', '00000000 02000000 ff'),
      'root.field: vector of 2 leads outside',
    ],
    [
      'doubles too long',
      doubles,
      table('04000000', 'ffffffff 000000000000f03f'),
      'root.field: vector of 4294967295 leads outside',
    ],
    [
      'doubles wrapping',
      doubles,
      table('04000000', '01000020 000000000000f03f'),
      'root.field: vector of 536870913 leads outside',
    ],
    [
      'an infinite element',
      doubles,
      table('04000000', '01000000 000000000000f07f'),
      'root.field: not a finite number',
    ],
    ['a struct’s ulong', struct, table('ffffffffffff2f00 000000000000f03f'), 'root.field: above 2^53 - 1'],
    [
      'a struct’s double',
      struct,
      table('ffffffffffff1f00 000000000000f07f'),
      'root.field: not a finite number',
    ],
    ['field not aligned', ulong, table('ffffffffffff1f00', '', 8), 'root.field: not aligned'],
    [
      'field in the soffset',
      bool,
      hex('0c000000 0000 0600 0500 0300 06000000 01'),
      'root.field: lies outside its table',
    ],
    [
      'field beyond its table',
      bool,
      hex('0c000000 0000 0600 0400 0400 06000000 01'),
      'root.field: lies outside its table',
    ],
    ['vtable odd', bool, hex('0c000000 0000 0700 0500 0400 06000000 01'), 'root: vtable of 7 bytes'],
    ['vtable too short', bool, hex('0c000000 0000 0200 0500 0400 06000000 01'), 'root: vtable of 2 bytes'],
    ['vtable beyond', bool, hex('0c000000 0000 1400 0500 0400 06000000 01'), 'root: vtable of 20 bytes'],
    [
      'vtable at the end',
      bool,
      hex('08000000 00000000 f8ffffff 01000000 0a00 0500 0400'),
      'root: vtable of 10 bytes',
    ],
    [
      'vtable not aligned',
      bool,
      hex('0c000000 0000 0600 0500 0400 05000000 01'),
      'root: vtable out of place',
    ],
    [
      'vtable before the buffer',
      bool,
      hex('0c000000 0000 0600 0500 0400 10000000 01'),
      'root: vtable out of place',
    ],
    [
      'vtable behind the buffer',
      bool,
      hex('0c000000 0000 0600 0500 0400 f8ffffff 01'),
      'root: vtable out of place',
    ],
    ['table too short', bool, hex('0c000000 0000 0600 0300 0400 06000000 01'), 'root: table of 3 bytes'],
    ['table beyond', bool, hex('0c000000 0000 0600 0600 0400 06000000 01'), 'root: table of 6 bytes'],
    [
      'root not aligned',
      bool,
      hex('0e000000 00000000 0600 0500 0400 06000000 01'),
      'root: offset 14 is not aligned',
    ],
    ['root beyond', bool, hex('10000000 0000 0600 0500 0400 06000000 01'), 'root: offset 16 leads outside'],
    ['nothing at all', bool, hex('04000000 000000'), 'root: 7 bytes are too few'],
  ];
  it.each(bad)('refuses: %s', (_name, shape, bytes, message) => {
    let said = 'nothing';
    try {
      check(shape, bytes);
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).toBe(message);
  });

  it('bounds the depth of tables', () => {
    const list = one([KIND.table, 4, 4, 0, 0]);
    // Tables of one field at 12, 20, 28 …, each leading to the next; the last has no field, and a vtable of its own.
    const chain = (length: number) => {
      const end = 12 + 8 * length;
      const view = new DataView(new ArrayBuffer(end + 8));
      view.setUint32(0, 12, true);
      for (const [i, word] of [6, 8, 4].entries()) view.setUint16(6 + 2 * i, word, true);
      for (let at = 12; at < end; at += 8) {
        view.setInt32(at, at - 6, true);
        view.setUint32(at + 4, at + 8 < end ? 4 : 8, true);
      }
      for (const [i, word] of [4, 4, 4].entries()) view.setUint16(end + 2 * i, word, true);
      return new Uint8Array(view.buffer);
    };
    expect(check(list, chain(MAX_DEPTH - 1))).toBe(12);
    expect(() => check(list, chain(MAX_DEPTH))).toThrow(`root: tables nested deeper than ${MAX_DEPTH}`);
    expect(() => check(list, chain(100_000))).toThrow('nested deeper');
  });

  it('bounds the number of tables', () => {
    const shape: Shape = {
      tables: [
        { name: 'root', fields: ['list'], numbers: [VECTOR + KIND.table, 4, 4, 1, 0] },
        { name: 'leaf', fields: [], numbers: [] },
      ],
      structs: [],
      unions: [],
    };
    // The leaves' vtable at 4, the root's at 10, the root at 16, its vector at 24, then the leaves.
    const forest = (leaves: number) => {
      const first = 28 + 4 * leaves;
      const view = new DataView(new ArrayBuffer(first + 4 * leaves));
      view.setUint32(0, 16, true);
      for (const [i, word] of [4, 4, 0, 6, 8, 4].entries()) view.setUint16(4 + 2 * i, word, true);
      view.setInt32(16, 6, true);
      view.setUint32(20, 4, true);
      view.setUint32(24, leaves, true);
      for (let i = 0; i < leaves; i++) {
        view.setUint32(28 + 4 * i, first - 28, true);
        view.setInt32(first + 4 * i, first + 4 * i - 4, true);
      }
      return new Uint8Array(view.buffer);
    };
    expect(check(shape, forest(1_000))).toBe(16);
    expect(check(shape, forest(MAX_TABLES - 1))).toBe(16);
    expect(() => check(shape, forest(MAX_TABLES))).toThrow(`leaf: more than ${MAX_TABLES} tables`);
  });
});
