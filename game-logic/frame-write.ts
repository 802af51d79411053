/** Frames (client.fbs): a run of commands as the differences they made, column by column. Pure. */
import { encodeFrame, type Group } from '../schemas/generated/client.ts';
import { type Column, columnOf } from '../schemas/support/columns.ts';
import type { Digest, Row, TableType } from '../schemas/support/types.ts';
import { mergeChanges, type TableDifference } from './frame-merge.ts';
import { PlaceBook } from './frame-places.ts';
import type { RowChange, WorldStateLike } from './types.ts';

export class FrameWriter {
  readonly #places = new PlaceBook();

  /**
   * The commands from `first` up to where `state` stands now. `precedent`: born of the command before; `runs`: the changes of
   * all these commands in their order.
   */
  write(
    first: number,
    precedent: number,
    runs: readonly (readonly RowChange[])[],
    state: WorldStateLike,
  ): Uint8Array {
    const { number: last, born, time } = state;
    const differences = mergeChanges(runs);
    const groups = differences.flatMap((difference) => this.#groups(difference, first - 1));
    this.#places.follow(differences, first - 1, state);
    const tables: Digest = { low: state.digest.low, high: state.digest.high };
    return encodeFrame({ first, last, precedent, born, time, tables, groups });
  }

  #groups({ type, removed, patched, put }: TableDifference, number: number): Group[] {
    const groups: Group[] = [];
    if (removed.length > 0) groups.push(this.#named(type, 'remove', 0, removed, number));
    for (const [mask, rows] of patched) groups.push(this.#named(type, 'patch', mask, rows, number));
    if (put.length > 0) {
      const fields = 2 ** type.fields.length - 1;
      groups.push({ table: type.code, op: 'put', fields, places: [], columns: columns(type, fields, put) });
    }
    return groups;
  }

  /** Rows that were there before: named by their places where these are known. */
  #named(type: TableType, op: Group['op'], mask: number, rows: readonly Row[], number: number): Group {
    const known = this.#places.of(type.name, number);
    const fields = known === null ? mask | (1 << type.keyIndex) : mask;
    const places = known === null ? [] : rows.map((row) => placeIn(known, type, row));
    return { table: type.code, op, fields, places, columns: columns(type, fields, rows) };
  }
}

function placeIn(known: ReadonlyMap<string | number, number>, type: TableType, row: Row): number {
  const place = known.get(type.keyOf(row));
  if (place === undefined) throw new Error(`${type.name} ${String(type.keyOf(row))} has no place`);
  return place;
}

function columns(type: TableType, fields: number, rows: readonly Row[]): Column[] {
  return type.fields.filter((_, i) => (fields & (1 << i)) !== 0).map((field) => columnOf(field, rows));
}
