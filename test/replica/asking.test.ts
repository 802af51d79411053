import { describe, expect, it } from 'vitest';
import { WorldState } from '../../game-logic/state.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import type { Reply } from '../../server/leader/types.ts';
import { PendingActions } from '../../server/replica/pending-actions.ts';
import { PendingReads } from '../../server/replica/pending-reads.ts';
import { PresenceReporter } from '../../server/replica/presence-reporter.ts';
import { CommandTail } from '../../server/replica/tail.ts';

const LIMITS = { outstandingPerSession: 64, pendingActions: 3, deadlineMs: 5_000, resendMs: 1_000 };
const state = new WorldState(warehouse);
const act = (session: string, sequence: number) => ({
  session,
  sequence,
  action: 'inbound',
  args: new Uint8Array(8),
});
const pending = (firstRequest = 0) => new PendingActions(1, firstRequest, LIMITS);
const refused = (request: number): Reply => ({
  region: 1,
  request,
  outcome: 'refused',
  code: 'no',
  detail: '',
});

describe('actions that wait for an answer', () => {
  it('a no counts only if it comes from the leadership that was asked last', () => {
    const actions = pending();
    actions.add(7, act('s', 1), state, 0);
    const [sent] = actions.take(3, 0);
    actions.resend();
    expect(actions.take(4, 10)).toEqual([sent]);
    actions.reply(3, refused(sent?.request ?? 0));
    expect(actions.takeAnswers()).toEqual([]);
    actions.reply(4, refused(sent?.request ?? 0));
    expect(actions.takeAnswers()).toMatchObject([{ id: 7, error: { code: 'refused', gameCode: 'no' } }]);
    actions.reply(4, refused(sent?.request ?? 0));
    expect(actions.takeAnswers()).toEqual([]);
  });

  it('an overloaded leader cannot speak for an earlier one', () => {
    const overloaded = (earlier: boolean) => {
      const actions = pending();
      actions.add(7, act('s', 1), state, 0);
      if (earlier) {
        actions.take(3, 0);
        actions.resend();
      }
      const [sent] = actions.take(4, 0);
      const request = sent?.request ?? 0;
      actions.reply(4, { region: 1, request, outcome: 'failed', code: 'overloaded', detail: '' });
      return actions.takeAnswers()[0]?.error?.kind;
    };
    expect(overloaded(false)).toBe('unavailable');
    expect(overloaded(true)).toBe('unknown');
  });

  it('an answer without a command waits until what it depends on is applied here', () => {
    const actions = pending();
    actions.add(7, act('s', 1), state, 0);
    const [sent] = actions.take(3, 0);
    actions.reply(3, { region: 1, request: sent?.request ?? 0, outcome: 'nothing', number: 9, result: '1' });
    actions.reached(8);
    expect(actions.takeAnswers()).toEqual([]);
    // It is answered, if not told yet: another leader must not run it again.
    actions.resend();
    expect(actions.take(4, 0)).toEqual([]);
    actions.reached(9);
    expect(actions.takeAnswers()).toEqual([
      { id: 7, error: null, answer: { number: 9, result: '1', duplicate: false } },
    ]);
  });

  it('sends each once, all again to another leader, in the order in which they came', () => {
    const actions = pending();
    for (const sequence of [3, 1, 2]) actions.add(sequence, act('s', sequence), state, 0);
    const order = (ballot: number, now: number) => actions.take(ballot, now).map(({ sequence }) => sequence);
    expect(order(3, 0)).toEqual([3, 1, 2]);
    expect(order(3, 999)).toEqual([]);
    expect(order(3, 1_000)).toEqual([3, 1, 2]);
    actions.resend();
    expect(order(4, 1_001)).toEqual([3, 1, 2]);
    actions.expire(4_999);
    expect(actions.takeAnswers()).toEqual([]);
    actions.expire(5_000);
    expect(actions.takeAnswers().map(({ id }) => id)).toEqual([3, 1, 2]);
    expect(order(4, 9_000)).toEqual([]);
  });

  it('what nobody waits for here is handed to no other leader, and dropped where none has it', () => {
    const actions = pending();
    const order = (ballot: number, now: number) => actions.take(ballot, now).map(({ sequence }) => sequence);
    actions.add(1, act('gone', 1), state, 0);
    actions.add(2, act('here', 1), state, 0);
    expect(order(3, 0)).toEqual([1, 1]);
    actions.add(3, act('gone', 2), state, 1);
    actions.forsake('gone');
    expect(actions.takeAnswers()).toMatchObject([
      { id: 3, error: { code: 'no-quorum', kind: 'unavailable' } },
    ]);
    actions.resend();
    expect(actions.take(4, 2).map(({ session }) => session)).toEqual(['here']);
    // Nor is it a reason to send the others again and again.
    expect(order(4, 1_002)).toEqual([1]);
    expect(order(4, 1_003)).toEqual([]);
    // What the leader that was asked makes of it still counts, and so does the deadline.
    actions.expire(5_000);
    expect(actions.takeAnswers()).toMatchObject([
      { id: 1, error: { kind: 'unknown' } },
      { id: 2, error: { kind: 'unknown' } },
    ]);
  });

  it('what is asked for again after its asker went is wanted again', () => {
    const actions = pending();
    actions.add(1, act('s', 1), state, 0);
    actions.take(3, 0);
    actions.forsake('s');
    actions.add(2, act('s', 1), state, 10);
    expect(actions.take(4, 11).map(({ sequence }) => sequence)).toEqual([1]);
    expect(actions.size).toBe(1);
  });

  it('what was answered without effect is run by no other leader, whenever the answer came', () => {
    const parked = () => {
      const actions = pending();
      actions.add(7, act('s', 1), state, 0);
      const [sent] = actions.take(3, 0);
      const nothing: Reply = {
        region: 1,
        request: sent?.request ?? 0,
        outcome: 'nothing',
        number: 9,
        result: '1',
      };
      return { actions, nothing };
    };
    const late = parked();
    late.actions.resend();
    late.actions.reply(3, late.nothing);
    expect(late.actions.take(4, 0)).toEqual([]);
    const left = parked();
    left.actions.reply(3, left.nothing);
    left.actions.forsake('s');
    left.actions.add(8, act('s', 1), state, 0);
    expect(left.actions.take(4, 0)).toEqual([]);
  });

  it('one that waits for its number only is no reason to send the others again and again', () => {
    const actions = pending();
    actions.add(1, act('a', 1), state, 0);
    actions.add(2, act('b', 1), state, 0);
    const [first] = actions.take(3, 0);
    actions.reply(3, { region: 1, request: first?.request ?? 0, outcome: 'nothing', number: 9, result: '1' });
    expect(actions.take(3, 1_000).map(({ session }) => session)).toEqual(['b']);
    expect(actions.take(3, 1_001)).toEqual([]);
  });

  it('what nobody waits for is let go when another leads', () => {
    const actions = pending();
    for (const [id, session] of ['gone', 'here'].entries()) actions.add(id, act(session, 1), state, 0);
    actions.take(3, 0);
    actions.forsake('gone');
    actions.letGo(3);
    expect(actions.size).toBe(2);
    actions.letGo(4);
    expect(actions.takeAnswers()).toMatchObject([{ id: 0, error: { kind: 'unknown' } }]);
    expect(actions.size).toBe(1);
  });

  it('is bounded, and names no two open requests alike when the names run out', () => {
    const actions = pending(2 ** 31 - 2);
    for (const sequence of [1, 2, 3, 4]) actions.add(sequence, act('s', sequence), state, 0);
    expect(actions.takeAnswers()).toMatchObject([{ id: 4, error: { code: 'overloaded' } }]);
    expect(actions.take(3, 0).map(({ request }) => request)).toEqual([2 ** 31 - 1, 1, 2]);
  });
});

