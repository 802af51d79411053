/** M(p): one replica's copy of a world. Only commands change it, and each proves by two digests that it fitted. */

import { CommandCursor } from '../schemas/support/command-cursor.ts';
import type { Envelope } from '../schemas/support/command-types.ts';
import { hasDigests, readId } from '../schemas/support/envelope.ts';
import type { Change, Digest, Scalar } from '../schemas/support/types.ts';
import { requireDigest, StateError } from './errors.ts';
import type { MadeCommand, MadeCommands } from './made-commands.ts';
import { Session } from './sessions.ts';
import type { WorldSnapshot } from './snapshot.ts';
import { applySystem, hashClock, type SystemTarget } from './system.ts';
import { Tables } from './tables.ts';
import { hashTimer, TimerQueue } from './timers.ts';
import type {
  AppliedCommand,
  RowChange,
  SessionView,
  TableReader,
  TimerView,
  WorldDefinition,
  WorldStateLike,
} from './types.ts';

const NO_CHANGES: Change[] = [];
const NO_ROW_CHANGES: readonly RowChange[] = [];
/** One command is applied at a time, in all worlds. */
const cursor = new CommandCursor();

/** The row changes of a command, as values. */
export function changesOf(envelope: Envelope, definition: WorldDefinition, trusted: boolean): Change[] {
  return envelope.delta === null ? NO_CHANGES : definition.schema.decodeDelta(envelope.delta, trusted);
}

export class WorldState implements WorldStateLike, SystemTarget {
  readonly definition: WorldDefinition;
  readonly tables: Tables;
  number = 0;
  born = 0;
  time = 0;
  readonly system: Digest = { low: 0, high: 0 };
  readonly timers: TimerQueue;
  private readonly bySession = new Map<string, Session>();
  /** Set while a command is being applied: a copy that threw half-way is not true at any number. */
  private broken = false;
  /** What the leader state over this copy made; null where there is none. */
  private made: MadeCommands | null = null;

  /** S0. */
  constructor(definition: WorldDefinition);
  /** Parts of another copy; used by fork and restore. */
  constructor(definition: WorldDefinition, tables: Tables, timers: TimerQueue);
  constructor(definition: WorldDefinition, tables?: Tables, timers?: TimerQueue) {
    this.definition = definition;
    this.timers = timers ?? new TimerQueue();
    if (tables === undefined) {
      this.tables = new Tables(definition.schema);
      for (const { table, row } of definition.initial) this.tables.insert(table, row, 0);
      hashClock(0, this.system, 1);
    } else {
      this.tables = tables;
    }
  }

  get digest(): Digest {
    return this.tables.digest;
  }

  get systemDigest(): Digest {
    return this.system;
  }

  /** `trusted`: the bytes were verified before, as all that came through peer links, storage and catch-up were. */
  apply(bytes: Uint8Array, trusted = true): AppliedCommand {
    const made = trusted ? this.takeMade(bytes) : undefined;
    if (made !== undefined) return this.applyMade(made);
    cursor.read(bytes, trusted);
    const { number, born, session, sequence, result, region, request, source, delta } = cursor;
    this.requireNext(number, cursor.precedent);
    const { schema } = this.definition;
    const empty = cursor.deltaLength === 0;
    if (!trusted && !empty) schema.verifyDelta(source, delta, cursor.deltaLength);
    this.broken = true;
    const changes = empty ? NO_ROW_CHANGES : this.tables.applyBytes(schema, source, delta, number);
    applySystem(this, cursor);
    this.finish(number, born, cursor.tables, cursor.system);
    return { number, born, session, sequence, result, region, request, changes };
  }

  private requireNext(number: number, precedent: number): void {
    if (this.broken) throw new StateError('forged', number, 'this copy failed at an earlier command');
    if (number !== this.number + 1)
      throw new StateError('gap', number, `the next one here is ${this.number + 1}`);
    if (precedent !== this.born)
      throw new StateError(
        'wrong-precedent',
        number,
        `its precedent was born in ballot ${precedent}, the one here in ${this.born}`,
      );
  }

