/** What a client holds of a world: the mirror, the prediction on top, the clock, and the doors through which both are read. */
import { Mirror } from '../game-logic/mirror.ts';
import { type PredictedAction, Prediction } from '../game-logic/prediction.ts';
import { decodeRows } from '../game-logic/snapshot.ts';
import type {
  Applied,
  AppliedFrame,
  Environment,
  RowChange,
  TableReader,
  WorldDefinition,
} from '../game-logic/types.ts';
import type { Frame } from '../schemas/generated/client.ts';
import { digestText } from '../schemas/support/digest.ts';
import type { WholeSnapshot } from './snapshot-parts.ts';
import { differences, TableDoor } from './tables.ts';
import { WorldClock } from './world-clock.ts';

export class LocalCopy {
  readonly definition: WorldDefinition;
  readonly clock = new WorldClock();
  readonly doors: { readonly [table: string]: TableDoor };
  readonly predictedDoors: { readonly [table: string]: TableDoor };
  readonly #host: { now(): number; random(): number };
  readonly #prediction: Prediction;
  #mirror: Mirror;
  /** The prediction does not show what it should: it is put right when somebody looks, and costs nothing until then. */
  #stale = false;
  /** Acts that are not in the prediction yet. */
  #coming: PredictedAction[] = [];

  constructor(definition: WorldDefinition, host: { now(): number; random(): number }) {
    this.definition = definition;
    this.#host = host;
    this.#mirror = Mirror.initial(definition);
    this.#prediction = new Prediction(this.#mirror);
    const names = this.#mirror.tableNames();
    this.doors = Object.fromEntries(
      names.map((name) => [name, new TableDoor(() => this.#mirror.table(name)!)]),
    );
    this.predictedDoors = Object.fromEntries(
      names.map((name) => [name, new TableDoor(() => this.#predicted(name))]),
    );
  }

  get number(): number {
    return this.#mirror.number;
  }
  get digest(): string {
    return digestText(this.#mirror.digest);
  }
  get time(): number {
    return this.#mirror.time;
  }

  /** World time now, as well as it can be known here. */
  get now(): number {
    return this.clock.time(this.#host.now()) ?? this.#mirror.time;
  }

  /** Applies the next commands, merged; throws like `apply`. */
  applyFrame(frame: Frame): AppliedFrame {
    const applied = this.#mirror.applyVerified(frame);
    this.clock.heard(this.#mirror.time, this.#host.now());
    this.#stale = true;
    return applied;
  }

  /** Applies the next command; throws MirrorError if it does not fit, after which only `restore` helps. */
  apply(bytes: Uint8Array): Applied {
    const applied = this.#mirror.apply(bytes);
    this.clock.heard(this.#mirror.time, this.#host.now());
    this.#stale = true;
    return applied;
  }

  /** Shows an act of this client's in the predicted tables until it is settled. `ticket` names it. */
  predict(ticket: number, session: string, action: string, args: PredictedAction['args']): void {
    this.#coming.push({ session, sequence: ticket, action, args });
    this.#stale = true;
  }

  settled(ticket: number): void {
    const at = this.#coming.findIndex(({ sequence }) => sequence === ticket);
    if (at >= 0) this.#coming.splice(at, 1);
    else if (this.#prediction.settle(ticket)) this.#stale = true;
  }

  #predicted(name: string): TableReader {
    if (this.#stale) this.#rebase();
    return this.#prediction.table(name)!;
  }

  #rebase(): void {
    const environment = this.#environment();
    this.#prediction.rebase(environment);
    for (const act of this.#coming) this.#prediction.act(act, environment);
    this.#coming = [];
    this.#stale = false;
  }

  /** Dice thrown here are a guess until the leader's are known. */
  #environment(): Environment {
    return { now: Math.max(this.now, this.#mirror.time), random: () => this.#host.random(), log: () => {} };
  }

  /** Starts again from a snapshot; throws MirrorError or SchemaError if it is not sound. Returns what differs from before. */
  restore(snapshot: WholeSnapshot): RowChange[] {
    const { number, born, time, tables } = snapshot.head;
    const rows = decodeRows(this.definition, snapshot.parts);
    const mirror = new Mirror(this.definition, { number, born, time, digest: tables, tables: rows });
    const before = this.#mirror;
    this.#mirror = mirror;
    this.#prediction.moveTo(mirror, this.#environment());
    this.#stale = true;
    return mirror.tableNames().flatMap((name) => [...differences(before.table(name), mirror.table(name)!)]);
  }
}
