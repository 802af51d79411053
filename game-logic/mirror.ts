/** The client's copy of a world: its tables only. Sessions and timers are the servers' business. */
import { decodeFrame, type Frame } from '../schemas/generated/client.ts';
import { decodeEnvelope } from '../schemas/support/envelope.ts';
import { SchemaError } from '../schemas/support/errors.ts';
import type { Digest, Scalar } from '../schemas/support/types.ts';
import { MirrorError, requireDigest, StateError } from './errors.ts';
import { PlaceList } from './frame-places.ts';
import { frameChanges } from './frame-read.ts';
import type { TablesSnapshot } from './snapshot.ts';
import { changesOf } from './state.ts';
import { Tables } from './tables.ts';
import type { Applied, AppliedFrame, TableReader, WorldDefinition } from './types.ts';

export class Mirror {
  readonly definition: WorldDefinition;
  readonly tables: Tables;
  number: number;
  born: number;
  time: number;
  private readonly places = new PlaceList();

  /** Starts at a snapshot; throws MirrorError `digest-mismatch` if the rows are not what its digest says. */
  constructor(definition: WorldDefinition, snapshot: TablesSnapshot) {
    this.definition = definition;
    this.number = snapshot.number;
    this.born = snapshot.born;
    this.time = snapshot.time;
    this.tables = new Tables(definition.schema);
    guarded(this.number, () => {
      for (const table of this.tables.all())
        for (const row of snapshot.tables[table.type.name] ?? [])
          this.tables.insert(table.type, row, this.number);
      requireDigest(this.number, "the snapshot's tables'", this.tables.digest, snapshot.digest);
    });
  }

  /** A mirror of S0, before command 1. */
  static initial(definition: WorldDefinition): Mirror {
    const tables = new Tables(definition.schema);
    for (const { table, row } of definition.initial) tables.insert(table, row, 0);
    const start = { number: 0, born: 0, time: 0, digest: tables.digest };
    const rows: { [table: string]: TablesSnapshot['tables'][string] } = {};
    for (const table of tables.all()) rows[table.type.name] = [...table.rows()];
    return new Mirror(definition, { ...start, tables: rows });
  }

  get digest(): Digest {
    return this.tables.digest;
  }

  table(name: string): TableReader | undefined {
    return this.tables.named(name);
  }

  tableNames(): readonly string[] {
    return this.tables.names();
  }

  /**
   * Applies the command numbered `number + 1`. Throws MirrorError `gap`, `wrong-precedent`, `digest-mismatch` or `forged`;
   * after the last two the mirror is to be replaced by one of a fresh snapshot. `trusted`: verified before.
   */
  apply(bytes: Uint8Array, trusted = false): Applied {
    const next = this.number + 1;
    return guarded(next, () => {
      const envelope = decodeEnvelope(bytes, trusted);
      if (envelope.number !== next)
        throw new StateError('gap', envelope.number, `the next one here is ${next}`);
      if (envelope.precedent !== this.born)
        throw new StateError(
          'wrong-precedent',
          next,
          `its precedent is ${envelope.precedent}, here it is ${this.born}`,
        );
      const changes = this.tables.apply(changesOf(envelope, this.definition, trusted), next);
      requireDigest(next, "the tables'", this.tables.digest, envelope.tables);
      this.places.follow(changes, this.tables);
      this.number = next;
      this.born = envelope.born;
      this.time = envelope.time;
      return { envelope, changes };
    });
  }

  /**
   * Applies merged commands, from `number + 1` on (client.fbs: Frame). Throws like `apply`, and after a `digest-mismatch` or
   * `forged` the mirror is to be replaced.
   */
  applyFrame(bytes: Uint8Array): AppliedFrame {
    return this.applyVerified(guarded(this.number + 1, () => decodeFrame(bytes)));
  }

  /** The same for a frame that `decodeFrame` let pass. */
  applyVerified(frame: Frame): AppliedFrame {
    return guarded(this.number + 1, () => {
      const { first, last, precedent, born, time } = frame;
      if (first !== this.number + 1)
        throw new StateError('gap', first, `the next one here is ${this.number + 1}`);
      if (last < first) throw new StateError('forged', first, `a frame of ${first} to ${last}`);
      if (precedent !== this.born)
        throw new StateError(
          'wrong-precedent',
          first,
          `its precedent is ${precedent}, here it is ${this.born}`,
        );
      const changes = this.tables.apply(frameChanges(frame, this.tables, this.places), last);
      requireDigest(last, "the tables'", this.tables.digest, frame.tables);
      this.places.follow(changes, this.tables);
      this.number = last;
      this.born = born;
      this.time = time;
      return { first, last, born, time, digest: frame.tables, changes };
    });
  }

  toJSON(): { [table: string]: { [field: string]: Scalar }[] } {
    return this.tables.toJSON();
  }
}

/** One kind of error for all that a client can only answer with a fresh snapshot. */
function guarded<T>(number: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StateError) throw new MirrorError(error.code, error.number, error.detail);
    if (error instanceof SchemaError) throw new MirrorError('forged', number, error.message);
    throw error;
  }
}
