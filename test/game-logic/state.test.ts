/** M(p): commands prove themselves, and a copy can be saved, restored and forked. */
import { describe, expect, it } from 'vitest';
import { StateError, type StateErrorCode } from '../../game-logic/errors.ts';
import { LeaderState } from '../../game-logic/leader-state.ts';
import type { WorldSnapshot } from '../../game-logic/snapshot.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { Envelope } from '../../schemas/support/command-types.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { decodeEnvelope, encodeEnvelope } from '../../schemas/support/envelope.ts';
import { Lab } from './lab.ts';

/** A lab with something of everything in its state. */
function lived(): Lab {
  const lab = new Lab({ join: (ctx) => ctx.world.player.put({ id: ctx.session }) });
  lab.call({ kind: 'join', session: 'ann' });
  for (let i = 0; i < 140; i++)
    lab.run((ctx) => {
      ctx.world.coin.put({ id: i, x: i / 3 });
      ctx.world.coin.remove(i - 20);
      return { i };
    });
  lab.run((ctx) => ctx.after(500, 'ring', { note: 'später' }), 'bob', 4);
  lab.now += 7;
  lab.run((ctx) => ctx.world.coin.remove(139));
  lab.issue();
  return lab;
}

function forge(bytes: Uint8Array, change: Partial<Envelope>): Uint8Array {
  return encodeEnvelope({ ...decodeEnvelope(bytes), ...change });
}

function codeOf(work: () => void): StateErrorCode | 'none' {
  try {
    work();
  } catch (error) {
    if (error instanceof StateError) return error.code;
    throw error;
  }
  return 'none';
}

describe('applying', () => {
  const lab = new Lab({ join: () => {} });
  lab.run((ctx) => ctx.world.coin.put({ id: 1 }));
  lab.run((ctx) => {
    ctx.world.coin.put({ id: 2 });
    return 'seen';
  });
  const [first, second] = lab.commands as [Uint8Array, Uint8Array];
  const timer = { id: 128, due: 5, name: 'ring', args: 'null' };
  const wrong = { low: 1, high: 2 };

  const faults: readonly [string, StateErrorCode, Partial<Envelope>][] = [
    ['a number left out', 'gap', { number: 3 }],
    ['a number again', 'gap', { number: 1 }],
    ['another precedent', 'wrong-precedent', { precedent: 6 }],
    ['time going back', 'forged', { time: 1 }],
    ['another result', 'digest-mismatch', { result: '"other"' }],
    ['another session', 'digest-mismatch', { session: 'bob' }],
    ['another sequence', 'digest-mismatch', { sequence: 7 }],
    ['a sequence again', 'forged', { sequence: 1 }],
    ['another origin', 'digest-mismatch', { origin: { region: 2, request: 2 } }],
    ['no origin', 'digest-mismatch', { origin: null }],
    ['another time', 'digest-mismatch', { time: lab.now + 1 }],
    ['a timer more', 'digest-mismatch', { timersSet: [timer] }],
    ['a timer twice', 'forged', { timersSet: [timer, timer] }],
    ['a timer cancelled that is not there', 'forged', { timersCancelled: [64] }],
    ['a timer fired that is not there', 'forged', { timerFired: 64 }],
    ['no delta', 'digest-mismatch', { delta: null }],
    ['a join', 'digest-mismatch', { action: '$join' }],
    ['the end of nobody', 'forged', { action: '$end', session: 'bob' }],
    ['another digest of the tables', 'digest-mismatch', { tables: wrong }],
    ['another digest of the system', 'digest-mismatch', { system: wrong }],
  ];

  it.each(faults)('[SEQ1] [SEQ3] [SEQ6] notices %s: %s', (_, code, change) => {
    for (const copy of [new WorldState(lab.definition), new LeaderState(new WorldState(lab.definition))]) {
      const apply = (bytes: Uint8Array) =>
        copy instanceof WorldState ? void copy.apply(bytes) : copy.adopt(bytes);
      apply(first);
      expect(codeOf(() => apply(forge(second, change)))).toBe(code);
    }
    const sound = new WorldState(lab.definition);
    sound.apply(first);
    sound.apply(forge(second, {}));
    expect(sound.number).toBe(2);
  });

  it('says the number and both digests', () => {
    const state = new WorldState(lab.definition);
    const { tables } = decodeEnvelope(first);
    expect(() => state.apply(forge(first, { tables: wrong }))).toThrow(
      `command 1: the tables' digest is ${digestText(tables)} here and 0000000200000001 in the command`,
    );
  });

  it('a copy that failed serves nothing more', () => {
    const state = new WorldState(lab.definition);
    expect(codeOf(() => state.apply(forge(first, { tables: wrong })))).toBe('digest-mismatch');
    expect(() => state.apply(first)).toThrow('failed at an earlier command');
    expect(state.number).toBe(0);
  });

  it('a command that is not next costs the copy nothing', () => {
    const state = new WorldState(lab.definition);
    expect(codeOf(() => state.apply(second))).toBe('gap');
    state.apply(first);
    state.apply(second);
    expect(state.number).toBe(2);
  });

  it('a patch or removal of a row that is not there is noticed', () => {
    const other = new Lab();
    other.run((ctx) => ctx.world.coin.put({ id: 9 }));
    other.run((ctx) => void ctx.world.coin.remove(9));
    const state = new WorldState(other.definition);
    state.apply(first);
    expect(codeOf(() => state.apply(other.commands[1] as Uint8Array))).toBe('forged');
  });

  it('[EDGE1] untrusted bytes are verified', () => {
    const state = new WorldState(lab.definition);
    for (let at = 0; at < first.length; at += 3) {
      const bytes = first.slice();
      bytes[at] = (bytes[at] as number) ^ 0xff;
      let thrown = '';
      try {
        state.fork().apply(bytes, false);
      } catch (error) {
        thrown = (error as Error).name;
      }
      // Padding may be anything, and `born` is checked by the command that comes next; nothing else goes unnoticed.
      if (thrown === '') {
        const { born } = decodeEnvelope(bytes);
        expect(decodeEnvelope(bytes)).toEqual({ ...decodeEnvelope(first), born, delta: expect.anything() });
      } else expect(['SchemaError', 'StateError']).toContain(thrown);
    }
  });

  it('tells what changed, with the row before', () => {
    const some = new Lab();
    some.run((ctx) => ctx.world.coin.put({ id: 1, x: 1 }));
    some.run((ctx) => {
      const coin = ctx.world.coin.get(1);
      if (coin !== undefined) coin.x = 2;
      ctx.world.match.remove(0);
    });
    const state = new WorldState(some.definition);
    const [put, patch] = some.commands.map((bytes) => state.apply(bytes).changes);
    expect(put).toMatchObject([{ key: 1, row: { x: 1 }, previous: undefined }]);
    expect(patch).toMatchObject([
      { key: 1, row: { id: 1, x: 2 }, previous: { id: 1, x: 1 } },
      { key: 0, row: undefined, previous: { id: 0 } },
    ]);
  });
});

