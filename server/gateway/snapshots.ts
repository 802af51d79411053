/**
 * Snapshots for clients. Rows are immutable, so a snapshot is a list of references taken in one turn; its parts are encoded
 * when the first client gets to them, and shared by all that read it.
 */
import type { Change, Digest, Row, TableType } from '../../schemas/support/types.ts';
import { ThroughlineError } from '../errors.ts';
import type { WorldService } from '../world-service.ts';
import type { GatewayLimits } from './bounds.ts';
import { snapshotFrame } from './frames.ts';

type Bounds = Pick<GatewayLimits, 'snapshotRows' | 'snapshotReuse' | 'snapshots' | 'frameBytes'>;

export class Snapshot {
  readonly number: number;
  readonly #born: number;
  readonly #time: number;
  readonly #tables: Digest;
  readonly #system: Digest;
  readonly #schema: WorldService['definition']['schema'];
  readonly #rows: (readonly [TableType, Row])[] = [];
  /** Index of the first row of each part. */
  readonly #starts: number[] = [0];
  readonly #frames: Uint8Array[] = [];
  /** Clients that are reading it. */
  readers = 0;

  constructor(world: WorldService, limits: Pick<Bounds, 'snapshotRows' | 'frameBytes'>) {
    const { state } = world;
    this.number = state.number;
    this.#born = state.born;
    this.#time = state.time;
    this.#tables = { ...state.digest };
    this.#system = { ...state.systemDigest };
    this.#schema = world.definition.schema;
    let weight = 0;
    for (const name of state.tableNames()) {
      const table = state.table(name);
      if (table === undefined) continue;
      for (const row of table.rows()) {
        const heavy = weightOf(row);
        const inPart = this.#rows.length - (this.#starts.at(-1) as number);
        if (inPart === limits.snapshotRows || (inPart > 0 && weight + heavy > limits.frameBytes)) {
          this.#starts.push(this.#rows.length);
          weight = 0;
        }
        this.#rows.push([table.type, row]);
        weight += heavy;
      }
    }
  }

  get parts(): number {
    return this.#starts.length;
  }

  frame(part: number): Uint8Array {
    const known = this.#frames[part];
    if (known !== undefined) return known;
    const changes: Change[] = [];
    const end = this.#starts[part + 1] ?? this.#rows.length;
    for (let i = this.#starts[part] as number; i < end; i++) {
      const [table, row] = this.#rows[i] as readonly [TableType, Row];
      changes.push({ table, op: 'put', key: table.keyOf(row), row });
    }
    const frame = snapshotFrame({
      number: this.number,
      born: this.#born,
      time: this.#time,
      tables: this.#tables,
      system: this.#system,
      part,
      parts: this.parts,
      rows: this.#schema.encodeDelta(changes),
    });
    this.#frames[part] = frame;
    return frame;
  }
}

/** Bytes of a row as a put, roughly and not too few: 3 for each UTF-16 unit. */
function weightOf(row: Row): number {
  let weight = 40;
  for (const name in row) {
    const value = row[name];
    weight += typeof value === 'string' ? 12 + 3 * value.length : 10;
  }
  return weight;
}

export class Snapshots {
  readonly #world: WorldService;
  readonly #limits: Bounds;
  readonly #reading = new Set<Snapshot>();
  #newest: Snapshot | null = null;
  /** Handed out so far. */
  taken = 0;

  constructor(world: WorldService, limits: Bounds) {
    this.#world = world;
    this.#limits = limits;
  }

  /** One that the log leads on from; give it back by `release`. Throws `overloaded` when too many are being read. */
  take(): Snapshot {
    const snapshot = this.#usable() ?? new Snapshot(this.#world, this.#limits);
    this.#newest = snapshot;
    this.#reading.add(snapshot);
    snapshot.readers++;
    this.taken++;
    return snapshot;
  }

  release(snapshot: Snapshot): void {
    snapshot.readers--;
    if (snapshot.readers === 0) this.#reading.delete(snapshot);
  }

  /** Nobody reads and nobody will soon: let go of the rows. */
  forget(): void {
    if (this.#reading.size === 0) this.#newest = null;
  }

  #usable(): Snapshot | null {
    const newest = this.#newest;
    const full = this.#reading.size >= this.#limits.snapshots;
    const held = newest !== null && newest.number + 1 >= this.#world.firstHeld();
    if (held && newest.number <= this.#world.state.number) {
      if (full || this.#world.state.number - newest.number <= this.#limits.snapshotReuse) return newest;
    }
    if (full)
      throw new ThroughlineError('overloaded', 'too many clients are reading snapshots of this world');
    return null;
  }
}
