/**
 * Places of rows: a row's place in its table, oldest first, is the same in every copy that is true at the same number. So two
 * bytes name a row, and nobody has to hand out names. Both sides remember places as long as they hold.
 */
import type { Key } from '../schemas/support/types.ts';
import type { TableDifference } from './frame-merge.ts';
import { PLACED_ROWS, PLACES_WORTH } from './limits.ts';
import type { Tables } from './tables.ts';
import type { RowChange, TableReader, WorldStateLike } from './types.ts';

/** The writer's side: the place of a key. */
export class PlaceBook {
  readonly #tables = new Map<string, { places: Map<Key, number> | null; wanted: number }>();
  /** The command after which the places hold. */
  #number = -1;

  /** The places of a table's rows after command `number`; null where they are not known. */
  of(table: string, number: number): ReadonlyMap<Key, number> | null {
    return number === this.#number ? (this.#tables.get(table)?.places ?? null) : null;
  }

  /** Follows a frame that ends where `state` stands now. */
  follow(differences: readonly TableDifference[], from: number, state: WorldStateLike): void {
    if (from !== this.#number) this.#tables.clear();
    this.#number = state.number;
    for (const { type, removed, patched, put } of differences) {
      let entry = this.#tables.get(type.name);
      if (entry === undefined) {
        entry = { places: null, wanted: 0 };
        this.#tables.set(type.name, entry);
      }
      // What was removed moves all that came later.
      if (removed.length > 0) entry.places = null;
      if (entry.places !== null) for (const row of put) entry.places.set(type.keyOf(row), entry.places.size);
      else {
        for (const rows of patched.values()) entry.wanted += rows.length;
        entry.wanted += removed.length;
        this.#learn(entry, state.table(type.name) as TableReader);
      }
      if (entry.places !== null && entry.places.size > PLACED_ROWS) entry.places = null;
    }
  }

  /** Looking at every row must pay: it waits until enough rows had to be named by their keys. */
  #learn(entry: { places: Map<Key, number> | null; wanted: number }, table: TableReader): void {
    if (table.size > PLACED_ROWS || table.size > entry.wanted * PLACES_WORTH) return;
    entry.wanted = 0;
    entry.places = new Map();
    for (const row of table.rows()) entry.places.set(table.type.keyOf(row), entry.places.size);
  }
}

/** The reader's side: the key at a place. */
export class PlaceList {
  readonly #keys = new Map<TableReader, Key[]>();

  /** Keys of a table by place, as of now. Only to be looked at. */
  of(table: TableReader): readonly Key[] {
    let keys = this.#keys.get(table);
    if (keys === undefined) {
      keys = [];
      for (const row of table.rows()) keys.push(table.type.keyOf(row));
      this.#keys.set(table, keys);
    }
    return keys;
  }

  /** These changes were made. */
  follow(changes: readonly RowChange[], tables: Tables): void {
    if (this.#keys.size === 0) return;
    for (const { table: type, key, row, previous } of changes) {
      if (row !== undefined && previous !== undefined) continue;
      const table = tables.of(type);
      // What was removed moves all that came later.
      if (row === undefined) this.#keys.delete(table);
      else this.#keys.get(table)?.push(key);
    }
  }
}
