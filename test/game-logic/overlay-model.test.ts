/**
 * LS against a naive model: random functions over two tables, some of which refuse or throw, with M lagging behind by any number of
 * commands and leaders changing at any time. The model copies whole tables and knows nothing of overlays.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Overlay, type OverlayTable } from '../../game-logic/overlay.ts';
import { WorldState } from '../../game-logic/state.ts';
import { Tables } from '../../game-logic/tables.ts';
import { arenaSchema } from '../../schemas/generated/arena.ts';
import type { TableType } from '../../schemas/support/types.ts';
import { Lab, type LabContext } from './lab.ts';

type Op =
  | { readonly do: 'put'; readonly key: number; readonly value: number }
  | { readonly do: 'set'; readonly key: number; readonly value: number }
  | { readonly do: 'setBack'; readonly key: number }
  | { readonly do: 'remove'; readonly key: number }
  | { readonly do: 'moveAll'; readonly by: number }
  | { readonly do: 'read'; readonly key: number };
type End = 'return' | 'refuse' | 'swallowed' | 'throw';
type Step =
  | {
      readonly kind: 'function';
      readonly ops: readonly Op[];
      readonly end: End;
      readonly table: 'coin' | 'player';
    }
  | { readonly kind: 'issue'; readonly count: number }
  | { readonly kind: 'leader' };

const key = fc.integer({ min: 0, max: 11 });
const value = fc.integer({ min: 0, max: 3 });
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constant('put' as const), key, value }),
  fc.record({ do: fc.constant('set' as const), key, value }),
  fc.record({ do: fc.constant('setBack' as const), key }),
  fc.record({ do: fc.constant('remove' as const), key }),
  fc.record({ do: fc.constant('moveAll' as const), by: value }),
  fc.record({ do: fc.constant('read' as const), key }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('function' as const),
      ops: fc.array(op, { maxLength: 20, size: 'max' }),
      end: fc.oneof(
        { weight: 6, arbitrary: fc.constant('return' as const) },
        fc.constantFrom<End>('refuse', 'swallowed', 'throw'),
      ),
      table: fc.constantFrom('coin' as const, 'player' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('issue' as const), count: fc.integer({ min: 0, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leader' as const) }) },
);

/** Rows by key, in order; one value a row is enough. */
type Model = Map<number, number>;

function onModel(before: Model, ops: readonly Op[]): Model {
  const working = new Map(before);
  for (const op of ops) {
    if (op.do === 'put') working.set(op.key, op.value);
    else if (op.do === 'set' && working.has(op.key)) working.set(op.key, op.value);
    else if (op.do === 'remove') working.delete(op.key);
    else if (op.do === 'moveAll') for (const [key, x] of working) working.set(key, x + op.by);
  }
  // A command says what a row is in the end: one that was there before keeps its place.
  const after: Model = new Map();
  for (const key of before.keys()) if (working.has(key)) after.set(key, working.get(key) as number);
  for (const [key, x] of working) if (!after.has(key)) after.set(key, x);
  return after;
}

function onWorld(ctx: LabContext, table: 'coin' | 'player', ops: readonly Op[], model: Model): void {
  const { coin, player } = ctx.world;
  const seen = new Map(model);
  const get = (key: number) => (table === 'coin' ? coin.get(key) : player.get(`${key}`));
  for (const op of ops) {
    switch (op.do) {
      case 'put':
        if (table === 'coin') coin.put({ id: op.key, x: op.value });
        else player.put({ id: `${op.key}`, x: op.value, name: 'né 🗡' });
        seen.set(op.key, op.value);
        break;
      case 'set': {
        const draft = get(op.key);
        expect(draft !== undefined).toBe(seen.has(op.key));
        if (draft === undefined) break;
        draft.x = op.value;
        seen.set(op.key, op.value);
        break;
      }
      case 'setBack': {
        const draft = get(op.key);
        if (draft === undefined) break;
        const { x } = draft;
        draft.x = x + 1;
        draft.x = x;
        break;
      }
      case 'remove': {
        const removed = table === 'coin' ? coin.remove(op.key) : player.remove(`${op.key}`);
        expect(removed).toBe(seen.delete(op.key));
        break;
      }
      case 'moveAll':
        for (const draft of table === 'coin' ? coin : player) draft.x += op.by;
        for (const [key, x] of seen) seen.set(key, x + op.by);
        break;
      case 'read': {
        const row = table === 'coin' ? coin.row(op.key) : player.row(`${op.key}`);
        expect(row?.x).toBe(seen.get(op.key));
        expect(get(op.key)?.x).toBe(seen.get(op.key));
        break;
      }
    }
    expect(ctx.world[table].size).toBe(seen.size);
  }
}

