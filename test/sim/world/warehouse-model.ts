import type { Choices } from '../choices.ts';

/** The warehouse world a second time, from the patent's words and the contract, as a sequential specification. */
export type Amounts = Readonly<Record<string, number>>;

export const EMPTY: Amounts = { A: 0, B: 0, C: 0 };

export interface Deed {
  readonly action: 'open' | 'inbound' | 'outbound' | 'transfer';
  readonly args: Readonly<Record<string, string | number>>;
}

export type Effect =
  | { readonly kind: 'done'; readonly result: string; readonly after: Amounts }
  | { readonly kind: 'refused'; readonly code: string };

export function perform(amounts: Amounts, { action, args }: Deed): Effect {
  const { id, from, to, amount } = args as { id: string; from: string; to: string; amount: number };
  if (amount === 0) return refused('bad-arguments');
  switch (action) {
    case 'open':
      return id in amounts ? refused('already-open') : done({ ...amounts, [id]: 0 }, [id]);
    case 'inbound':
      if (!(to in amounts)) return refused('no-such-warehouse');
      return done({ ...amounts, [to]: amounts[to]! + amount }, [to]);
    case 'outbound':
      if (!(from in amounts)) return refused('no-such-warehouse');
      if (amounts[from]! < amount) return refused('insufficient-goods');
      return done({ ...amounts, [from]: amounts[from]! - amount }, [from]);
    case 'transfer': {
      if (!(from in amounts) || !(to in amounts)) return refused('no-such-warehouse');
      if (amounts[from]! < amount) return refused('insufficient-goods');
      const without = { ...amounts, [from]: amounts[from]! - amount };
      return done({ ...without, [to]: without[to]! + amount }, [from, to]);
    }
  }
}

function refused(code: string): Effect {
  return { kind: 'refused', code };
}

/** The result is the amounts after, of the warehouses concerned. */
function done(after: Amounts, concerned: readonly string[]): Effect {
  const result = Object.fromEntries(concerned.map((id) => [id, after[id]!]));
  return { kind: 'done', result: JSON.stringify(result), after };
}

/** Goods that a deed brought into the world, or took out of it. */
export function balance({ action, args }: Deed): number {
  if (action === 'inbound') return args['amount'] as number;
  return action === 'outbound' ? -(args['amount'] as number) : 0;
}

/** What players of a run want. `tight`: the same few goods all the time, so that every answer hangs on the last command. */
export type Appetite = 'wide' | 'tight';

/** Something a player may want; often refused, sometimes without effect. */
export function chooseDeed(choices: Choices, appetite: Appetite): Deed {
  if (appetite === 'tight') {
    if (choices.chance(0.5)) return { action: 'outbound', args: { from: 'A', amount: 1 } };
    return { action: 'inbound', args: { to: 'A', amount: 1 } };
  }
  const warehouses = ['A', 'B', 'C', 'D', 'E'];
  const from = choices.pick(warehouses);
  const to = choices.pick(warehouses);
  // None at all is no amount.
  const amount = choices.between(1, 41) % 41;
  switch (choices.below(8)) {
    case 0:
      return { action: 'open', args: { id: to } };
    case 1:
    case 2:
      return { action: 'outbound', args: { from, amount } };
    case 3:
    case 4:
      return { action: 'inbound', args: { to, amount } };
    default:
      return { action: 'transfer', args: { from, to, amount } };
  }
}

export function keyOf(amounts: Amounts): string {
  return Object.keys(amounts)
    .sort()
    .map((id) => `${id}${amounts[id]}`)
    .join();
}

/** From the tables as JSON; rows of the yard are no warehouses. */
export function amountsOf(json: {
  readonly [table: string]: readonly { readonly [field: string]: unknown }[];
}): Amounts {
  return Object.fromEntries(rowsOf(json).filter(([id]) => !id.startsWith('~')));
}

export function rowsOf(json: {
  readonly [table: string]: readonly { readonly [field: string]: unknown }[];
}): (readonly [id: string, amount: number])[] {
  return (json['warehouse'] ?? []).map(({ id, amount }) => [String(id), Number(amount)] as const);
}
