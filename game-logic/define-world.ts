/** The door for authors of games: a schema and functions make a world. */
import type { Row, TableType, WorldSchema } from '../schemas/support/types.ts';
import type { Functions } from './context.ts';
import type { ActionEntry, LeaderFunction, RunnableDefinition } from './definition.ts';
import { DefinitionError } from './errors.ts';
import { SESSIONS_AT_MOST, SESSIONS_PER_WORLD } from './limits.ts';
import { TestWorld, type TestWorldOptions } from './test-world.ts';

/** A world as defineWorld makes it. `S` is its generated schema. */
export interface World<S extends WorldSchema = WorldSchema> extends RunnableDefinition {
  readonly schema: S;
  /** The world in memory, a leader and a replica without a server: for tests of a game's rules. */
  testWorld(options?: TestWorldOptions): TestWorld<S>;
}

type NamedFunctions = { readonly [name: string]: unknown };

/**
 * Makes a world of a generated schema and its functions. Throws DefinitionError where the two do not fit, which the types
 * say earlier.
 */
export function defineWorld<S extends WorldSchema, T = Record<never, never>>(
  schema: S,
  functions: Functions<S, T>,
): World<S> {
  const where = `world ${schema.name}`;
  onlyKnown(where, functions);
  const { tick, join, leave } = functions;
  const maxSessions = functions.maxSessions ?? SESSIONS_PER_WORLD;
  if (!Number.isInteger(maxSessions) || maxSessions < 1 || maxSessions > SESSIONS_AT_MOST)
    throw new DefinitionError(`${where}: maxSessions must be a whole number from 1 to ${SESSIONS_AT_MOST}`);
  if (tick !== undefined && (!Number.isInteger(tick.everyMs) || tick.everyMs < 1))
    throw new DefinitionError(`${where}: tick.everyMs must be a whole number from 1`);
  const world: World<S> = {
    name: schema.name,
    schema,
    initial: initialRows(where, schema, functions.initial ?? {}),
    actions: actionEntries(where, schema, functions.actions),
    timers: timerFunctions(where, functions.timers ?? {}),
    join: join === undefined ? undefined : functionOf(where, 'join', join),
    leave: leave === undefined ? undefined : functionOf(where, 'leave', leave),
    tick: tick === undefined ? undefined : functionOf(where, 'tick.run', tick.run),
    hasJoin: join !== undefined,
    hasLeave: leave !== undefined,
    tickEveryMs: tick?.everyMs ?? null,
    maxSessions,
    testWorld: (options) => new TestWorld<S>(world, options),
  };
  return Object.freeze(world);
}

const PARTS = ['initial', 'timers', 'actions', 'join', 'leave', 'tick', 'maxSessions'];

function onlyKnown(where: string, functions: object): void {
  for (const part of Object.keys(functions))
    if (!PARTS.includes(part)) throw new DefinitionError(`${where}: '${part}' is no part of a world`);
}

function initialRows(
  where: string,
  schema: WorldSchema,
  initial: { readonly [table: string]: unknown },
): { readonly table: TableType; readonly row: Row }[] {
  const rows: { readonly table: TableType; readonly row: Row }[] = [];
  for (const name of Object.keys(initial)) {
    const table = Object.hasOwn(schema.tables, name) ? schema.tables[name] : undefined;
    if (table === undefined)
      throw new DefinitionError(`${where}: initial rows for table '${name}', which the schema does not have`);
    const keys = new Set<unknown>();
    for (const values of (initial[name] ?? []) as readonly Partial<Row>[]) {
      const row = table.make(values);
      const key = table.keyOf(row);
      if (values[table.key] === undefined || keys.has(key))
        throw new DefinitionError(`${where}: initial rows of '${name}' need a key each, and none twice`);
      keys.add(key);
      rows.push({ table, row });
    }
  }
  return rows;
}

function actionEntries(
  where: string,
  schema: WorldSchema,
  actions: NamedFunctions,
): ReadonlyMap<string, ActionEntry> {
  const entries = new Map<string, ActionEntry>();
  for (const name of Object.keys(actions)) {
    const type = Object.hasOwn(schema.actions, name) ? schema.actions[name] : undefined;
    if (type === undefined) throw new DefinitionError(`${where}: action '${name}' is not in the schema`);
    entries.set(name, { type, run: functionOf(where, name, actions[name]) });
  }
  for (const name of Object.keys(schema.actions))
    if (!entries.has(name))
      throw new DefinitionError(`${where}: the schema's action '${name}' has no function`);
  return entries;
}

function timerFunctions(where: string, timers: NamedFunctions): ReadonlyMap<string, LeaderFunction> {
  const functions = new Map<string, LeaderFunction>();
  for (const name of Object.keys(timers)) {
    if (!/^[\w-]{1,64}$/.test(name))
      throw new DefinitionError(`${where}: timer name '${name}' must be 1 to 64 letters, digits, _ or -`);
    functions.set(name, functionOf(where, name, timers[name]));
  }
  return functions;
}

function functionOf(where: string, name: string, candidate: unknown): LeaderFunction {
  if (typeof candidate !== 'function') throw new DefinitionError(`${where}: '${name}' must be a function`);
  // Seen here where the author's build keeps async functions; where it does not, when the promise comes back.
  if (candidate.constructor.name === 'AsyncFunction')
    throw new DefinitionError(`${where}: '${name}' is async; leader functions are synchronous`);
  return candidate as LeaderFunction;
}
