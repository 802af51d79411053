/** What a client holds of a world: the mirror, the prediction on top, the clock, and the doors through which both are read. */
import { Mirror } from '../game-logic/mirror.ts';
import { decodeRows } from '../game-logic/snapshot.ts';
import type { Applied, RowChange, WorldDefinition } from '../game-logic/types.ts';
import { Prediction } from './prediction.ts';
import type { WholeSnapshot } from './snapshot-parts.ts';
import { differences, TableDoor } from './tables.ts';
import { WorldClock } from './world-clock.ts';

export class LocalCopy {
  readonly definition: WorldDefinition;
  readonly clock = new WorldClock();
  readonly prediction: Prediction;
  readonly doors: { readonly [table: string]: TableDoor };
  readonly predictedDoors: { readonly [table: string]: TableDoor };
  #mirror: Mirror;

  constructor(definition: WorldDefinition, random: () => number) {
    this.definition = definition;
    this.#mirror = Mirror.initial(definition);
    this.prediction = new Prediction(definition, this.#mirror, random);
    const names = this.#mirror.tableNames();
    this.doors = Object.fromEntries(
      names.map((name) => [name, new TableDoor(() => this.#mirror.table(name)!)]),
    );
    this.predictedDoors = Object.fromEntries(
      names.map((name) => [name, new TableDoor(() => this.prediction.table(name))]),
    );
  }

  get number(): number {
    return this.#mirror.number;
  }
  get time(): number {
    return this.#mirror.time;
  }

  /** Applies the next command; throws MirrorError if it does not fit, after which only `restore` helps. `now`: host time. */
  apply(bytes: Uint8Array, now: number): Applied {
    const applied = this.#mirror.apply(bytes);
    this.clock.heard(this.#mirror.time, now);
    this.prediction.moved();
    return applied;
  }

  /** Starts again from a snapshot; throws MirrorError or SchemaError if it is not sound. Returns what differs from before. */
  restore(snapshot: WholeSnapshot): RowChange[] {
    const { number, born, time, tables } = snapshot.head;
    const rows = decodeRows(this.definition, snapshot.parts);
    const mirror = new Mirror(this.definition, { number, born, time, digest: tables, tables: rows });
    const before = this.#mirror;
    this.#mirror = mirror;
    this.prediction.rebuild(mirror);
    return mirror.tableNames().flatMap((name) => [...differences(before.table(name), mirror.table(name)!)]);
  }
}
