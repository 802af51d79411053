/**
 * A copy-on-write view of a world's tables: what commands above the base have changed, each entry with the number of its
 * last writer [0071]. On the leader it is the tables' part of LS, over M; in a client the prediction, over the mirror.
 * The base is never changed, and may run ahead up to the overlay's version.
 *
 * An entry whose writer the base has applied is spent: the base says the same or more, and is asked instead. Spent entries stay
 * for the next change of their row, for taking them out and putting them in again would be most of an overlay's work, and are
 * swept out when there are many.
 */
import type { Change, Digest, Key, Row, TableType } from '../schemas/support/types.ts';
import { ROWS_PER_WORLD } from './limits.ts';
import { rehash, rowAfter, type Table, type Tables } from './tables.ts';
import type { TableReader } from './types.ts';

/** What an overlay lies on. */
export interface Base {
  /** Last command applied to the tables. */
  readonly number: number;
  readonly tables: Tables;
}

/** A table with fewer entries is not swept. */
const FEW_ENTRIES = 1_024;

interface Entry {
  /** undefined: removed. */
  row: Row | undefined;
  writer: number;
  /** The command that made the row anew; 0: it keeps the place it has in the base. */
  inserted: number;
}

export class OverlayTable implements TableReader {
  readonly type: TableType;
  readonly entries = new Map<Key, Entry>();
  /** Rows of this table, base and overlay together. */
  size: number;
  private readonly base: Base;
  private readonly under: Table;
  /** Sweep when there are more entries than this. */
  private sweepAbove = FEW_ENTRIES;

  constructor(base: Base, under: Table) {
    this.type = under.type;
    this.base = base;
    this.under = under;
    this.size = under.map.size;
  }

  get(key: Key): Row | undefined {
    const entry = this.entries.get(key);
    return entry === undefined || this.isSpent(entry) ? this.under.map.get(key) : entry.row;
  }

  private isSpent(entry: Entry): boolean {
    return entry.writer <= this.base.number;
  }

  /** Entries that are not spent. */
  get open(): number {
    let open = 0;
    for (const entry of this.entries.values()) if (!this.isSpent(entry)) open++;
    return open;
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined;
  }

  /** In the order a replica will have once it has applied everything the overlay holds. */
  *rows(): IterableIterator<Row> {
    for (const [key, row] of this.under.map) {
      const entry = this.entries.get(key);
      if (entry === undefined || this.isSpent(entry)) yield row;
      else if (entry.row !== undefined && entry.inserted <= this.base.number) yield entry.row;
    }
    for (const entry of this.entries.values())
      if (entry.row !== undefined && entry.inserted > this.base.number) yield entry.row;
  }

  /**
   * Applies a change of command `number` and moves the digest; returns by how many rows the table grew. `whole`: the row of a
   * patch is all of the row as it is to be, not only the fields that changed.
   */
  apply(change: Change, number: number, digest: Digest, whole: boolean): number {
    const { key } = change;
    const entry = this.entries.get(key);
    const spent = entry === undefined || this.isSpent(entry);
    const previous = spent ? this.under.map.get(key) : entry.row;
    const row = whole ? change.row : rowAfter(change, previous, number);
    rehash(this.type, previous, row, digest);
    if (previous === undefined) {
      // A row made again after a removal moves to the end, as it does in a Map.
      if (entry !== undefined) this.entries.delete(key);
      this.entries.set(key, { row, writer: number, inserted: number });
      this.size++;
      return 1;
    }
    if (entry === undefined) this.entries.set(key, { row, writer: number, inserted: 0 });
    else {
      entry.row = row;
      entry.writer = number;
      if (spent) entry.inserted = 0;
    }
    if (row !== undefined) return 0;
    this.size--;
    return -1;
  }

  /** Each entry is looked at once on average, for the next sweep waits until there are twice as many. */
  sweep(): void {
    if (this.entries.size <= this.sweepAbove) return;
    for (const [key, entry] of this.entries) if (this.isSpent(entry)) this.entries.delete(key);
    this.sweepAbove = Math.max(FEW_ENTRIES, 2 * this.entries.size);
  }
}

export class Overlay {
  readonly digest: Digest;
  rowCount: number;
  private readonly byName = new Map<string, OverlayTable>();
  private readonly byCode: OverlayTable[] = [];
  private readonly base: Base;

  constructor(base: Base) {
    this.base = base;
    this.digest = { low: base.tables.digest.low, high: base.tables.digest.high };
    this.rowCount = base.tables.rowCount;
    for (const under of base.tables.all()) {
      const table = new OverlayTable(base, under);
      this.byName.set(table.type.name, table);
      this.byCode[table.type.code] = table;
    }
  }

  named(name: string): OverlayTable | undefined {
    return this.byName.get(name);
  }

  all(): IterableIterator<OverlayTable> {
    return this.byName.values();
  }

  /** Rows that commands above the base wrote; 0 when it has applied everything. */
  get open(): number {
    let open = 0;
    for (const table of this.byName.values()) open += table.open;
    return open;
  }

  /** Room for that many more rows; always for fewer. */
  hasRoom(growth: number): boolean {
    return growth <= 0 || this.rowCount + growth <= ROWS_PER_WORLD;
  }

  /** Applies the changes of command `number`, as decoded; throws StateError if one does not fit. */
  apply(changes: readonly Change[], number: number): void {
    this.applyAll(changes, number, false);
  }

  /** Applies what a function changed on this very overlay: rows whole, and sure to fit. */
  install(changes: readonly Change[], number: number): void {
    this.applyAll(changes, number, true);
  }

  private applyAll(changes: readonly Change[], number: number, whole: boolean): void {
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i]!;
      this.rowCount += this.byCode[change.table.code]!.apply(change, number, this.digest, whole);
    }
  }

  /** The base has moved: lets spent entries go where there are many. */
  sweep(): void {
    for (const table of this.byName.values()) table.sweep();
  }

  /** Drops everything above the base and stands where the base stands now. */
  reset(): void {
    for (const table of this.byName.values()) {
      table.entries.clear();
      table.size = this.base.tables.of(table.type).map.size;
    }
    this.digest.low = this.base.tables.digest.low;
    this.digest.high = this.base.tables.digest.high;
    this.rowCount = this.base.tables.rowCount;
  }
}
