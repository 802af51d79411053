/** What a frame (client.fbs) says of a copy's tables, as changes; nothing in it is believed. Pure. */
import type { Frame, Group } from '../schemas/generated/client.ts';
import { columnLength, columnValues } from '../schemas/support/columns.ts';
import { SchemaError } from '../schemas/support/errors.ts';
import type { Change, Field, Key, Row, Scalar, TableType } from '../schemas/support/types.ts';
import type { PlaceList } from './frame-places.ts';
import type { Table, Tables } from './tables.ts';

/** The changes of a frame, each with its whole row. Throws SchemaError `forged`. */
export function frameChanges(frame: Frame, tables: Tables, places: PlaceList): Change[] {
  const changes: Change[] = [];
  // All places are those before the frame: none is looked up after the first change.
  for (const group of frame.groups) readGroup(group, tables, places, changes);
  return changes;
}

function readGroup(group: Group, tables: Tables, places: PlaceList, changes: Change[]): void {
  const table = tables.coded(group.table) ?? forged('frame', `no table ${group.table}`);
  const { type } = table;
  const fields = fieldsOf(group, type);
  const count = countOf(group, type);
  const values = fields.map((field, i) =>
    columnValues(`${type.name}.${field.name}`, field, group.columns[i]!, count),
  );
  const keys = keysOf(group, table, fields, values, places);
  if (group.op === 'remove') {
    for (const key of keys) changes.push({ table: type, op: 'remove', key });
    return;
  }
  // One object for all rows of the group: `merge` copies what is given.
  const given: { [field: string]: Scalar } = type.make({});
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    for (let f = 0; f < fields.length; f++) given[fields[f]!.name] = values[f]![i]!;
    const row: Row = group.op === 'put' ? given : known(table, key);
    changes.push({ table: type, op: 'put', key, row: type.merge(row, given, group.fields) });
  }
}

function fieldsOf({ op, fields: mask, columns }: Group, { name, fields: all }: TableType): Field[] {
  const fields = all.filter((_, i) => (mask & (1 << i)) !== 0);
  const every = 2 ** all.length - 1;
  if (mask > every || fields.length !== columns.length)
    forged(name, `${columns.length} columns for fields ${mask}`);
  if (op === 'put' && mask !== every) forged(name, 'a put without all fields');
  return fields;
}

function countOf({ places, columns }: Group, { name }: TableType): number {
  const count = places.length || columnLength(columns[0] ?? forged(name, 'rows without a name'));
  return count || forged(name, 'a group without rows');
}

function known(table: Table, key: Key): Row {
  return table.get(key) ?? forged(table.type.name, `a patch of ${String(key)} meets no row`);
}

function keysOf(
  { places: named }: Group,
  table: Table,
  fields: readonly Field[],
  values: readonly Scalar[][],
  places: PlaceList,
): readonly Key[] {
  const { name, fields: all, keyIndex } = table.type;
  const column = fields.indexOf(all[keyIndex]!);
  if (column >= 0) {
    if (named.length > 0) forged(name, 'rows named by places and by keys');
    return values[column] as Key[];
  }
  const keys = places.of(table);
  return named.map((place) => keys[place] ?? forged(name, `place ${place} of ${keys.length}`));
}

function forged(where: string, detail: string): never {
  throw new SchemaError('forged', where, detail);
}