const listed = (model: Model) => [...model].map(([key, x]) => ({ key, x }));
const asListed = (rows: Iterable<object>) =>
  [...rows].map((row) => {
    const { id, x } = row as { readonly id: string | number; readonly x: number };
    return { key: Number(id), x };
  });

function play(steps: readonly Step[]): void {
  const lab = new Lab();
  const models = { coin: new Map() as Model, player: new Map() as Model };
  const history: { readonly coin: Model; readonly player: Model }[] = [{ ...models }];
  for (const step of steps) {
    if (step.kind === 'issue') lab.issue(step.count);
    else if (step.kind === 'leader') lab.changeLeader();
    else {
      const { table, ops, end } = step;
      const before = { version: lab.leader.version, digest: { ...lab.leader.digest } };
      const executed = lab.run((ctx) => {
        onWorld(ctx, table, ops, models[table]);
        if (end === 'refuse') ctx.refuse('no');
        if (end === 'throw') throw new Error('a bug');
        if (end === 'swallowed') {
          try {
            ctx.refuse('no');
          } catch {
            // A refusal stands even so.
          }
        }
      });
      if (lab.logs.some(({ fields }) => JSON.stringify(fields).includes('AssertionError')))
        throw new Error(JSON.stringify(lab.logs));
      const after = onModel(models[table], ops);
      const same = JSON.stringify(listed(after)) === JSON.stringify(listed(models[table]));
      expect(executed.kind).toBe(
        end === 'throw' ? 'failed' : end !== 'return' ? 'refused' : same ? 'nothing' : 'command',
      );
      if (executed.kind === 'command') {
        models[table] = after;
        history.push({ ...models });
      } else {
        expect({ version: lab.leader.version, digest: lab.leader.digest }).toEqual(before);
      }
    }
    for (const table of ['coin', 'player'] as const)
      expect(asListed(lab.rows(table))).toEqual(listed(models[table]));
    const applied = history[lab.state.number] as (typeof history)[number];
    for (const table of ['coin', 'player'] as const)
      expect(asListed(lab.state.table(table)?.rows() ?? [])).toEqual(listed(applied[table]));
  }
  lab.issue();
  expect(lab.leader.overlaySize).toBe(0);
  expect(lab.leader.digest).toEqual(lab.state.digest);
  expect(lab.leader.systemDigest).toEqual(lab.state.systemDigest);

  const replayed = new WorldState(lab.definition);
  for (const bytes of lab.commands) replayed.apply(bytes, false);
  expect(replayed.toSnapshot()).toEqual(lab.state.toSnapshot());
}

