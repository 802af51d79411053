/** A world's tables as a client reads them, typed from its definition. */
import type { Named, TableName } from '../game-logic/context.ts';
import type { RowChange, TableReader } from '../game-logic/types.ts';
import type { Key, Row } from '../schemas/support/types.ts';

export interface ReadTable<R, K> {
  readonly size: number;
  get(key: K): R | undefined;
  has(key: K): boolean;
  rows(): IterableIterator<R>;
}

export interface WatchedTable<R, K> extends ReadTable<R, K> {
  /**
   * Called for every row that a command changed: `row` is undefined after a removal, `previous` for a new row. After a
   * resync it is called for the rows that differ. Returns the unsubscriber.
   */
  onChange(listener: (key: K, row: R | undefined, previous: R | undefined) => void): () => void;
}

export type WatchedTables<S> = {
  readonly [N in TableName<S>]: WatchedTable<Named<S, N>['row'], Named<S, N>['key']>;
};
export type ReadTables<S> = {
  readonly [N in TableName<S>]: ReadTable<Named<S, N>['row'], Named<S, N>['key']>;
};

type Listener = (key: Key, row: Row | undefined, previous: Row | undefined) => void;

/** A door to a table of whatever state there is now: it stays the same object when the state begins anew. */
export class TableDoor implements WatchedTable<Row, Key> {
  readonly #now: () => TableReader;
  readonly #listeners = new Set<Listener>();

  constructor(now: () => TableReader) {
    this.#now = now;
  }

  get size(): number {
    return this.#now().size;
  }
  get(key: Key): Row | undefined {
    return this.#now().get(key);
  }
  has(key: Key): boolean {
    return this.#now().has(key);
  }
  rows(): IterableIterator<Row> {
    return this.#now().rows();
  }
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): Iterable<Listener> {
    return this.#listeners;
  }
}

/** What differs between two states of a table, as changes. */
export function* differences(before: TableReader | undefined, after: TableReader): Generator<RowChange> {
  const { type } = after;
  for (const row of after.rows()) {
    const key = type.keyOf(row);
    const previous = before?.get(key);
    if (previous === undefined || !sameRow(row, previous)) yield { table: type, key, row, previous };
  }
  for (const previous of before?.rows() ?? []) {
    const key = type.keyOf(previous);
    if (!after.has(key)) yield { table: type, key, row: undefined, previous };
  }
}

function sameRow(a: Row, b: Row): boolean {
  for (const field in a) if (!Object.is(a[field], b[field])) return false;
  return true;
}
