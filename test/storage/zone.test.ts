import { describe, expect, it } from 'vitest';
import { RECORD_BYTES, RECORD_COMMANDS } from '../../server/limits.ts';
import { cutRanges, OpenZone } from '../../server/storage/zone.ts';
import { command, commands } from './model.ts';

const shape = (ranges: readonly { first: number; last: number; born: number; precedent: number }[]) =>
  ranges.map(({ first, last, born, precedent }) => [first, last, born, precedent]);

describe('cutRanges', () => {
  it('cuts where numbers, creating ballot or chain break', () => {
    const cut = cutRanges(
      [
        ...commands(1, 3, 4, 0),
        ...commands(4, 5, 7, 4),
        command(8, 7, 7),
        command(9, 7, 5),
        command(2, 5, 4),
      ],
      0,
    );
    expect(shape(cut)).toEqual([
      [1, 3, 4, 0],
      [4, 5, 7, 4],
      [8, 8, 7, 7],
      [9, 9, 7, 5],
      [2, 2, 5, 4],
    ]);
  });

  it('leaves out issued numbers and keeps the chain of the rest', () => {
    expect(shape(cutRanges(commands(1, 5, 4, 0), 3))).toEqual([[4, 5, 4, 4]]);
    expect(cutRanges(commands(1, 5, 4, 0), 5)).toEqual([]);
  });

  it('bounds a range in commands and in bytes', () => {
    const many = cutRanges(commands(1, RECORD_COMMANDS + 1, 4, 0, 1), 0);
    expect(shape(many)).toEqual([
      [1, RECORD_COMMANDS, 4, 0],
      [RECORD_COMMANDS + 1, RECORD_COMMANDS + 1, 4, 4],
    ]);
    const bytes = new Uint8Array(RECORD_BYTES / 2);
    const large = [1, 2, 3].map((number) => ({ number, born: 4, precedent: number === 1 ? 0 : 4, bytes }));
    expect(shape(cutRanges(large, 0))).toEqual([
      [1, 2, 4, 0],
      [3, 3, 4, 4],
    ]);
  });
});

describe('the open zone', () => {
  it('joins neighbours, so that it stays small while the log grows', () => {
    const zone = new OpenZone(0, 0);
    for (let n = 1; n <= 1_000; n++) {
      zone.add({ first: n, last: n, born: 4, precedent: n === 1 ? 0 : 4 });
      if (n > 100) zone.issue(n - 100, 4);
      expect(zone.size).toBe(1);
    }
    expect([zone.upTo, zone.born]).toEqual([900, 4]);
  });

  it('says which of several candidates became the log', () => {
    const zone = new OpenZone(10, 3);
    zone.add({ first: 11, last: 14, born: 3, precedent: 3 });
    zone.add({ first: 12, last: 13, born: 5, precedent: 3 });
    zone.add({ first: 13, last: 20, born: 7, precedent: 5 });
    expect(shape(zone.issue(15, 7))).toEqual([
      [11, 11, 3, 3],
      [12, 12, 5, 3],
      [13, 15, 7, 5],
    ]);
    expect(shape(zone.issue(18, 7))).toEqual([[16, 18, 7, 7]]);
    expect(zone.issue(18, 7)).toEqual([]);
  });

  it('goes on with a command re-voted in pieces', () => {
    const zone = new OpenZone(0, 0);
    zone.add({ first: 1, last: 6, born: 3, precedent: 0 });
    zone.add({ first: 3, last: 4, born: 3, precedent: 3 });
    zone.add({ first: 5, last: 9, born: 3, precedent: 3 });
    expect(shape(zone.issue(9, 3)).at(-1)?.[1]).toBe(9);
    expect([zone.upTo, zone.size]).toEqual([9, 0]);
  });

  it('refuses what cannot be, and stays as it was', () => {
    const zone = new OpenZone(2, 3);
    zone.add({ first: 3, last: 4, born: 5, precedent: 4 });
    zone.add({ first: 6, last: 6, born: 5, precedent: 5 });
    expect(() => zone.issue(4, 5)).toThrow('meets ballot 4 at number 2, where ballot 3 is issued');
    expect(() => zone.issue(6, 5)).toThrow('command 5 born in ballot 5');
    expect(() => zone.issue(1, 3)).toThrow('issued mark (1, born 3) after (2, born 3)');
    expect(() => zone.issue(2, 4)).toThrow('issued mark (2, born 4)');
    expect([zone.upTo, zone.born, zone.size]).toEqual([2, 3, 2]);
  });
});