describe('reads that wait for the leader', () => {
  it('share a message, and wait until the number is applied', () => {
    const reads = new PendingReads(10, 5_000, 1_000);
    reads.add(1, 0);
    reads.add(2, 0);
    reads.take(50, 0);
    reads.add(3, 1);
    expect(reads.waiting).toBe(true);
    reads.reply(50, 9, 8);
    expect(reads.takeAnswers()).toEqual([]);
    reads.reached(9);
    expect(reads.takeAnswers()).toEqual([
      { id: 1, error: null },
      { id: 2, error: null },
    ]);
  });

  it('are asked again when the leader changes or says nothing, and given up in time', () => {
    const reads = new PendingReads(1, 5_000, 1_000);
    reads.add(1, 0);
    reads.add(2, 0);
    expect(reads.takeAnswers()).toMatchObject([{ id: 2, error: { code: 'overloaded' } }]);
    reads.take(50, 0);
    reads.expire(1_000);
    expect(reads.waiting).toBe(false);
    reads.expire(1_001);
    expect(reads.waiting).toBe(true);
    reads.take(51, 1_001);
    reads.reply(50, 1, 1);
    expect(reads.takeAnswers()).toEqual([]);
    reads.resend();
    reads.take(52, 1_002);
    reads.expire(5_000);
    expect(reads.takeAnswers()).toMatchObject([{ id: 1, error: { code: 'no-quorum' } }]);
    reads.add(3, 5_000);
    expect(reads.takeAnswers()).toEqual([]);
  });
});

