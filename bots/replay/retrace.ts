/**
 * What a command was asked with. A command holds values, not calls: its arguments are not in it. Most can be worked out from
 * what it changed and what it answered; where they cannot, usual ones are made up, and counted. Pure.
 */
import type { CommandJson } from '../../game-logic/to-json.ts';
import type { Args } from './record-file.ts';

/** Rows as they were before a command, as far as they are known. */
type Before = (table: string, key: string | number) => Readonly<Record<string, unknown>> | undefined;

/** Null: it cannot be told. */
type Way = (command: CommandJson, before: Before) => Args | null;

interface Trace {
  readonly found: Way;
  readonly madeUp: (command: CommandJson) => Args;
}

export interface Retraced {
  readonly args: Args;
  readonly madeUp: boolean;
}

/** Metres of a step that nobody knows. */
const STEP = 0.3;

const WAYS: { readonly [world: string]: { readonly [action: string]: Trace } } = {
  arena: {
    move: {
      found: ({ session, result }, before) => {
        const { x, y } = before('player', session as string) ?? {};
        const to = result as { x?: unknown; y?: unknown } | null;
        if (!numbers(x, y, to?.x, to?.y)) return null;
        return { dx: (to?.x as number) - (x as number), dy: (to?.y as number) - (y as number) };
      },
      madeUp: ({ number }) => ({ dx: STEP * Math.cos(number), dy: STEP * Math.sin(number) }),
    },
    // Whoever it was is not there any more: the nearest will do.
    strike: { found: () => ({ target: '' }), madeUp: () => ({ target: '' }) },
    say: {
      found: ({ changes }) => {
        const text = changes.find(({ table, op }) => table === 'message' && op === 'put')?.row?.['text'];
        return typeof text === 'string' ? { text } : null;
      },
      madeUp: ({ number }) => ({ text: `line ${number}` }),
    },
    robot: { found: () => ({}), madeUp: () => ({}) },
    rename: {
      found: ({ result }) => {
        const name = (result as { name?: unknown } | null)?.name;
        return typeof name === 'string' ? { name } : null;
      },
      madeUp: ({ number }) => ({ name: `Number ${number}` }),
    },
  },
  warehouse: {
    open: {
      found: ({ result }) => {
        const [id] = idsOf(result);
        return id === undefined ? null : { id };
      },
      madeUp: ({ number }) => ({ id: `replay-${number}` }),
    },
    inbound: {
      found: ({ result }, before) => {
        const [to] = idsOf(result);
        const amount = to === undefined ? null : gain(result, to, before);
        return to === undefined || amount === null ? null : { to, amount };
      },
      madeUp: ({ result }) => ({ to: idsOf(result)[0] ?? 'A', amount: 1 }),
    },
    outbound: {
      found: ({ result }, before) => {
        const [from] = idsOf(result);
        const gained = from === undefined ? null : gain(result, from, before);
        return from === undefined || gained === null ? null : { from, amount: -gained };
      },
      madeUp: ({ result }) => ({ from: idsOf(result)[0] ?? 'A', amount: 1 }),
    },
    transfer: {
      found: ({ result }, before) => {
        const [one, other] = idsOf(result);
        if (one === undefined || other === undefined) return null;
        // Names that are numbers come first in JSON, whichever way the goods went.
        const gained = gain(result, one, before) ?? -(gain(result, other, before) ?? 0);
        const [from, to] = gained > 0 ? [other, one] : [one, other];
        return gained === 0 ? null : { from, to, amount: Math.abs(gained) };
      },
      madeUp: ({ result }) => {
        const [from = 'A', to = 'B'] = idsOf(result);
        return { from, to, amount: 1 };
      },
    },
  },
};

/** Follows the rows of a world along its commands. */
export class Retracer {
  readonly #ways: { readonly [action: string]: Trace };
  readonly #rows = new Map<string, Record<string, unknown>>();

  /** `tables`: as they were before the first command, where that is known. */
  constructor(
    world: string,
    tables: { readonly [table: string]: readonly Readonly<Record<string, unknown>>[] } = {},
  ) {
    this.#ways = WAYS[world] ?? {};
    // All worlds that can be replayed name their rows by `id`.
    for (const [table, rows] of Object.entries(tables))
      for (const row of rows) this.#rows.set(`${table} ${row['id']}`, { ...row });
  }

  /** Takes the next command; null: no player asked for it, or nobody knows how to ask for that again. */
  take(command: CommandJson): Retraced | null {
    const known = command.session !== null && Object.hasOwn(this.#ways, command.action);
    const way = known ? this.#ways[command.action] : undefined;
    const args = way?.found(command, (table, key) => this.#rows.get(`${table} ${key}`)) ?? null;
    this.#follow(command);
    if (way === undefined) return null;
    return { args: args ?? way.madeUp(command), madeUp: args === null };
  }

  #follow({ changes }: CommandJson): void {
    for (const { table, op, key, row } of changes) {
      const name = `${table} ${key}`;
      if (op === 'remove') this.#rows.delete(name);
      else this.#rows.set(name, { ...(op === 'patch' ? this.#rows.get(name) : {}), ...row });
    }
  }
}

/** Can this action be asked for again? */
export const canReplay = (world: string, action: string): boolean => Object.hasOwn(WAYS[world] ?? {}, action);

const numbers = (...all: unknown[]): boolean => all.every((one) => typeof one === 'number');

/** The warehouses of a result, which names them with what is in them now. */
function idsOf(result: unknown): string[] {
  return typeof result === 'object' && result !== null ? Object.keys(result) : [];
}

/** By how much a warehouse is fuller than before; null where that is not known. */
function gain(result: unknown, id: string, before: Before): number | null {
  const was = Number(before('warehouse', id)?.['amount'] ?? Number.NaN);
  const gained = Number((result as Readonly<Record<string, unknown>>)[id]) - was;
  return Number.isSafeInteger(gained) && gained !== 0 ? gained : null;
}
