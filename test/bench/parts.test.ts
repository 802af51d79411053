/** Pure parts of single benchmarks: pauses, the search for a limit, wide-area arithmetic, and the few bytes that lines read themselves. */
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../bots/histogram.ts';
import { encodeCommands, encodeFrame } from '../../schemas/generated/client.ts';
import { longestGap } from './gaps.ts';
import { atLeast, atMost, goalCell, goalList, noneIn } from './goals.ts';
import { lastNumber } from './lines/last-number.ts';
import { clientFrame, frameAt } from './lines/web-socket.ts';
import { interpolate } from './memory.ts';
import { secondsIn, threadSeconds, usedSince } from './processes.ts';
import { nextCount } from './search.ts';
import { bytesByPort } from './socket-bytes.ts';
import { percentileOf } from './statistics.ts';
import { votesToAll, votesToLeader } from './theory.ts';

describe('the longest pause', () => {
  it('begins with the last event before the time looked at', () => {
    expect(longestGap([1, 2, 3, 9, 10], 4, 10)).toBe(6);
  });
  it('counts an end without events, and a time without any', () => {
    expect(longestGap([1, 2, 3], 2, 8)).toBe(5);
    expect(longestGap([], 2, 8)).toBe(6);
  });
  it('passes over what came later', () => {
    expect(longestGap([1, 2, 3, 100], 0, 4)).toBe(1);
  });
});

describe('the search for the largest number that is good', () => {
  const search = (limit: number, first: number, most: number) => {
    let [good, bad, steps] = [0, Number.POSITIVE_INFINITY, 0];
    for (;;) {
      const next = nextCount(good, bad, first, most, 1.1);
      if (next === null) return { good, steps };
      steps += 1;
      if (next <= limit) good = next;
      else bad = next;
    }
  };

  it.each([[7], [50], [333], [999]])('comes within a tenth of %i', (limit) => {
    const { good, steps } = search(limit, 50, 4_000);
    expect(good).toBeLessThanOrEqual(limit);
    expect(good).toBeGreaterThanOrEqual(limit / 1.15 - 1);
    expect(steps).toBeLessThan(14);
  });
  it('ends where nothing is too much, or everything', () => {
    expect(search(1e9, 50, 4_000).good).toBe(4_000);
    expect(search(0, 50, 4_000).good).toBe(0);
  });
});

describe('theory of wide areas', () => {
  // Round trips 80, 150 and 220.
  const oneWay = [
    [0, 40, 110],
    [40, 0, 75],
    [110, 75, 0],
  ];
  it('a client beside the leader waits for the nearest other region', () => {
    expect(votesToAll({ oneWay, leader: 0, from: 0, to: 0 })).toBe(80);
    expect(votesToLeader({ oneWay, leader: 0, from: 0, to: 0 })).toBe(80);
  });
  it('a client elsewhere waits for a round trip to the leader; with votes to the leader only, for one more', () => {
    expect(votesToAll({ oneWay, leader: 0, from: 1, to: 1 })).toBe(80);
    expect(votesToLeader({ oneWay, leader: 0, from: 1, to: 1 })).toBe(160);
  });
  it('who looks sees it one way after the leader made it', () => {
    expect(votesToAll({ oneWay, leader: 1, from: 0, to: 2 })).toBe(40 + 75);
  });
});

