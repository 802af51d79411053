/** Heap bytes of a row in a world's tables, by its number of fields; run with --expose-gc. */
import { Table } from '../../../game-logic/tables.ts';
import { arenaSchema } from '../../../schemas/generated/arena.ts';
import { warehouseSchema } from '../../../schemas/generated/warehouse.ts';
import type { Row, WorldSchema } from '../../../schemas/support/types.ts';
import { answer } from '../processes.ts';

export interface RowsOrder {
  readonly rows: number;
}

/** Bytes a row, by table and number of fields. */
export type RowsReport = readonly {
  readonly table: string;
  readonly fields: number;
  readonly bytes: number;
}[];

type MakeRow = (index: number) => object;

/** Numbers, and strings of their own; a world's delta brings each. */
const TABLES: readonly (readonly [WorldSchema, string, MakeRow])[] = [
  [warehouseSchema, 'warehouse', (i) => ({ id: `warehouse-${i}`, amount: i })],
  [arenaSchema, 'coin', (i) => ({ id: i, loot: 'coin', x: i / 7, y: i / 9 })],
  [
    arenaSchema,
    'message',
    (i) => ({ id: i, from: `s-${i}`, name: `n-${i}`, text: `text ${i}`, time: i + 0.5 }),
  ],
  [
    arenaSchema,
    'match',
    (i) => ({
      id: i,
      crown: `s-${i}`,
      opponents: 3,
      growing: true,
      coin: i,
      message: i,
      record: i,
      champion: '',
    }),
  ],
  [
    arenaSchema,
    'player',
    (i) => ({
      id: `s-${i}`,
      name: `n-${i}`,
      x: i / 7,
      y: i / 9,
      hp: 20,
      alive: true,
      paid: i + 0.5,
      safe: i + 0.5,
    }),
  ],
];

const collect = () => (globalThis as unknown as { gc(): void }).gc();

function measure(schema: WorldSchema, name: string, make: MakeRow, rows: number) {
  const type = schema.tables[name];
  if (type === undefined) throw new Error(`no table ${name}`);
  collect();
  const before = process.memoryUsage().heapUsed;
  const table = new Table(type);
  for (let i = 0; i < rows; i++) {
    // As a replica gets it: out of the bytes of a command.
    const put = { table: type, op: 'put', key: i, row: type.make(make(i) as Partial<Row>) } as const;
    for (const { row } of schema.decodeDelta(
      schema.encodeDelta([{ ...put, key: type.keyOf(put.row) }]),
      true,
    ))
      if (row !== undefined) table.map.set(type.keyOf(row), row);
  }
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / rows;
  if (table.size !== rows) throw new Error(`${table.size} rows of ${rows}`);
  return { table: name, fields: type.fields.length, bytes };
}

answer<RowsOrder, RowsReport>(async ({ rows }) =>
  TABLES.map(([schema, name, make]) => measure(schema, name, make, rows)),
);
