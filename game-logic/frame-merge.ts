/** What a run of commands comes to: for each row what it was before the first and what it is after the last. Pure. */
import type { Key, Row, TableType } from '../schemas/support/types.ts';
import { FRAME_FEW_ROWS } from './limits.ts';
import type { RowChange } from './types.ts';

interface Span {
  /** undefined: it was not there. */
  readonly before: Row | undefined;
  /** undefined: it is not there any more. */
  after: Row | undefined;
  /** It was made anew on the way, so its place is behind all that were there. */
  readonly anew: boolean;
}

/** The rows of one table that differ, in the order in which they must be written. */
export interface TableDifference {
  readonly type: TableType;
  /** As they were. */
  readonly removed: readonly Row[];
  /** As they are, by the fields that differ. */
  readonly patched: ReadonlyMap<number, readonly Row[]>;
  /** In the order of their making. */
  readonly put: readonly Row[];
}

/** Merges the changes of commands that follow each other, given in their order. Tables without a difference are left out. */
export function mergeChanges(runs: readonly (readonly RowChange[])[]): TableDifference[] {
  const tables: { readonly type: TableType; readonly spans: Map<Key, Span> }[] = [];
  for (const changes of runs) {
    for (const change of changes) {
      tables[change.table.code] ??= { type: change.table, spans: new Map() };
      extend(tables[change.table.code]!.spans, change);
    }
  }
  const found: TableDifference[] = [];
  for (const table of tables) {
    const difference = table === undefined ? null : differenceOf(table.type, table.spans);
    if (difference !== null) found.push(difference);
  }
  return found;
}

function extend(spans: Map<Key, Span>, change: RowChange): void {
  const { key, row, previous } = change;
  const span = spans.get(key);
  if (span === undefined) {
    spans.set(key, { before: previous, after: row, anew: previous === undefined });
    return;
  }
  if (span.after !== previous)
    throw new Error(`${change.table.name} ${String(key)} changed in between: these changes do not follow`);
  if (previous !== undefined) {
    span.after = row;
    return;
  }
  // As in a table, a row that is made again comes last.
  spans.delete(key);
  spans.set(key, { before: span.before, after: row, anew: true });
}

function differenceOf(type: TableType, spans: ReadonlyMap<Key, Span>): TableDifference | null {
  const removed: Row[] = [];
  const put: Row[] = [];
  const patched = new Map<number, Row[]>();
  for (const { before, after, anew } of spans.values()) {
    if (before !== undefined && (after === undefined || anew)) removed.push(before);
    if (after === undefined) continue;
    if (anew || before === undefined) {
      put.push(after);
      continue;
    }
    const mask = type.diff(before, after);
    if (mask === 0) continue;
    const rows = patched.get(mask);
    if (rows === undefined) patched.set(mask, [after]);
    else rows.push(after);
  }
  if (removed.length + put.length + patched.size === 0) return null;
  joinSmall(type, patched);
  return { type, removed, patched, put };
}

/** Few rows of which less differs go with the most: a few values more cost less than columns of their own. */
function joinSmall(type: TableType, patched: Map<number, Row[]>): void {
  let main = 0;
  for (const [mask, rows] of patched) if (rows.length > (patched.get(main)?.length ?? 0)) main = mask;
  const most = patched.get(main);
  if (most === undefined) return;
  for (const [mask, rows] of patched) {
    if (mask === main || rows.length > FRAME_FEW_ROWS || (mask & ~main) !== 0) continue;
    // Texts may be long.
    if (type.fields.some((field, i) => field.type === 'string' && (main & ~mask & (1 << i)) !== 0)) continue;
    patched.delete(mask);
    for (const row of rows) most.push(row);
  }
}