describe('overlay', () => {
  it('[FUN1] [FUN4] [SEQ3] LS holds what the functions made, whatever M lags and whoever leads', () => {
    void fc.assert(fc.property(fc.array(step, { maxLength: 40, size: 'max' }), play), { numRuns: 100 });
  });

  it('[SEQ6] LS and M are equal in everything once all is issued (I9, T63)', () => {
    const lab = new Lab();
    lab.run((ctx) => ctx.world.coin.put({ id: 1, x: 1 }));
    lab.run((ctx) => {
      const coin = ctx.world.coin.get(1);
      if (coin !== undefined) coin.x = 2;
    });
    expect(lab.leader.overlaySize).toBeGreaterThan(0);
    lab.issue(1);
    // Number 2 wrote the row again: the overlay keeps it, for number 1 is not its last writer.
    expect(lab.state.table('coin')?.get(1)).toMatchObject({ x: 1 });
    expect(lab.rows('coin')).toMatchObject([{ id: 1, x: 2 }]);
    expect(lab.leader.overlaySize).toBeGreaterThan(0);
    lab.issue();
    expect(lab.leader.overlaySize).toBe(0);
    expect(lab.leader.digest).toEqual(lab.state.digest);
  });

  it('[SEQ6] whatever values a function sets, LS holds what a replica reads', () => {
    const value = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(-0, 0.1, 2 ** 53, -(2 ** 31), 1e300, 5e-324, Number.NaN),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('\ud800', '\udc00', 'é', '\u0000', 'x') }),
      fc.boolean(),
    );
    const field = fc.constantFrom('name', 'kind', 'skin', 'x', 'hp', 'alive', 'score', 'paid', 'slayer');
    const set = fc.record({ field, value, key: fc.constantFrom('', 'a', 'ü', '🗡'), put: fc.boolean() });
    void fc.assert(
      fc.property(fc.array(set, { size: 'max', maxLength: 30 }), (sets) => {
        const lab = new Lab();
        let commands = 0;
        for (const { field, value, key, put } of sets) {
          const executed = lab.run((ctx) => {
            const values = { [field]: value };
            if (put) ctx.world.player.put({ id: key, ...values });
            else Object.assign(ctx.world.player.get(key) ?? {}, values);
          });
          // A value that does not fit is a bug of the function; any other is a row that all agree on.
          expect(['command', 'nothing', 'failed']).toContain(executed.kind);
          if (executed.kind !== 'command') continue;
          commands++;
          const held = lab.rows('player');
          if (commands % 3 === 0) lab.issue();
          expect(lab.rows('player')).toEqual(held);
        }
        const held = lab.rows('player');
        lab.issue();
        const read = [...(lab.state.table('player')?.rows() ?? [])];
        expect(read.length).toBe(held.length);
        for (const [i, row] of read.entries())
          for (const [name, one] of Object.entries(row))
            expect(Object.is(one, (held[i] as { [name: string]: unknown })[name])).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('notices that M was moved by another than this leader state', () => {
    const lab = new Lab();
    const other = new Lab();
    other.run((ctx) => ctx.world.coin.put({ id: 7 }));
    lab.run((ctx) => ctx.world.coin.put({ id: 8 }));
    lab.state.apply(other.commands[0] as Uint8Array);
    expect(() => lab.leader.issued(1)).toThrow(/digest/);
  });

  it('[SEQ6] M takes what this leader state made as it is, and compares the digests all the same', () => {
    const lab = new Lab();
    lab.run((ctx) => ctx.world.coin.put({ id: 8 }));
    lab.run((ctx) => ctx.world.coin.put({ id: 9 }));
    const { changes } = lab.state.apply(lab.commands[0] as Uint8Array);
    expect(changes).toEqual([
      { table: expect.anything(), key: 8, row: expect.objectContaining({ id: 8 }), previous: undefined },
    ]);
    const twin = new Lab();
    twin.state.apply(lab.commands[0] as Uint8Array);
    expect(lab.state.digest).toEqual(twin.state.digest);
    expect(lab.state.systemDigest).toEqual(twin.state.systemDigest);
    // A replica that is not what it was when the command was made.
    lab.state.tables.digest.low ^= 1;
    expect(() => lab.state.apply(lab.commands[1] as Uint8Array)).toThrow(/digest/);
  });

  it('lets go of what the base has applied once that is a lot, and of nothing else', () => {
    const { coin } = arenaSchema.tables;
    const base = { number: 0, tables: new Tables(arenaSchema) };
    const overlay = new Overlay(base);
    const put = (id: number) => {
      const row = coin.make({ id });
      const changes = [{ table: coin as TableType, op: 'put' as const, key: id, row }];
      overlay.install(changes, id);
      base.tables.apply(changes, id);
    };
    for (let id = 1; id <= 3_000; id++) put(id);
    overlay.sweep();
    expect(overlay.open).toBe(3_000);
    base.number = 2_900;
    overlay.sweep();
    const { entries } = overlay.named('coin') as OverlayTable;
    expect([entries.size, overlay.open]).toEqual([3_000, 100]);
    for (let id = 3_001; id <= 6_100; id++) put(id);
    base.number = 6_000;
    overlay.sweep();
    expect([entries.size, overlay.open]).toEqual([100, 100]);
    expect([...(overlay.named('coin') as OverlayTable).rows()].length).toBe(6_100);
  });
});
