/** Definitions: what types and run time say of one that does not fit, and the world in memory that tests are given. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { FunctionContext, Functions, TimerContext } from '../../game-logic/context.ts';
import { DefinitionError, defineWorld, Failed, Refused, type TestWorld } from '../../game-logic/index.ts';
import { worlds } from '../../game-logic/worlds/index.ts';
import {
  type ArenaSchema,
  arenaSchema,
  type PlayerDraft,
  type PlayerRow,
} from '../../schemas/generated/arena.ts';
import { type WarehouseSchema, warehouseSchema } from '../../schemas/generated/warehouse.ts';

const none = () => {};
const actions = { open: none, inbound: none, outbound: none, transfer: none };

describe('types', () => {
  it('arguments, tables and timers are typed from the schema and the definition', () => {
    const world = defineWorld(arenaSchema, {
      timers: {
        ring(ctx, args: { readonly note: string }) {
          expectTypeOf(ctx).toEqualTypeOf<TimerContext<ArenaSchema>>();
          expectTypeOf(args.note).toBeString();
        },
        bell() {},
      },
      actions: {
        move(ctx, args) {
          expectTypeOf(args).toEqualTypeOf<{ readonly dx: number; readonly dy: number }>();
          expectTypeOf(ctx.world.player.get(ctx.session)).toEqualTypeOf<PlayerDraft | undefined>();
          expectTypeOf(ctx.world.player.row('a')).toEqualTypeOf<PlayerRow | undefined>();
          expectTypeOf(ctx.refuse).returns.toBeNever();
          expectTypeOf(ctx.after(1, 'ring', { note: '' })).toBeNumber();
          for (const draft of ctx.world.player) expectTypeOf(draft).toEqualTypeOf<PlayerDraft>();
          for (const row of ctx.world.player.rows()) expectTypeOf(row).toEqualTypeOf<PlayerRow>();
          ctx.after(1, 'bell');
          // @ts-expect-error a timer that is not there
          expect(() => ctx.after(1, 'rang', { note: '' })).toThrow(TypeError);
          // @ts-expect-error without the arguments it needs
          ctx.after(1, 'ring');
          // @ts-expect-error with other arguments
          ctx.after(1, 'ring', { wrong: 1 });
          // @ts-expect-error a table that is not there
          expect(ctx.world.dragon).toBeUndefined();
          // @ts-expect-error a key of another type
          expect(ctx.world.coin.get('1')).toBeUndefined();
          // @ts-expect-error a field that is not there
          expect(() => ctx.world.player.put({ id: 'a', wings: 2 })).toThrow('wings');
          // @ts-expect-error the row itself cannot be written
          const write = (row: PlayerRow) => (row.x = 1);
          expect(write).toBeDefined();
          return 'checked';
        },
        strike: (_, { target }) => expectTypeOf(target).toBeString(),
        say: none,
        rename: none,
        opponents: none,
        robot: none,
      },
    });
    expect(world.testWorld().act('a', 'move', { dx: 0, dy: 0 }).result).toBe('checked');
    expectTypeOf(world.testWorld()).toEqualTypeOf<TestWorld<ArenaSchema>>();
    expectTypeOf(world.testWorld().tables.player.get('a')).toEqualTypeOf<PlayerRow | undefined>();
    expectTypeOf<FunctionContext<WarehouseSchema, unknown>['now']>().toBeNumber();
  });
});

describe('defineWorld', () => {
  it('[EDGE3] refuses what cannot work', () => {
    const cases: readonly (readonly [() => unknown, string])[] = [
      [
        // @ts-expect-error an action without a function
        () => defineWorld(warehouseSchema, { actions: { open: none, inbound: none, outbound: none } }),
        "'transfer' has no function",
      ],
      [
        // @ts-expect-error an action that the schema does not have
        () => defineWorld(warehouseSchema, { actions: { ...actions, burn: none }, nothing: 1 }),
        "'nothing' is no part",
      ],
      [
        () => defineWorld(warehouseSchema, { actions: { ...actions, burn: none } as typeof actions }),
        "'burn' is not in the schema",
      ],
      [
        () => defineWorld(warehouseSchema, { actions: { ...actions, open: 1 as never } }),
        "'open' must be a function",
      ],
      [
        () => defineWorld(warehouseSchema, { actions: { ...actions, open: async () => {} } }),
        "'open' is async",
      ],
      [() => defineWorld(warehouseSchema, { actions, join: async () => {} }), "'join' is async"],
      [() => defineWorld(warehouseSchema, { actions, tick: { everyMs: 0, run: none } }), 'everyMs'],
      [
        () => defineWorld(warehouseSchema, { actions, tick: { everyMs: 10, run: async () => {} } }),
        "'tick.run' is async",
      ],
      [() => defineWorld(warehouseSchema, { actions, maxSessions: 0 }), 'maxSessions'],
      [() => defineWorld(warehouseSchema, { actions, maxSessions: 1e9 }), 'maxSessions'],
      [() => defineWorld(warehouseSchema, { actions, timers: { 'a b': none } }), 'timer name'],
      // @ts-expect-error a table that the schema does not have
      [() => defineWorld(warehouseSchema, { actions, initial: { shop: [] } }), "table 'shop'"],
      [
        () => defineWorld(warehouseSchema, { actions, initial: { warehouse: [{ amount: 1 }] } }),
        'need a key',
      ],
      [
        () => defineWorld(warehouseSchema, { actions, initial: { warehouse: [{ id: 'A' }, { id: 'A' }] } }),
        'none twice',
      ],
    ];
    for (const [define, message] of cases) {
      expect(define).toThrow(DefinitionError);
      expect(define).toThrow(message);
    }
    // @ts-expect-error a field that the schema does not have
    const initial: Functions<WarehouseSchema, unknown>['initial'] = { warehouse: [{ id: 'A', x: 1 }] };
    const wrong = () => defineWorld(warehouseSchema, { actions, initial: initial ?? {} });
    expect(wrong).toThrow('warehouse.x');
  });

  it('the worlds that ship are known by name', () => {
    expect(worlds.get('warehouse')?.schema).toBe(warehouseSchema);
    for (const [name, world] of worlds) expect(world.name).toBe(name);
  });
});

describe('a world in memory', () => {
  /** Wood grows by ticks and by timers; who joins is welcomed once. */
  const forest = defineWorld(warehouseSchema, {
    initial: { warehouse: [{ id: 'wood' }, { id: 'luck' }] },
    timers: {
      storm(ctx, { fells }: { readonly fells: number }) {
        const wood = ctx.world.warehouse.get('wood');
        if (wood !== undefined) wood.amount += fells;
      },
    },
    actions: {
      open(ctx, { id }) {
        ctx.after(100, 'storm', { fells: 1_000 });
        return id;
      },
      inbound(ctx) {
        const luck = ctx.world.warehouse.get('luck');
        if (luck !== undefined) luck.amount = Math.floor(ctx.random() * 1e9);
      },
      outbound: (ctx) => ctx.refuse('rooted', 'it stays'),
      transfer: () => JSON.parse('{'),
    },
    join: (ctx) => ctx.world.warehouse.put({ id: ctx.session }),
    leave: (ctx) => void ctx.world.warehouse.remove(ctx.session),
    tick: {
      everyMs: 30,
      run(ctx) {
        const wood = ctx.world.warehouse.get('wood');
        if (wood !== undefined) wood.amount += 1;
      },
    },
  });
  const wood = (world: ReturnType<typeof forest.testWorld>) => world.tables.warehouse.get('wood')?.amount;

  it('joins before the first action, and again after a leave', () => {
    const world = forest.testWorld();
    expect(world.act('ann', 'open', { id: 'x' })).toEqual({ number: 2, result: 'x' });
    expect(world.tables.warehouse.has('ann')).toBe(true);
    world.leave('ann');
    expect(world.tables.warehouse.has('ann')).toBe(false);
    world.act('ann', 'open', { id: 'y' });
    expect(world.tables.warehouse.has('ann')).toBe(true);
    world.end('ann');
    expect(world.tables.warehouse.has('ann')).toBe(false);
    expect(world.state.sessionCount()).toBe(0);
  });

  it('throws Refused with the code of the game, Failed with that of the framework', () => {
    const world = forest.testWorld();
    expect(() => world.act('ann', 'outbound', { from: 'wood', amount: 1 })).toThrow(
      new Refused('rooted', 'it stays'),
    );
    const failing = () => world.act('ann', 'transfer', { from: 'a', to: 'b', amount: 1 });
    expect(failing).toThrow(Failed);
    expect(JSON.stringify(world.logged)).toContain('SyntaxError');
  });

  it('time passes as the test says: timers at their time, ticks at theirs', () => {
    const world = forest.testWorld({ now: 1_000 });
    world.act('ann', 'open', { id: 'x' });
    world.advance(30);
    expect(wood(world)).toBe(1);
    world.advance(69);
    expect(wood(world)).toBe(3);
    world.advance(1);
    expect(wood(world)).toBe(1_003);
    expect(world.now).toBe(1_100);
    world.tick();
    expect([wood(world), world.now]).toEqual([1_004, 1_130]);
    world.tick(5);
    expect([wood(world), world.now, world.state.time]).toEqual([1_005, 1_135, 1_135]);
  });

  it('equal seeds are equal worlds', () => {
    const luck = (seed: number) => {
      const world = forest.testWorld({ seed });
      return [1, 2, 3].map(() => {
        world.act('ann', 'inbound', { to: 'luck', amount: 1 });
        return world.tables.warehouse.get('luck')?.amount;
      });
    };
    expect(luck(7)).toEqual(luck(7));
    expect(luck(7)).not.toEqual(luck(8));
    expect(new Set(luck(7)).size).toBe(3);
  });
});
