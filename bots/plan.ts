/** Everything that was decided before a run began; what `throughline bots` was asked for. */
import type { Fault } from './faults.ts';
import type { Share } from './population.ts';
import type { RecordedAct } from './replay/record-file.ts';
import type { Replay } from './replay/replay.ts';
import type { Stay } from './stages.ts';
import type { Threshold } from './thresholds.ts';

export interface Plan {
  readonly urls: readonly string[];
  readonly world: string;
  /** The world's definition, by name: what bots play there. */
  readonly definition: string;
  /** Who comes when; as many as ever come. */
  readonly stays: readonly Stay[];
  /** At once at most. */
  readonly bots: number;
  readonly mix: readonly Share[];
  /** Acts a second of one bot with pace 1. */
  readonly rate: number;
  readonly seconds: number;
  /** How many play when, in words. */
  readonly stages: string;
  readonly seed: number;
  readonly workers: number;
  /** Bots of each worker and region that take the commands; the others take only their answers. */
  readonly watchers: number;
  readonly zipf: number;
  readonly warehouses: number;
  readonly faults: readonly Fault[];
  readonly admins: readonly string[];
  readonly adminToken: string | undefined;
  /** What is done again, instead of what kinds of bots would do. */
  readonly replay: Replay | null;
  /** Told each act that a bot means to do, about a second later; null: nobody wants to know. */
  readonly record: ((act: RecordedAct) => void) | null;
  readonly thresholds: readonly Threshold[];
  /** The script that a worker process runs with `bots --worker`. */
  readonly entry: string;
  /** As it was typed, for the report. */
  readonly commandLine: string;
  readonly version: string;
}

/** Acts of one run at most: the ledger takes about 250 bytes for each when they are compared, 1 GB in all. */
export const ACTS_AT_MOST = 4_000_000;
export const BOTS_AT_MOST = 20_000;
/** How long answers are waited for after the last act: longer than a failover, shorter than anybody's patience. */
export const SETTLE_MS = 25_000;

/** The plan does not fit the target: wrong usage, found out too late for the command line's own checks. */
export class BadPlan extends Error {}
