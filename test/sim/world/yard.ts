import type { FunctionContext, TimerContext } from '../../../game-logic/context.ts';
import type { World } from '../../../game-logic/define-world.ts';
import type { WarehouseSchema } from '../../../schemas/generated/warehouse.ts';
import type { Production } from '../production.ts';

/**
 * The warehouse with a yard around it: people come in and go out, a spring drives a clock, bells ring. Its deeds answer as the
 * warehouse's do, so that the same model judges them; what belongs to the yard stands in rows whose names begin with '~'.
 *
 * The gate winds the spring by 3; each tick unwinds it by 1, unless the tick throws. While the spring stands at 4n+3 the gate is
 * shut, at 8n+5 it breaks, and the next tick helps. Whoever brings goods in sets a bell, and takes back the one set before.
 */
export const GATE_WINDS = 3;
export const SPRING_MOST = 40;
export const TICK_MS = 50;
const BELL_MS = 1500;
const TICK_FAILS = 0.1;

export const isShut = (spring: number): boolean => spring % 4 === 3;
export const isBroken = (spring: number): boolean => spring % 8 === 5;
/** Whoever leaves then leaves their mark in the yard, for the function throws. */
export const leavingFails = (goods: number): boolean => goods % 3 === 1;
/** The bell is used up without a sound. */
export const bellFails = (goods: number): boolean => goods % 5 === 2;
/** How long after a deed its bell rings. */
export const bellAfter = (amount: number): number => (amount * 97) % BELL_MS;

export const SPRING = '~spring';
export const RUNG = '~rung';
export const insideOf = (session: string): string => `~in:${session}`;
export const bellOf = (session: string): string => `~bell:${session}`;

type Yard = World<WarehouseSchema>;
type Bells = { readonly ring: { readonly of: string } };
type Context = FunctionContext<WarehouseSchema, Bells>;
/** A tick of the yard runs at a leader; `stuck`: it throws. */
export type Ticked = (stuck: boolean) => void;

export function makeYard(production: Production, ticked: Ticked = () => {}): Yard {
  const { warehouse, defineWorld } = production;
  const deed = (name: 'open' | 'inbound' | 'outbound' | 'transfer') => (ctx: Context, args: object) =>
    warehouseAction(production, name, ctx, args);
  return defineWorld(warehouse.schema, {
    initial: { warehouse: [{ id: 'A' }, { id: 'B' }, { id: 'C' }] },
    timers: {
      ring(ctx: TimerContext<WarehouseSchema>, { of }: { readonly of: string }) {
        ctx.world.warehouse.remove(bellOf(of));
        count(ctx, RUNG, 1);
        if (bellFails(goodsAtA(ctx))) throw new Error('the bell has no clapper');
      },
    },
    actions: {
      open: deed('open'),
      outbound: deed('outbound'),
      transfer: deed('transfer'),
      inbound(ctx: Context, args) {
        const result = deed('inbound')(ctx, args);
        setBell(ctx, bellAfter(args.amount));
        return result;
      },
    },
    join(ctx: Context) {
      const spring = ctx.world.warehouse.row(SPRING)?.amount ?? 0;
      if (isShut(spring)) ctx.refuse('gate-shut');
      count(ctx, insideOf(ctx.session), 1);
      if (isBroken(spring)) throw new Error('the gate is broken');
      if (spring < SPRING_MOST) count(ctx, SPRING, GATE_WINDS);
    },
    leave(ctx: Context) {
      ctx.world.warehouse.remove(insideOf(ctx.session));
      if (leavingFails(goodsAtA(ctx))) throw new Error('the gate squeaks');
    },
    tick: {
      everyMs: TICK_MS,
      run(ctx: Context) {
        const stuck = ctx.random() < TICK_FAILS;
        ticked(stuck);
        const spring = ctx.world.warehouse.get(SPRING);
        if (spring !== undefined && spring.amount > 0) spring.amount -= 1;
        if (stuck) throw new Error('the clock is stuck');
      },
    },
  });
}

function warehouseAction({ warehouse }: Production, name: string, ctx: Context, args: object): unknown {
  const { actions } = warehouse as unknown as {
    readonly actions: ReadonlyMap<string, { run(ctx: unknown, args: unknown): unknown }>;
  };
  return actions.get(name)!.run(ctx, args);
}

function setBell(ctx: Context, ms: number): void {
  const id = bellOf(ctx.session);
  const before = ctx.world.warehouse.row(id);
  if (before !== undefined) ctx.cancel(before.amount);
  const amount = ctx.after(ms, 'ring', { of: ctx.session });
  ctx.world.warehouse.put({ id, amount });
}

function goodsAtA(ctx: TimerContext<WarehouseSchema>): number {
  return ctx.world.warehouse.row('A')?.amount ?? 0;
}

function count(ctx: TimerContext<WarehouseSchema>, id: string, by: number): void {
  const amount = (ctx.world.warehouse.row(id)?.amount ?? 0) + by;
  ctx.world.warehouse.put({ id, amount });
}
