/**
 * Reads verified commands one after the other into the same object: a replica looks at each for a microsecond, and an object of
 * its own for every part of every command would be most of the work.
 */
import { decodeCommand } from '../generated/command.ts';
import type { Envelope } from './command-types.ts';
import { checkCommand } from './envelope.ts';
import { entryAt, readText, readUlong, type Source, sourceOf, target } from './reader.ts';

const NO_TIMERS: Envelope['timersSet'] = [];
const NO_IDS: Envelope['timersCancelled'] = [];
const EMPTY: Source = sourceOf(new Uint8Array(0));

/** Where the entry of each field of Command stands in its vtable; see command.fbs. */
const ENTRY = {
  id: 4,
  time: 6,
  session: 8,
  sequence: 10,
  origin: 12,
  action: 14,
  result: 16,
  delta: 18,
  timersSet: 20,
  timerFired: 22,
  timersCancelled: 24,
  tables: 26,
  system: 28,
} as const;

/** Fields as in Envelope, but for the origin and the delta, which are not made objects of. */
export class CommandCursor {
  number = 0;
  born = 0;
  precedent = 0;
  time = 0;
  session = '';
  sequence = 0;
  /** Of the origin; -1: there is none. */
  region = -1;
  request = 0;
  action = '';
  result = 'null';
  timersSet: Envelope['timersSet'] = NO_TIMERS;
  timerFired = 0;
  timersCancelled: Envelope['timersCancelled'] = NO_IDS;
  readonly tables = { low: 0, high: 0 };
  readonly system = { low: 0, high: 0 };
  source: Source = EMPTY;
  /** Where the delta's bytes begin in `source`, and how many they are; 0: there is none. */
  delta = 0;
  deltaLength = 0;

  /** `bytes`: exactly one command. Throws SchemaError `forged` unless trusted. */
  read(bytes: Uint8Array, trusted: boolean): void {
    if (!trusted) checkCommand(bytes);
    const source = sourceOf(bytes);
    this.source = source;
    const { view } = source;
    const table = target(view, bytes.byteOffset + 4);
    const vtable = table - view.getInt32(table, true);
    const length = view.getUint16(vtable, true);
    const id = entryAt(view, table, vtable, length, ENTRY.id);
    this.number = readUlong(view, id);
    this.born = readUlong(view, id + 8);
    this.precedent = readUlong(view, id + 16);
    const time = entryAt(view, table, vtable, length, ENTRY.time);
    this.time = time === 0 ? 0 : view.getFloat64(time, true) + 0;
    this.session = readText(source, entryAt(view, table, vtable, length, ENTRY.session));
    const sequence = entryAt(view, table, vtable, length, ENTRY.sequence);
    this.sequence = sequence === 0 ? 0 : readUlong(view, sequence);
    const origin = entryAt(view, table, vtable, length, ENTRY.origin);
    this.region = origin === 0 ? -1 : view.getUint32(origin, true);
    this.request = origin === 0 ? 0 : view.getUint32(origin + 4, true);
    this.action = readText(source, entryAt(view, table, vtable, length, ENTRY.action));
    const result = entryAt(view, table, vtable, length, ENTRY.result);
    this.result = result === 0 ? 'null' : readText(source, result);
    const delta = entryAt(view, table, vtable, length, ENTRY.delta);
    this.deltaLength = delta === 0 ? 0 : view.getUint32(target(view, delta), true);
    this.delta = delta === 0 ? 0 : target(view, delta) + 4;
    const fired = entryAt(view, table, vtable, length, ENTRY.timerFired);
    this.timerFired = fired === 0 ? 0 : readUlong(view, fired);
    this.readTimers(bytes, table, vtable, length);
    const tables = entryAt(view, table, vtable, length, ENTRY.tables);
    this.tables.low = view.getUint32(tables, true);
    this.tables.high = view.getUint32(tables + 4, true);
    const system = entryAt(view, table, vtable, length, ENTRY.system);
    this.system.low = view.getUint32(system, true);
    this.system.high = view.getUint32(system + 4, true);
  }

  private readTimers(bytes: Uint8Array, table: number, vtable: number, length: number): void {
    const { view } = this.source;
    const set = entryAt(view, table, vtable, length, ENTRY.timersSet);
    const cancelled = entryAt(view, table, vtable, length, ENTRY.timersCancelled);
    if (set === 0 && cancelled === 0) {
      this.timersSet = NO_TIMERS;
      this.timersCancelled = NO_IDS;
      return;
    }
    const command = decodeCommand(bytes, true, true);
    this.timersSet = command.timersSet;
    this.timersCancelled = command.timersCancelled;
  }
}