describe('presence of a region', () => {
  it('tells the whole list when it changed, not too often, and again now and then', () => {
    const reporter = new PresenceReporter({ refreshMs: 2_000, spacingMs: 50, sessionsPerMs: 20 });
    expect(reporter.take(0)).toBeUndefined();
    reporter.connected('c');
    expect(reporter.take(1)).toEqual({ sessions: ['c'], left: [] });
    reporter.disconnected('c', false);
    reporter.connected('a');
    reporter.connected('a');
    reporter.connected('b');
    expect(reporter.take(50)).toBeUndefined();
    expect(reporter.take(52)).toEqual({ sessions: ['a', 'b'], left: [] });
    reporter.disconnected('a', true);
    expect(reporter.take(1_000)).toBeUndefined();
    reporter.disconnected('a', true);
    expect(reporter.take(1_000)).toEqual({ sessions: ['b'], left: ['a'] });
    expect(reporter.take(2_999)).toBeUndefined();
    expect(reporter.take(3_000)).toEqual({ sessions: ['b'], left: [] });
    reporter.reset();
    expect(reporter.take(3_001)).toBeDefined();
  });
});

describe('the tail of commands', () => {
  /** Commands as the tail sees them: a length, then 12 bytes of anything. */
  const run = (from: number, to: number) => {
    const bytes = new Uint8Array(16 * (to - from + 1));
    for (let number = from; number <= to; number++) {
      bytes.fill(number % 251, 16 * (number - from), 16 * (number - from + 1));
      new DataView(bytes.buffer).setUint32(16 * (number - from), 12, true);
    }
    return bytes;
  };
  const numbers = (commands: Uint8Array[] | undefined) => commands?.map((bytes) => bytes[4]);

  it('keeps the last bytes and says what is older than that', () => {
    const tail = new CommandTail(11, 48);
    expect(tail.read(11, 20, 100)).toEqual([]);
    for (let number = 11; number <= 16; number++) tail.add(run(number, number), 1);
    expect(tail.first).toBe(14);
    expect(tail.read(13, 20, 100)).toBeUndefined();
    expect(numbers(tail.read(14, 20, 100))).toEqual([14, 15, 16]);
    expect(numbers(tail.read(14, 15, 100))).toEqual([14, 15]);
    expect(numbers(tail.read(15, 20, 1))).toEqual([15]);
    for (let number = 17; number <= 12_000; number++) tail.add(run(number, number), 1);
    expect(numbers(tail.read(11_999, 12_000, 100))).toEqual([11_999 % 251, 12_000 % 251]);
    expect(tail.read(12_001, 12_001, 100)).toEqual([]);
  });

  it('reads from the middle of a batch over its end, and lets batches go whole', () => {
    const tail = new CommandTail(1, 100);
    tail.add(run(1, 3), 3);
    tail.add(run(4, 6), 3);
    expect(tail.first).toBe(1);
    expect(numbers(tail.read(2, 5, 1_000))).toEqual([2, 3, 4, 5]);
    expect(numbers(tail.read(2, 5, 48))).toEqual([2, 3, 4]);
    tail.add(run(7, 7), 1);
    expect(tail.first).toBe(4);
    expect(tail.read(3, 7, 1_000)).toBeUndefined();
    expect(numbers(tail.read(6, 9, 1_000))).toEqual([6, 7]);
    // One that is larger than the bound is held all the same.
    tail.add(run(8, 20), 13);
    expect(tail.first).toBe(8);
    expect(numbers(tail.read(20, 20, 1))).toEqual([20]);
  });
});
