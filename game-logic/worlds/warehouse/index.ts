/** The patent's supply chain, EP 3 193 256 A1 [0073]-[0078]: goods come in, go out and move between warehouses. */
import type { WarehouseDraft, WarehouseSchema } from '../../../schemas/generated/warehouse.ts';
import { warehouseSchema } from '../../../schemas/generated/warehouse.ts';
import type { FunctionContext } from '../../context.ts';
import { defineWorld } from '../../define-world.ts';

type Context = FunctionContext<WarehouseSchema, unknown>;

/** Amounts after an action, by warehouse: what players are answered. */
interface Amounts {
  readonly [id: string]: number;
}

export const warehouse = defineWorld(warehouseSchema, {
  initial: { warehouse: [{ id: 'A' }, { id: 'B' }, { id: 'C' }] },
  actions: {
    open(ctx, { id }): Amounts {
      if (ctx.world.warehouse.has(id)) return ctx.refuse('already-open');
      ctx.world.warehouse.put({ id, amount: 0 });
      return amountsOf(find(ctx, id));
    },

    inbound(ctx, { to, amount }): Amounts {
      requireAmount(ctx, amount);
      const target = find(ctx, to);
      add(ctx, target, amount);
      return amountsOf(target);
    },

    outbound(ctx, { from, amount }): Amounts {
      requireAmount(ctx, amount);
      const source = find(ctx, from);
      take(ctx, source, amount);
      return amountsOf(source);
    },

    // From a warehouse to itself it must be able to give the goods, and gets them back.
    transfer(ctx, { from, to, amount }): Amounts {
      requireAmount(ctx, amount);
      const source = find(ctx, from);
      const target = find(ctx, to);
      take(ctx, source, amount);
      add(ctx, target, amount);
      return amountsOf(source, target);
    },
  },
});

/** The schema says 0 to 2^53-1. */
function requireAmount(ctx: Context, amount: number): void {
  if (amount < 1) ctx.badArguments('amount: expected a whole number from 1 to 9007199254740991, got 0');
}

function find(ctx: Context, id: string): WarehouseDraft {
  return ctx.world.warehouse.get(id) ?? ctx.refuse('no-such-warehouse', id);
}

function take(ctx: Context, warehouse: WarehouseDraft, amount: number): void {
  if (warehouse.amount < amount)
    ctx.refuse('insufficient-goods', `${warehouse.$key} has ${warehouse.amount}`);
  warehouse.amount -= amount;
}

function add(ctx: Context, warehouse: WarehouseDraft, amount: number): void {
  if (warehouse.amount > Number.MAX_SAFE_INTEGER - amount)
    ctx.refuse('too-many-goods', `${warehouse.$key} has ${warehouse.amount}`);
  warehouse.amount += amount;
}

/**
 * An object literal with these names would make the engine keep a description of its own for every pair of warehouses there is;
 * one without a prototype is a plain dictionary from the start, at a quarter of the cost.
 */
function amountsOf(one: WarehouseDraft, other: WarehouseDraft = one): Amounts {
  const amounts: { [id: string]: number } = Object.create(null);
  amounts[one.id] = one.amount;
  amounts[other.id] = other.amount;
  return amounts;
}