  /** The command has changed everything: compares the digests and stands at it. */
  private finish(number: number, born: number, tables: Digest, system: Digest): void {
    requireDigest(number, "the tables'", this.tables.digest, tables);
    requireDigest(number, "the system's", this.system, system);
    this.number = number;
    this.born = born;
    this.broken = false;
  }

  /** What comes from the leader state over this copy need not be read from bytes. */
  follow(made: MadeCommands): void {
    this.made = made;
  }

  private takeMade(bytes: Uint8Array): MadeCommand | undefined {
    if (this.made === null) return undefined;
    const { number, born } = readId(bytes);
    const made = this.made.take(number, born);
    // Equal identity is equal content (I5). Were it not, the bytes would be right, for they are what everybody else reads.
    return made !== undefined && hasDigests(bytes, made.tables, made.system) ? made : undefined;
  }

  private applyMade(made: MadeCommand): AppliedCommand {
    const { number, born, session, sequence, result, region, request } = made;
    this.requireNext(number, made.precedent);
    this.broken = true;
    const changes = this.tables.applyWhole(made.changes);
    applySystem(this, made, made.hash);
    this.finish(number, born, made.tables, made.system);
    return { number, born, session, sequence, result, region, request, changes };
  }

  table(name: string): TableReader | undefined {
    return this.tables.named(name);
  }

  tableNames(): readonly string[] {
    return this.tables.names();
  }

  rowCount(): number {
    return this.tables.rowCount;
  }

  session(id: string): Session | undefined {
    return this.bySession.get(id);
  }

  sessions(): IterableIterator<SessionView> {
    return this.bySession.values();
  }

  sessionCount(): number {
    return this.bySession.size;
  }

  nextTimer(): TimerView | undefined {
    return this.timers.next();
  }

  toJSON(): { [table: string]: { [field: string]: Scalar }[] } {
    return this.tables.toJSON();
  }

  writableSession(id: string): Session {
    let session = this.bySession.get(id);
    if (session === undefined) {
      session = new Session(id, null);
      this.bySession.set(id, session);
    }
    return session;
  }

  dropSession(id: string): Session | undefined {
    const session = this.bySession.get(id);
    this.bySession.delete(id);
    return session;
  }

  /** An independent copy that shares the rows: each may apply commands without the other noticing. */
  fork(): WorldState {
    const copy = new WorldState(
      this.definition,
      this.tables.copy(this.definition.schema),
      this.timers.copy(),
    );
    for (const [id, session] of this.bySession) copy.bySession.set(id, session.copy());
    copy.number = this.number;
    copy.born = this.born;
    copy.time = this.time;
    copy.system.low = this.system.low;
    copy.system.high = this.system.high;
    return copy;
  }

  /** Everything as plain data, true at `number`; rows are shared, lists are copies. */
  toSnapshot(): WorldSnapshot {
    const tables: { [table: string]: WorldSnapshot['tables'][string] } = {};
    for (const table of this.tables.all()) tables[table.type.name] = [...table.map.values()];
    return {
      number: this.number,
      born: this.born,
      time: this.time,
      digest: { ...this.tables.digest },
      systemDigest: { ...this.system },
      tables,
      sessions: [...this.bySession.values()].map((session) => session.toData()),
      timers: [...this.timers.all()],
    };
  }

  /** Throws StateError `digest-mismatch` if the data is not what its digests say, `forged` if it cannot be. */
  static restore(definition: WorldDefinition, snapshot: WorldSnapshot): WorldState {
    const { number } = snapshot;
    const tables = new Tables(definition.schema);
    for (const table of tables.all())
      for (const row of snapshot.tables[table.type.name] ?? []) tables.insert(table.type, row, number);
    const state = new WorldState(definition, tables, new TimerQueue());
    state.number = number;
    state.born = snapshot.born;
    state.time = snapshot.time;
    hashClock(state.time, state.system, 1);
    for (const data of snapshot.sessions) state.bySession.set(data.id, Session.restore(data, state.system));
    for (const timer of snapshot.timers) {
      state.timers.add(timer);
      hashTimer(timer, state.system, 1);
    }
    requireDigest(number, "the snapshot's tables'", state.tables.digest, snapshot.digest);
    requireDigest(number, "the snapshot's system's", state.system, snapshot.systemDigest);
    return state;
  }
}
