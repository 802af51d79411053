/** The tables of one world: rows by key, and the digest over all of them. Changed by commands only. */
import type { ChangeTarget, RowCodec } from '../schemas/support/delta.ts';
import type { Source } from '../schemas/support/reader.ts';
import type {
  Change,
  ChangeOp,
  Digest,
  Key,
  Row,
  Scalar,
  TableType,
  WorldSchema,
} from '../schemas/support/types.ts';
import { StateError } from './errors.ts';
import type { RowChange, TableReader } from './types.ts';

/** One table. Rows are immutable: a change puts another row in their place. */
export class Table implements TableReader {
  readonly type: TableType;
  readonly map: Map<Key, Row>;

  constructor(type: TableType, map: Map<Key, Row> = new Map()) {
    this.type = type;
    this.map = map;
  }

  get size(): number {
    return this.map.size;
  }

  get(key: Key): Row | undefined {
    return this.map.get(key);
  }

  has(key: Key): boolean {
    return this.map.has(key);
  }

  rows(): IterableIterator<Row> {
    return this.map.values();
  }
}

/** The row after a change; throws StateError if the change does not fit the row it meets. */
export function rowAfter(change: Change, previous: Row | undefined, number: number): Row | undefined {
  switch (change.op) {
    case 'put':
      return change.row ?? misfit(change, number, 'has no row');
    case 'patch':
      if (previous === undefined) return misfit(change, number, 'meets no row');
      return change.table.merge(
        previous,
        change.row ?? misfit(change, number, 'has no row'),
        change.mask ?? 0,
      );
    case 'remove':
      if (previous === undefined) return misfit(change, number, 'meets no row');
      return undefined;
  }
}

interface What {
  readonly op: ChangeOp;
  readonly table: TableType;
  readonly key: Key;
}

function misfit({ op, table, key }: What, number: number, why: string): never {
  throw new StateError('forged', number, `${op} of ${table.name} ${String(key)} ${why}`);
}

/** Moves the digest from the row before to the row after. */
export function rehash(
  type: TableType,
  previous: Row | undefined,
  row: Row | undefined,
  digest: Digest,
): void {
  if (previous !== undefined) type.hash(previous, digest, -1);
  if (row !== undefined) type.hash(row, digest, 1);
}

export class Tables implements ChangeTarget {
  /** Over every row of every table. */
  readonly digest: Digest = { low: 0, high: 0 };
  private readonly byName = new Map<string, Table>();
  private readonly byCode: Table[] = [];
  private count = 0;
  /** While a delta is being applied: its command, and what it changed so far. */
  private applying = 0;
  private done: RowChange[] = [];

  constructor(schema: WorldSchema) {
    for (const type of Object.values(schema.tables)) this.enter(new Table(type));
  }

  private enter(table: Table): void {
    this.byName.set(table.type.name, table);
    this.byCode[table.type.code] = table;
  }

  get rowCount(): number {
    return this.count;
  }

  names(): string[] {
    return [...this.byName.keys()];
  }

  named(name: string): Table | undefined {
    return this.byName.get(name);
  }

  all(): IterableIterator<Table> {
    return this.byName.values();
  }

  of(type: TableType): Table {
    return this.byCode[type.code]!;
  }

  /** By its type in the Row union. */
  coded(code: number): Table | undefined {
    return this.byCode[code];
  }

  /** Applies the delta of command `number` straight from its verified bytes, which begin at `start` of `source`. */
  applyBytes(schema: WorldSchema, source: Source, start: number, number: number): RowChange[] {
    this.applying = number;
    this.done = [];
    schema.eachChange(source, start, this);
    return this.done;
  }

  /** Applies what command `number` changed on a leader state over these tables: rows whole, and sure to fit. */
  applyWhole(changes: readonly Change[]): RowChange[] {
    const done: RowChange[] = [];
    for (let i = 0; i < changes.length; i++) {
      const { table, key, row } = changes[i]!;
      const { map } = this.byCode[table.code]!;
      const previous = map.get(key);
      if (row === undefined) {
        map.delete(key);
        this.count--;
      } else {
        if (previous === undefined) this.count++;
        map.set(key, row);
      }
      rehash(table, previous, row, this.digest);
      done.push({ table, key, row, previous });
    }
    return done;
  }

  changed(op: ChangeOp, type: RowCodec, key: Key, source: Source, at: number): void {
    const { map } = this.byCode[type.code]!;
    const previous = map.get(key);
    if (previous === undefined && op !== 'put')
      misfit({ op, table: type, key }, this.applying, 'meets no row');
    let row: Row | undefined;
    if (op === 'remove') {
      map.delete(key);
      this.count--;
    } else {
      row = op === 'put' ? type.read(source, at) : type.readOver(source, at, previous!);
      if (previous === undefined) this.count++;
      map.set(key, row);
    }
    rehash(type, previous, row, this.digest);
    this.done.push({ table: type, key, row, previous });
  }

  /** Applies the changes of command `number`, in order. */
  apply(changes: readonly Change[], number: number): RowChange[] {
    const done: RowChange[] = [];
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i]!;
      const { table: type, key } = change;
      const map = this.byCode[type.code]!.map;
      const previous = map.get(key);
      const row = rowAfter(change, previous, number);
      if (row === undefined) {
        map.delete(key);
        this.count--;
      } else {
        if (previous === undefined) this.count++;
        map.set(key, row);
      }
      rehash(type, previous, row, this.digest);
      done.push({ table: type, key, row, previous });
    }
    return done;
  }

  /** Adds a row that must be new: S0, or a row of a snapshot. */
  insert(type: TableType, row: Row, number: number): void {
    const map = this.of(type).map;
    const key = type.keyOf(row);
    if (map.has(key)) throw new StateError('forged', number, `${type.name} ${String(key)} is there twice`);
    map.set(key, row);
    this.count++;
    type.hash(row, this.digest, 1);
  }

  /** An independent copy that shares the rows. */
  copy(schema: WorldSchema): Tables {
    const copy = new Tables(schema);
    for (const table of this.all()) copy.enter(new Table(table.type, new Map(table.map)));
    copy.digest.low = this.digest.low;
    copy.digest.high = this.digest.high;
    copy.count = this.count;
    return copy;
  }

  toJSON(): { [table: string]: { [field: string]: Scalar }[] } {
    const json: { [table: string]: { [field: string]: Scalar }[] } = {};
    for (const table of this.all()) json[table.type.name] = [...table.map.values()];
    return json;
  }
}
