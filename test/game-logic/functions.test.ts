/** What a leader function may do, and what becomes of it when it does something else. */
import { describe, expect, it } from 'vitest';
import {
  COMMAND_BYTES,
  RESULT_LENGTH,
  ROWS_PER_COMMAND,
  ROWS_PER_WORLD,
  TIMERS_PER_COMMAND,
} from '../../game-logic/limits.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { PlayerDraft } from '../../schemas/generated/arena.ts';
import { envelopeOf, expectCommand, Lab, type LabContext, NOW } from './lab.ts';

const put = (ctx: LabContext) => ctx.world.coin.put({ id: 1, x: 1 });
const change = (ctx: LabContext) => {
  const coin = ctx.world.coin.get(1);
  if (coin === undefined) put(ctx);
  else coin.x += 1;
};

/** A lab with coin 1 in it, issued. */
function withCoin(): Lab {
  const lab = new Lab();
  lab.run(put);
  lab.issue();
  return lab;
}

function traceless(lab: Lab, act: () => void): void {
  const before = [
    lab.leader.version,
    lab.leader.time,
    { ...lab.leader.digest },
    { ...lab.leader.systemDigest },
  ];
  act();
  expect([lab.leader.version, lab.leader.time, lab.leader.digest, lab.leader.systemDigest]).toEqual(before);
  expect(lab.leader.overlaySize).toBe(0);
}