describe('copies', () => {
  it('a snapshot restores everything, through JSON too', () => {
    const lab = lived();
    const snapshot = lab.state.toSnapshot();
    const restored = WorldState.restore(
      lab.definition,
      JSON.parse(JSON.stringify(snapshot)) as WorldSnapshot,
    );
    expect(restored.toSnapshot()).toEqual(snapshot);
    expect(restored.digest).toEqual(lab.state.digest);
    expect(restored.nextTimer()).toEqual(lab.state.nextTimer());
    for (const sequence of [1, 12, 13, 14, 140, 141, 142])
      expect(restored.session('ann')?.answer(sequence)).toEqual(lab.state.session('ann')?.answer(sequence));
    // It goes on like the original, and can lead.
    lab.now += 1_000;
    lab.run((ctx) => ctx.world.coin.put({ id: 1_000 }));
    lab.call({ kind: 'timer' });
    for (const bytes of lab.open) restored.apply(bytes);
    lab.issue();
    expect(restored.toSnapshot()).toEqual(lab.state.toSnapshot());
    expect(new LeaderState(restored).systemDigest).toEqual(lab.leader.systemDigest);
  });

  const spoilings: readonly [string, (snapshot: WorldSnapshot) => object][] = [
    ['a row less', ({ tables }) => ({ tables: { ...tables, coin: tables['coin']?.slice(1) } })],
    [
      'a row twice',
      ({ tables }) => ({ tables: { ...tables, coin: [...(tables['coin'] ?? []), tables['coin']?.[0]] } }),
    ],
    ['a session less', ({ sessions }) => ({ sessions: sessions.slice(1) })],
    [
      'another answer',
      ({ sessions }) => ({
        sessions: sessions.map((one) => ({
          ...one,
          answers: one.answers.map((a) => ({ ...a, result: '0' })),
        })),
      }),
    ],
    [
      'another floor',
      ({ sessions }) => ({ sessions: sessions.map((one) => ({ ...one, floor: one.floor + 1 })) }),
    ],
    [
      'a session that left',
      ({ sessions }) => ({ sessions: sessions.map((one) => ({ ...one, joined: false })) }),
    ],
    ['no timers', () => ({ timers: [] })],
    ['another timer', ({ timers }) => ({ timers: timers.map((one) => ({ ...one, due: one.due + 1 })) })],
    ['another time', ({ time }) => ({ time: time + 1 })],
  ];
  it.each(spoilings)('a snapshot with %s is not restored', (_, spoil) => {
    const lab = lived();
    const snapshot = lab.state.toSnapshot();
    const spoilt = { ...snapshot, ...spoil(snapshot) } as WorldSnapshot;
    expect(['digest-mismatch', 'forged']).toContain(codeOf(() => WorldState.restore(lab.definition, spoilt)));
  });

  it('a fork goes its own way', () => {
    const lab = lived();
    const fork = lab.state.fork();
    const before = fork.toSnapshot();
    for (let i = 0; i < 10; i++) lab.run((ctx) => ctx.world.coin.put({ id: 2_000 + i }));
    lab.now += 1_000;
    expect(lab.call({ kind: 'timer' }).kind).toBe('command');
    lab.call({ kind: 'end', session: 'bob' });
    lab.issue();
    expect(fork.toSnapshot()).toEqual(before);
    expect(fork.nextTimer()).toEqual(before.timers[0]);
    const other = new LeaderState(fork);
    const environment = { now: 0, random: () => 0, log: () => {} };
    expect(other.execute({ kind: 'end', session: 'ann' }, 9, environment).kind).toBe('command');
    for (const bytes of lab.commands.slice(fork.number)) fork.apply(bytes);
    expect(fork.toSnapshot()).toEqual(lab.state.toSnapshot());
  });
});
