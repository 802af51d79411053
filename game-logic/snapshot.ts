/** A world at one number, as data. */
import type { Change, Digest, Row } from '../schemas/support/types.ts';
import { SNAPSHOT_PART_BYTES, SNAPSHOT_PART_ROWS } from './limits.ts';
import type { SessionData } from './sessions.ts';
import type { TimerView, WorldDefinition, WorldStateLike } from './types.ts';

/** What clients need of a world: its tables, and where the sequence goes on from there. */
export interface TablesSnapshot {
  readonly number: number;
  /** Ballot in which the command `number` was born; the precedent of the next. */
  readonly born: number;
  readonly time: number;
  /** Over the tables. */
  readonly digest: Digest;
  readonly tables: { readonly [table: string]: readonly Row[] };
}

/** The whole state of a replica. JSON keeps it exactly. */
export interface WorldSnapshot extends TablesSnapshot {
  readonly systemDigest: Digest;
  readonly sessions: readonly SessionData[];
  readonly timers: readonly TimerView[];
}

/** The rows of all tables as Deltas of puts, each a part of a snapshot message; at least one part. */
export function encodeRows(state: WorldStateLike): Uint8Array[] {
  const { schema } = state.definition;
  const parts: Uint8Array[] = [];
  let changes: Change[] = [];
  let weight = 0;
  const flush = () => {
    parts.push(schema.encodeDelta(changes));
    changes = [];
    weight = 0;
  };
  for (const name of state.tableNames()) {
    const table = state.table(name)!;
    for (const row of table.rows()) {
      const heavy = weightOf(row);
      if (changes.length === SNAPSHOT_PART_ROWS || weight + heavy > SNAPSHOT_PART_BYTES) flush();
      changes.push({ table: table.type, op: 'put', key: table.type.keyOf(row), row });
      weight += heavy;
    }
  }
  if (changes.length > 0 || parts.length === 0) flush();
  return parts;
}

/** The tables of a snapshot that came in parts; verifies each. Throws SchemaError on forged bytes. */
export function decodeRows(
  definition: WorldDefinition,
  parts: readonly Uint8Array[],
): { [table: string]: Row[] } {
  const tables: { [table: string]: Row[] } = {};
  for (const part of parts)
    for (const { table, row } of definition.schema.decodeDelta(part)) {
      tables[table.name] ??= [];
      if (row !== undefined) tables[table.name]!.push(row);
    }
  return tables;
}

/** Bytes a row takes at most, roughly: 3 for each UTF-16 unit, 8 for each field, and its tables. */
function weightOf(row: Row): number {
  let weight = 48;
  for (const name in row) {
    const value = row[name];
    weight += typeof value === 'string' ? 12 + 3 * value.length : 10;
  }
  return weight;
}