describe('atomic', () => {
  it('[FUN1] a throw leaves LS untouched, is logged, and the world goes on (T64)', () => {
    const lab = withCoin();
    lab.now += 5_000;
    traceless(lab, () => {
      const executed = lab.run((ctx) => {
        change(ctx);
        ctx.world.coin.put({ id: 2 });
        ctx.world.coin.remove(1);
        ctx.after(10, 'ring', { note: 'never' });
        throw new RangeError('a bug');
      });
      expect(executed).toMatchObject({ kind: 'failed', code: 'internal' });
    });
    expect(lab.logs).toHaveLength(1);
    expect(lab.logs[0]).toMatchObject({
      message: 'function threw',
      fields: { function: 'move', session: 'ann' },
    });
    expect(JSON.stringify(lab.logs[0]?.fields)).toContain('RangeError: a bug');
    expect(lab.leader.nextTimer()).toBeUndefined();
    expectCommand(lab.run(change));
  });

  it('[FUN1] a refusal leaves LS untouched, and its code and detail are the answer', () => {
    const lab = withCoin();
    traceless(lab, () => {
      const executed = lab.run((ctx) => {
        change(ctx);
        ctx.refuse('out-of-reach', '3 m');
      });
      expect(executed).toEqual({ kind: 'refused', code: 'out-of-reach', detail: '3 m' });
    });
    expect(lab.logs).toEqual([]);
  });

  it('[FUN1] a refusal stands though the function catches it', () => {
    const lab = withCoin();
    traceless(lab, () => {
      const executed = lab.run((ctx) => {
        try {
          ctx.refuse('first');
        } catch {
          change(ctx);
        }
        try {
          ctx.refuse('second');
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: it is what a careless function does.
          return 'x'.repeat(RESULT_LENGTH + 1);
        }
      });
      expect(executed).toMatchObject({ kind: 'refused', code: 'first' });
    });
  });

  it('badArguments is a no of its own', () => {
    const lab = new Lab();
    const executed = lab.run((ctx) => ctx.badArguments('from 1'));
    expect(executed).toEqual({ kind: 'failed', code: 'bad-arguments', detail: 'from 1' });
  });

  it('codes and details are cut, and can always be sent', () => {
    const lab = new Lab();
    const executed = lab.run((ctx) => ctx.refuse('x'.repeat(1_000), `${'y'.repeat(199)}🗡\ud800`));
    if (executed.kind !== 'refused') return expect.unreachable();
    expect(executed.code.length).toBeLessThanOrEqual(65);
    expect(executed.detail.length).toBeLessThanOrEqual(201);
    expect(executed.detail).not.toMatch(/[\ud800-\udfff]/);
  });

  it.each([
    ['an async function', async () => 1],
    ['one that fails later', () => Promise.reject(new Error('later'))],
    // biome-ignore lint/suspicious/noThenProperty: a promise of another make.
    ['something like a promise', () => ({ then: (done: () => void) => done() })],
  ])('a promise is an error: %s', async (_, body) => {
    const lab = new Lab();
    expect(lab.run(body)).toMatchObject({ kind: 'failed', code: 'internal' });
    expect(JSON.stringify(lab.logs)).toContain('promise');
    // An unhandled rejection would end the test run.
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('an async function finds its context closed after its first await', async () => {
    const lab = withCoin();
    let said = '';
    lab.run(async (ctx) => {
      const coin = ctx.world.coin.get(1);
      await null;
      for (const late of [
        () => ctx.world.coin.put({ id: 9 }),
        () => ctx.refuse('late'),
        () => ctx.random(),
        () => ctx.after(1, 'ring', { note: 'late' }),
        () => {
          if (coin !== undefined) coin.x = 99;
        },
      ]) {
        try {
          late();
          said += 'ran ';
        } catch (error) {
          said += (error as Error).message.includes('ended') ? 'ended ' : 'other ';
        }
      }
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(said).toBe('ended ended ended ended ended ');
    expect(lab.rows('coin')).toMatchObject([{ id: 1, x: 1 }]);
  });
});

describe('rows in a function', () => {
  it('[FUN4] a put of the same row, a value set and set back, a put and removed row are no change', () => {
    const lab = withCoin();
    for (const body of [
      (ctx: LabContext) => ctx.world.coin.put({ id: 1, x: 1 }),
      (ctx: LabContext) => {
        change(ctx);
        const coin = ctx.world.coin.get(1);
        if (coin !== undefined) coin.x -= 1;
      },
      (ctx: LabContext) => {
        ctx.world.coin.put({ id: 5 });
        ctx.world.coin.remove(5);
      },
      (ctx: LabContext) => {
        ctx.world.coin.remove(1);
        ctx.world.coin.put({ id: 1, x: 1 });
      },
      () => {},
    ])
      traceless(lab, () => expect(lab.run(body).kind).toBe('nothing'));
  });

  it('a put over a row is a patch of what differs, a set field is a patch of itself', () => {
    const lab = withCoin();
    const changes = (body: (ctx: LabContext) => unknown) => {
      const { delta } = envelopeOf(lab.run(body));
      return lab.definition.schema
        .decodeDelta(delta as Uint8Array)
        .map(({ op, key, mask }) => ({ op, key, mask }));
    };
    const bit = lab.definition.schema.tables.coin.fields.findIndex(({ name }) => name === 'x');
    expect(changes((ctx) => ctx.world.coin.put({ id: 1, x: 2 }))).toEqual([
      { op: 'patch', key: 1, mask: 1 << bit },
    ]);
    expect(changes(change)).toEqual([{ op: 'patch', key: 1, mask: 1 << bit }]);
    expect(changes((ctx) => ctx.world.coin.put({ id: 2 }))).toEqual([{ op: 'put', key: 2, mask: undefined }]);
    expect(changes((ctx) => ctx.world.coin.remove(2))).toEqual([{ op: 'remove', key: 2, mask: undefined }]);
  });

  it('two drafts of a row are one', () => {
    const lab = withCoin();
    lab.run((ctx) => {
      const first = ctx.world.coin.get(1);
      const second = ctx.world.coin.get(1);
      if (first === undefined || second === undefined) return;
      first.x = 7;
      expect(second.x).toBe(7);
      second.y = 8;
      expect(ctx.world.coin.row(1)).toMatchObject({ x: 7, y: 8 });
      expect([...ctx.world.coin.rows()]).toMatchObject([{ x: 7, y: 8 }]);
    });
    expect(lab.rows('coin')).toMatchObject([{ id: 1, x: 7, y: 8 }]);
  });

  it('a draft of a removed or replaced row cannot be set', () => {
    const lab = withCoin();
    const stale = (spoil: (ctx: LabContext) => void, touched: boolean) => (ctx: LabContext) => {
      const coin = ctx.world.coin.get(1);
      if (coin === undefined) return;
      if (touched) coin.x = 5;
      spoil(ctx);
      coin.x = 6;
    };
    for (const touched of [false, true]) {
      const removed = lab.run(stale((ctx) => void ctx.world.coin.remove(1), touched));
      expect(removed).toMatchObject({ kind: 'failed', code: 'internal' });
      const replaced = lab.run(stale((ctx) => ctx.world.coin.put({ id: 1, x: 3 }), touched));
      expect(replaced).toMatchObject({ kind: 'failed', code: 'internal' });
    }
    expect(JSON.stringify(lab.logs)).toContain('coin');
  });

  it.each([false, true])('a draft kept beyond its function changes nothing (set before: %s)', (touched) => {
    const lab = new Lab();
    lab.run((ctx) => ctx.world.player.put({ id: 'ann', x: 1 }));
    let kept: PlayerDraft | undefined;
    lab.run((ctx) => {
      kept = ctx.world.player.get('ann');
      if (touched && kept !== undefined) kept.x = 2;
    });
    const before = lab.rows('player');
    expect(() => {
      if (kept !== undefined) kept.x = 99;
    }).toThrow();
    const later = lab.run(() => {
      if (kept !== undefined) kept.x = 99;
    });
    expect(later).toMatchObject({ kind: 'failed', code: 'internal' });
    expect(lab.rows('player')).toEqual(before);
    lab.issue();
    expect(lab.leader.digest).toEqual(lab.state.digest);
  });

  it('iterates what was there at the start, without what the loop removed', () => {
    const lab = new Lab();
    lab.run((ctx) => {
      for (let id = 0; id < 6; id++) ctx.world.coin.put({ id });
    });
    const seen: number[] = [];
    lab.run((ctx) => {
      for (const coin of ctx.world.coin) {
        seen.push(coin.id);
        ctx.world.coin.put({ id: coin.id + 100 });
        ctx.world.coin.remove(coin.id + 1);
      }
    });
    expect(seen).toEqual([0, 2, 4]);
    expect(lab.rows('coin').length).toBe(6);
  });

  it('many rows at once, and nothing of them in the next function', () => {
    const lab = withCoin();
    const many = (ctx: LabContext, from: number) => {
      for (let id = from; id < from + 30; id++) ctx.world.coin.put({ id, x: id });
    };
    lab.run((ctx) => {
      many(ctx, 100);
      for (let id = 100; id < 130; id++) expect(ctx.world.coin.get(id)?.x).toBe(id);
      for (let id = 102; id < 130; id++) expect(ctx.world.coin.remove(id)).toBe(true);
      expect(ctx.world.coin.size).toBe(3);
      expect(ctx.world.coin.has(115)).toBe(false);
    });
    lab.run((ctx) => ctx.world.coin.put({ id: 101, x: 7 }));
    lab.run((ctx) => {
      many(ctx, 200);
      for (let id = 102; id < 130; id++) expect(ctx.world.coin.has(id)).toBe(false);
      expect(ctx.world.coin.get(101)?.x).toBe(7);
      expect(ctx.world.coin.size).toBe(33);
    });
    expect(lab.logs).toEqual([]);
    expect(lab.rows('coin').length).toBe(33);
  });

  it('a row without its key, a wrong value and an unknown field are bugs of the function', () => {
    const lab = new Lab();
    for (const body of [
      (ctx: LabContext) => ctx.world.coin.put({ x: 1 }),
      (ctx: LabContext) => ctx.world.coin.put({ id: -1 }),
      (ctx: LabContext) => ctx.world.coin.put({ id: 1, wrong: 2 } as never),
      (ctx: LabContext) => ctx.world.player.put({ id: 'a', name: '\udc00' }),
      (ctx: LabContext) => ctx.world.player.put({ id: 'a', x: Number.NaN }),
    ])
      traceless(lab, () => expect(lab.run(body)).toMatchObject({ kind: 'failed', code: 'internal' }));
    expect(lab.logs).toHaveLength(5);
  });
});

describe('values, not calls', () => {
  it('chance decides on the leader only (T65)', () => {
    const lab = new Lab();
    lab.random = () => 0.25;
    expectCommand(
      lab.run((ctx) => {
        ctx.world.coin.put({ id: 1, x: Math.random(), y: ctx.random() });
        return Math.random();
      }),
    );
    const [first] = lab.rows('coin');
    const others = [new WorldState(lab.definition), new WorldState(lab.definition)];
    for (const other of others) other.apply(lab.commands[0] as Uint8Array, false);
    for (const other of others) expect(other.table('coin')?.get(1)).toEqual(first);
    expect(first).toMatchObject({ y: 0.25 });
  });

  it('[FUN2] the world time is whole, at least the host time, and never goes back', () => {
    const lab = new Lab();
    const times: number[] = [];
    const at = (now: number) => {
      lab.now = now;
      lab.run((ctx) => {
        times.push(ctx.now);
        change(ctx);
      });
    };
    at(NOW + 0.7);
    at(NOW + 10.2);
    at(NOW - 60_000);
    lab.changeLeader();
    at(NOW - 120_000);
    lab.issue();
    lab.changeLeader();
    at(Number.NaN);
    at(Number.POSITIVE_INFINITY);
    at(NOW + 11);
    expect(times.map((time) => time - NOW)).toEqual([0, 10, 10, 10, 10, 10, 11]);
    lab.issue();
    expect(lab.state.time).toBe(NOW + 11);
  });

  it('the context says who acts and logs', () => {
    const lab = new Lab();
    const executed = lab.run((ctx) => {
      ctx.log('hello', { n: 1 });
      return { session: ctx.session, coin: ctx.world.coin.has(1), size: ctx.world.coin.size };
    }, 'zoe');
    expect(executed).toMatchObject({ result: '{"session":"zoe","coin":false,"size":0}' });
    expect(lab.logs).toEqual([{ message: 'hello', fields: { n: 1 } }]);
  });
});

describe('results', () => {
  it.each([
    [undefined, 'null'],
    [null, 'null'],
    [0.1, '0.1'],
    [-0, '0'],
    [1e21, '1e+21'],
    ['', '""'],
    ['né 🗡', '"né 🗡"'],
    ['a"b', '"a\\"b"'],
    ['a\\b', '"a\\\\b"'],
    ['a\nb', '"a\\nb"'],
    ['a\ud800', '"a\\ud800"'],
    [{ 'a"': 1 }, '{"a\\"":1}'],
    [[1, [true, null]], '[1,[true,null]]'],
    [{ a: { b: undefined, c: '' } }, '{"a":{"c":""}}'],
    [Object.create(null), '{}'],
    [[], '[]'],
  ])('%j is answered as JSON', (value, text) => {
    const lab = new Lab();
    const executed = lab.run((ctx) => {
      put(ctx);
      return value;
    });
    expect(envelopeOf(executed).result).toBe(text);
    lab.issue();
  });

  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  it.each([
    ['a function', () => () => 1],
    ['a bigint', () => 1n],
    ['NaN inside', () => ({ a: [Number.NaN] })],
    ['a hole', () => new Array(3)],
    ['a Map', () => new Map()],
    ['a Date', () => new Date(0)],
    ['a draft', (ctx: LabContext) => ctx.world.match.get(0)],
    ['itself', () => cycle],
  ])('%s is no answer', (_, body) => {
    const lab = new Lab();
    traceless(lab, () => expect(lab.run(body)).toMatchObject({ kind: 'failed', code: 'internal' }));
    expect(JSON.stringify(lab.logs)).toContain('result');
  });
});

describe('bounds', () => {
  it.each([
    ['too-large', 'a result', () => 'x'.repeat(RESULT_LENGTH)],
    [
      'too-large',
      'rows',
      (ctx: LabContext) => {
        for (let id = 0; id <= ROWS_PER_COMMAND; id++) ctx.world.coin.put({ id });
      },
    ],
    [
      'too-large',
      'bytes',
      (ctx: LabContext) => {
        for (let id = 0; id <= COMMAND_BYTES / 60_000; id++)
          ctx.world.message.put({ id, text: 'x'.repeat(60_000) });
      },
    ],
    [
      'too-large',
      'timers at once',
      (ctx: LabContext) => {
        for (let i = 0; i <= TIMERS_PER_COMMAND; i++) ctx.after(i, 'ring', { note: '' });
      },
    ],
    [
      'too-large',
      'arguments of a timer',
      (ctx: LabContext) => ctx.after(1, 'ring', { note: 'x'.repeat(2_000) }),
    ],
  ])('%s: %s', (code, _, body) => {
    const lab = withCoin();
    traceless(lab, () => expect(lab.run(body)).toMatchObject({ kind: 'failed', code }));
  });

  it.each([5, 2_000])('too-large: %i rows full of text, without encoding them all', (rows) => {
    const lab = withCoin();
    const text = 'x'.repeat(60_000);
    const body = (ctx: LabContext) => {
      for (let id = 0; id < rows; id++) ctx.world.message.put({ id, text });
    };
    traceless(lab, () => expect(lab.run(body)).toMatchObject({ kind: 'failed', code: 'too-large' }));
    expectCommand(lab.run(change));
  });

  it('a patch is counted by the fields it sets, not by the row it is of', () => {
    const lab = new Lab();
    for (let id = 0; id < 10; id++) lab.run((ctx) => ctx.world.message.put({ id, text: 'x'.repeat(60_000) }));
    const executed = lab.run((ctx) => {
      for (const message of ctx.world.message) message.name = 'new';
    });
    expect(expectCommand(executed).bytes.length).toBeLessThan(2_000);
  });

  it('overloaded: a full world takes no row more, and lets rows go and change', () => {
    const lab = withCoin();
    (lab.leader as unknown as { overlay: { rowCount: number } }).overlay.rowCount = ROWS_PER_WORLD + 1;
    expect(lab.run((ctx) => ctx.world.coin.put({ id: 2 }))).toMatchObject({
      kind: 'failed',
      code: 'overloaded',
    });
    expectCommand(lab.run(change));
    const exchange = (ctx: LabContext) => {
      ctx.world.coin.remove(1);
      ctx.world.coin.put({ id: 3 });
    };
    expectCommand(lab.run(exchange));
    for (const id of [3, 0])
      expectCommand(lab.run((ctx) => void (id === 0 ? ctx.world.match : ctx.world.coin).remove(id)));
    expectCommand(lab.run((ctx) => ctx.world.coin.put({ id: 4 })));
  });

  it('as many rows as may be', () => {
    const lab = new Lab();
    const executed = lab.run((ctx) => {
      for (let id = 0; id < ROWS_PER_COMMAND; id++) ctx.world.coin.put({ id });
    });
    expect(expectCommand(executed).bytes.length).toBeGreaterThan(ROWS_PER_COMMAND * 20);
    lab.issue();
    expect(lab.state.rowCount()).toBe(ROWS_PER_COMMAND + 1);
  });
});
