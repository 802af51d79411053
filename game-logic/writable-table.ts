/** One table inside one function: what the function reads, sets, puts and removes, until it is decided. */
import type { Change, Draft, DraftOwner, Key, Row, TableType } from '../schemas/support/types.ts';
import type { WritableTable } from './context.ts';
import type { OverlayTable } from './overlay.ts';

interface Entry {
  readonly key: Key;
  /** The row before the function; undefined: there was none. */
  readonly base: Row | undefined;
  /** The row as put, or as found; undefined: removed. A draft, if any, knows better. */
  row: Row | undefined;
  draft: Draft | undefined;
}

const FEW = 8;

/** What a table needs to know of the function under way. */
export interface TransactionGate {
  /** Throws unless a function runs. */
  requireOpen(): void;
  /** Called when a table gets its first entry in a function; once. */
  enlist(table: TransactionTable): void;
}

export class TransactionTable implements WritableTable<Row, Draft, Key>, DraftOwner {
  private readonly type: TableType;
  private readonly under: OverlayTable;
  private readonly gate: TransactionGate;
  /** In the order in which the function came to them. */
  private entries: Entry[] = [];
  /** The same by key, once they are more than a few: looking through a few is cheaper than keeping a Map. */
  private readonly byKey = new Map<Key, Entry>();
  private enlisted = false;
  /** Rows put less rows removed. */
  private grown = 0;

  constructor(under: OverlayTable, gate: TransactionGate) {
    this.type = under.type;
    this.under = under;
    this.gate = gate;
  }

  get growth(): number {
    return this.grown;
  }

  get size(): number {
    this.gate.requireOpen();
    return this.under.size + this.grown;
  }

  get(key: Key): Draft | undefined {
    this.gate.requireOpen();
    const entry = this.find(key);
    if (entry === undefined) {
      const row = this.under.get(key);
      if (row === undefined) return undefined;
      const draft = this.type.draft(row, this);
      this.enter({ key, base: row, row, draft });
      return draft;
    }
    if (entry.draft === undefined && entry.row !== undefined) entry.draft = this.type.draft(entry.row, this);
    return entry.draft;
  }

  row(key: Key): Row | undefined {
    this.gate.requireOpen();
    const entry = this.find(key);
    return entry === undefined ? this.under.get(key) : now(entry);
  }

  has(key: Key): boolean {
    return this.row(key) !== undefined;
  }

  put(values: Partial<Row>): void {
    this.gate.requireOpen();
    const { type } = this;
    // Without this a forgotten key would quietly become 0 or ''.
    if (values[type.key] === undefined) throw new TypeError(`a row of ${type.name} needs its ${type.key}`);
    const row = type.make(values);
    const key = type.keyOf(row);
    const entry = this.find(key);
    const before = entry === undefined ? this.under.get(key) : now(entry);
    if (before === undefined) this.grown++;
    if (entry === undefined) this.enter({ key, base: before, row, draft: undefined });
    else replace(entry, row);
  }

  remove(key: Key): boolean {
    this.gate.requireOpen();
    const entry = this.find(key);
    const before = entry === undefined ? this.under.get(key) : now(entry);
    if (before === undefined) return false;
    this.grown--;
    if (entry === undefined) this.enter({ key, base: before, row: undefined, draft: undefined });
    else if (entry.base === undefined) {
      replace(entry, undefined);
      this.entries.splice(this.entries.indexOf(entry), 1);
      this.byKey.delete(key);
    } else replace(entry, undefined);
    return true;
  }

  *rows(): IterableIterator<Row> {
    for (const key of this.keys()) {
      const row = this.row(key);
      if (row !== undefined) yield row;
    }
  }

  *[Symbol.iterator](): IterableIterator<Draft> {
    for (const key of this.keys()) {
      const draft = this.get(key);
      if (draft !== undefined) yield draft;
    }
  }

  /** Keys as of now: the function may put and remove while it iterates. */
  private keys(): Key[] {
    this.gate.requireOpen();
    const keys: Key[] = [];
    for (const row of this.under.rows()) keys.push(this.type.keyOf(row));
    for (const entry of this.entries) if (entry.base === undefined) keys.push(entry.key);
    return keys;
  }

  private find(key: Key): Entry | undefined {
    const { entries } = this;
    if (entries.length > FEW) return this.byKey.get(key);
    for (let i = 0; i < entries.length; i++) if (entries[i]!.key === key) return entries[i];
    return undefined;
  }

  private enter(entry: Entry): void {
    const { entries } = this;
    if (!this.enlisted) {
      this.enlisted = true;
      this.gate.enlist(this);
    }
    entries.push(entry);
    if (entries.length === FEW + 1) for (const one of entries) this.byKey.set(one.key, one);
    else if (entries.length > FEW) this.byKey.set(entry.key, entry);
  }

  /** A draft's first change. Drafts that outlived their function or their row are found here. */
  touch(draft: Draft): void {
    this.gate.requireOpen();
    if (this.find(draft.$key)?.draft !== draft)
      throw new Error(
        `a row of ${this.type.name} was set after it was removed, put anew or its function had ended`,
      );
  }

  /** Appends what the function changed here. Entries that came to nothing leave no change. */
  collect(into: Change[]): void {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i]!;
      const { key, base, draft } = entry;
      const row = now(entry);
      if (base === undefined) {
        if (row !== undefined) into.push({ table: this.type, op: 'put', key, row });
      } else if (row === undefined) {
        into.push({ table: this.type, op: 'remove', key });
      } else if (row !== base) {
        // Only a draft of the found row knows which fields were set; a row put over another is compared whole.
        const candidates = draft !== undefined && entry.row === base ? draft.$mask : -1;
        const mask = differences(this.type, base, row, candidates);
        if (mask !== 0) into.push({ table: this.type, op: 'patch', key, row, mask });
      }
    }
  }

  clear(): void {
    const { entries } = this;
    for (let i = 0; i < entries.length; i++) {
      const { draft } = entries[i]!;
      if (draft !== undefined) draft.$mask = 0;
    }
    if (this.byKey.size > 0) this.byKey.clear();
    this.entries = [];
    this.enlisted = false;
    this.grown = 0;
  }
}

/** With its mask at 0 the old draft asks for leave at its next set, and gets none. */
function replace(entry: Entry, row: Row | undefined): void {
  if (entry.draft !== undefined) entry.draft.$mask = 0;
  entry.draft = undefined;
  entry.row = row;
}

function now(entry: Entry): Row | undefined {
  return entry.draft === undefined ? entry.row : entry.draft.$row;
}

/** Those of the candidate fields in which the rows differ; what was set and set back is no change. */
function differences(type: TableType, base: Row, row: Row, candidates: number): number {
  const { fields } = type;
  let mask = 0;
  for (let i = 0; i < fields.length; i++) {
    if ((candidates & (1 << i)) === 0) continue;
    const { name } = fields[i]!;
    if (!Object.is(base[name], row[name])) mask |= 1 << i;
  }
  return mask;
}