describe('bytes that lines read themselves', () => {
  it('the last number of commands and frames, also a large one, wherever the message begins', () => {
    for (const last of [7, 2 ** 40 + 5]) {
      const commands = encodeCommands({ first: 3, last, batch: new Uint8Array(8) });
      const digest = { low: 1, high: 2 };
      const head = { first: 3, last, precedent: 1, born: 1, time: 5, tables: digest };
      for (const message of [commands, encodeFrame({ ...head, groups: [] })]) {
        const frame = Buffer.concat([Buffer.from([17, 2]), message]);
        expect(lastNumber(frame, 2)).toBe(last);
      }
    }
  });

  it.each([[0], [125], [126], [65_535], [65_536]])('a WebSocket frame of %i bytes', (length) => {
    const masked = clientFrame(0x82, new Uint8Array(length).fill(7));
    // A server's frame is the same without mask.
    const mask = masked.length - length - 4;
    const frame = Buffer.concat([masked.subarray(0, mask), masked.subarray(mask + 4)]);
    frame[1] = frame[1]! & 0x7f;
    expect(frameAt(frame, 0)).toEqual({ from: mask, to: mask + length });
    expect(frameAt(frame.subarray(0, frame.length - 1), 0)).toBeNull();
    expect(masked[1]! & 0x80).toBe(0x80);
  });
});

it('bytes of connections come from what ss prints', () => {
  const text = [
    '0      0      127.0.0.1:7001  127.0.0.1:39662',
    '\t bbr wscale:10,10 bytes_sent:861 bytes_acked:861 bytes_received:766 segs_out:17',
    '0      0      127.0.0.1:39662  127.0.0.1:7001',
    '\t bbr bytes_sent:766 bytes_acked:861 bytes_received:861',
    '0      0      127.0.0.1:7001  127.0.0.1:4',
    '\t bbr bytes_received:5',
  ].join('\n');
  expect(bytesByPort(text)).toEqual(
    new Map([
      [7001, 861 + 766 + 5],
      [39662, 766 + 861],
    ]),
  );
});

it('seconds of a thread come from what /proc says, whatever its name is, and one that began since counts in full', () => {
  expect(secondsIn('12 (a) b (c) S 1 1 1 0 -1 4 0 0 0 0 250 51 7 7 20 0 9 0 5')).toBe(3.01);
  const before = new Map([
    [9, 1],
    [11, 4],
  ]);
  const now = new Map([
    [9, 1.5],
    [11, 4],
    [12, 2],
  ]);
  expect(usedSince(before, now)).toEqual([0.5, 0, 2]);
});

it('the main thread is the first of a process', () => {
  expect([...threadSeconds(process.pid).keys()][0]).toBe(process.pid);
});

it('a table that nobody has lies between those that there are', () => {
  const report = [
    { table: 'b', fields: 8, bytes: 200 },
    { table: 'a', fields: 4, bytes: 100 },
  ];
  expect(interpolate(report, 7)).toBe(175);
  expect(interpolate(report, 8)).toBe(200);
  expect(interpolate(report, 9)).toBeNaN();
});

it('no goal is reached where nothing worked', () => {
  const goals = [
    atLeast('nobody wrote', 0, 0),
    atLeast('the other wrote nothing', 300, 0),
    atLeast('not measured', Number.NaN, 1),
    atMost('not measured', Number.NaN, 1),
    atMost('the worst of none', Math.max(...[]), 200),
    atMost('a cost of no work', Number.POSITIVE_INFINITY, 1),
    noneIn('no election in no work', 0, 0),
    noneIn('no election', 0, 1_000),
    noneIn('an election', 1, 1_000),
  ];
  expect(goals.map((goal) => goal?.reached)).toEqual([...Array(7).fill(false), true, false]);
  expect(percentileOf(new Histogram(), 50)).toBeNaN();
  const one = new Histogram();
  one.record(2);
  expect(percentileOf(one, 50)).toBe(2);
});

it('goals are reached, missed, or not there where nobody was to be compared with', () => {
  const goals = [
    atLeast('a', 300, 300),
    atLeast('b', 299, 300),
    atMost('c', 0.2, 0.2),
    atMost('d', 0.3, 0.2),
    atMost('e', 1, Number.NaN),
    atLeast('f', 1, Number.NaN),
    atMost('none', 0, 0),
  ];
  expect(goalCell(goals)).toBe('✓ a, ✗ b, ✓ c, ✗ d, ✓ none');
  expect(goalList(goals).map(({ reached }) => reached)).toEqual([true, false, true, false, true]);
});
