/** What bots of one process are sent is checked against each other's, and once in full. */
import { describe, expect, it } from 'vitest';
import { Sequence } from '../../bots/sequence.ts';
import { encodeRows } from '../../game-logic/snapshot.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { encodeCommands, type Snapshot } from '../../schemas/generated/client.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { decodeEnvelope, joinBatch } from '../../schemas/support/envelope.ts';

/** A world that got goods so often, and what it wrote down. */
function played(acts: number, goods = 5) {
  const world = warehouse.testWorld();
  for (let at = 0; at < acts; at++) world.act('ann', 'inbound', { to: 'A', amount: goods });
  return world;
}

const message = (commands: readonly Uint8Array[], first: number) =>
  encodeCommands({
    first,
    last: first + commands.length - 1,
    batch: joinBatch(commands.map((one) => one.slice())),
  });

function begun() {
  const wrong: [number, string][] = [];
  const seen: number[] = [];
  const sequence = new Sequence(warehouse, {
    command: ({ number }) => seen.push(number),
    wrong: (number, what) => wrong.push([number, what]),
  });
  return { sequence, wrong, seen };
}

function snapshotOf(world: ReturnType<typeof played>): { head: Snapshot; parts: Uint8Array[] } {
  const { number, born, time, digest, systemDigest } = world.state;
  const parts = encodeRows(world.state);
  const rows = parts[0] as Uint8Array;
  const head = {
    number,
    born,
    time,
    tables: digest,
    system: systemDigest,
    part: 0,
    parts: parts.length,
    rows,
  };
  return { head, parts };
}

/** From the beginning of the world. */
function atStart() {
  const one = begun();
  const { head, parts } = snapshotOf(played(0));
  one.sequence.snapshot(head, parts);
  return one;
}

describe('the sequence of a process of bots', () => {
  it('verifies each command once, and tells of it once, however many bots are sent it', () => {
    const world = played(6);
    const { sequence, wrong, seen } = atStart();
    const all = message(world.commands, 1);
    expect(sequence.take(all)).toMatchObject({ first: 1, last: 6 });
    expect(sequence.take(all.slice())).toMatchObject({ first: 1, last: 6 });
    // Another region cuts its frames elsewhere.
    sequence.take(message(world.commands.slice(0, 2), 1));
    sequence.take(message(world.commands.slice(2), 3));
    expect([seen, wrong, sequence.verified, sequence.unchecked]).toEqual([[1, 2, 3, 4, 5, 6], [], 6, 0]);
    expect(sequence.digestAt(6)).toBe(digestText(world.state.digest));
    expect(sequence.digestAt(7)).toBeUndefined();
  });

  it('notices that two bots were sent different commands of one number', () => {
    const { sequence, wrong } = atStart();
    sequence.take(message(played(4).commands, 1));
    sequence.take(message(played(4, 6).commands.slice(2, 3), 3));
    expect(wrong).toEqual([[3, expect.stringContaining('other bytes')]]);
  });

  it('notices a flipped bit, a wrong number and a message that lies about itself', () => {
    const { commands } = played(3);
    const flipped = atStart();
    const first = (commands[0] as Uint8Array).slice();
    const { tables } = decodeEnvelope(first);
    const view = new DataView(first.buffer);
    const at = Array.from({ length: first.length / 4 }, (_, word) => 4 * word).find(
      (byte) => view.getUint32(byte, true) === tables.low,
    ) as number;
    first[at] = (first[at] as number) ^ 1;
    flipped.sequence.take(message([first], 1));
    expect(flipped.wrong).toEqual([[1, expect.stringContaining('digest')]]);

    const wrong = atStart();
    wrong.sequence.take(message(commands.slice(1), 1));
    expect(wrong.wrong[0]).toEqual([1, expect.stringContaining('2')]);

    const lying = atStart();
    const batch = joinBatch(commands);
    expect(lying.sequence.take(encodeCommands({ first: 1, last: 9, batch }))).toBeNull();
    expect(lying.sequence.take(new Uint8Array([1, 2, 3]))).toBeNull();
    expect(lying.wrong).toHaveLength(2);
  });

  it('goes on from a later snapshot, and holds a snapshot against the commands', () => {
    const { sequence, wrong, seen } = atStart();
    const world = played(5);
    sequence.take(message(world.commands.slice(0, 2), 1));
    const { head, parts } = snapshotOf(played(4));
    // A bot that came later: from its snapshot on there is a full check again.
    sequence.snapshot(head, parts);
    sequence.take(message(world.commands.slice(4), 5));
    expect([seen, wrong]).toEqual([[1, 2, 5], []]);
    const other = snapshotOf(played(2, 6));
    sequence.snapshot(other.head, other.parts);
    expect(wrong).toEqual([[2, expect.stringContaining('snapshot of 2')]]);
    const forged = begun();
    forged.sequence.snapshot({ ...head, tables: { low: 1, high: 2 } }, parts);
    expect(forged.wrong).toEqual([[4, expect.stringContaining('not sound')]]);
  });

  it('checks numbers only where it cannot check more, and says so', () => {
    const { sequence, wrong } = begun();
    const { commands } = played(3);
    sequence.take(message(commands.slice(1), 2));
    expect([sequence.unchecked, wrong]).toEqual([2, []]);
    sequence.take(message(commands.slice(2), 7));
    expect(wrong).toEqual([[7, expect.stringContaining('command 3 came where 7 was due')]]);
  });
});
