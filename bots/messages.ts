/** What the command and its worker processes say to each other. */
import type { HistogramData } from './histogram.ts';
import type { Standing } from './ledger.ts';
import type { RecordedAct } from './replay/record-file.ts';

export interface BotOrder {
  /** Unique in the whole run; names the bot's dice. */
  readonly id: number;
  readonly kind: string;
  /** Index of its first address. */
  readonly home: number;
  /** Milliseconds after the start at which it comes. */
  readonly comesAt: number;
  /** Infinity: it stays until the end. */
  readonly leavesAt: number;
  /** It takes the commands; otherwise only the answers to its own acts. */
  readonly watches: boolean;
  /** What it does, where that is given: its kind does not matter then. */
  readonly acts: readonly RecordedAct[] | null;
}

export interface WorkerOrder {
  readonly kind: 'order';
  readonly urls: readonly string[];
  readonly world: string;
  readonly definition: string;
  readonly bots: readonly BotOrder[];
  readonly seed: number;
  /** Acts a second of a bot with pace 1. */
  readonly rate: number;
  readonly zipf: number;
  readonly warehouses: number;
  /** Milliseconds since the epoch; the same for all workers. */
  readonly startAt: number;
  readonly seconds: number;
  /** Seconds after the start at which faults come. */
  readonly faultsAt: readonly number[];
  /** Tell each second what was meant to be done. */
  readonly record: boolean;
  /** How long answers are waited for at the end. */
  readonly settleMs: number;
}

interface StopOrder {
  readonly kind: 'stop';
}

/** Names of everything counted, in the order of the report. */
export const COUNTERS = [
  'acts',
  'issued',
  'refused',
  'failed',
  'unsettled',
  'dropped',
  'retries',
  'duplicates',
  'predictions',
  'mispredictions',
  'frames-down',
  'bytes-down',
  'frames-up',
  'bytes-up',
  'commands',
  'verified',
  'unchecked',
  'resyncs',
  'repeats',
  'wrong',
] as const;
export type Counter = (typeof COUNTERS)[number];
export type Counts = Readonly<Record<Counter, number>>;

export const TRENDS = ['issued', 'executed', 'seen', 'connect', 'reconnect', 'correction', 'late'] as const;
export type Trend = (typeof TRENDS)[number];

/** One second of one worker. */
export interface SecondReport {
  readonly kind: 'second';
  /** Since the start. */
  readonly second: number;
  readonly counts: Counts;
  readonly issued: HistogramData;
  readonly live: number;
  readonly leader: string | null;
  readonly number: number;
  /** Share of its time that this worker was busy, 0 to 1. */
  readonly busy: number;
  /** Acts since the last report, where they are recorded. */
  readonly acts: readonly RecordedAct[];
}

/** What one worker's bots were told, as columns of equal length. */
export interface BooksData {
  readonly sessions: readonly string[];
  readonly session: Uint32Array;
  readonly sequence: Float64Array;
  /** 0 unsettled, 1 issued, 2 a definite no. */
  readonly fate: Uint8Array;
  readonly number: Float64Array;
  readonly standing: readonly (readonly [index: number, standing: Standing])[];
}

/** Something that must not be in a stream. */
export interface Wrong {
  readonly number: number;
  readonly what: string;
}

export interface DoneReport {
  readonly kind: 'done';
  readonly counts: Counts;
  readonly trends: Readonly<Record<Trend, HistogramData>>;
  readonly books: BooksData;
  /** Codes of refusals and failures, and kinds of reconnects, with how often. */
  readonly codes: readonly (readonly [string, number])[];
  readonly reconnects: readonly (readonly [string, number])[];
  /** How many acting bots were where when a fault came, by its time in seconds. */
  readonly groups: readonly (readonly [
    at: number,
    bots: readonly (readonly [region: string, bots: number])[],
  ])[];
  /** Acknowledgements in slots of SLOT_MS since the start, by the region where the bot was when the last fault came. */
  readonly answered: readonly (readonly [string, Uint32Array])[];
  readonly wrongs: readonly Wrong[];
  /** Highest command seen. */
  readonly number: number;
  /** Its own computing time, seconds. */
  readonly cpu: number;
}

interface FailedReport {
  readonly kind: 'failed';
  readonly reason: string;
}

/** The first word of a worker: it runs. */
interface ReadyReport {
  readonly kind: 'ready';
}

export type FromWorker = ReadyReport | SecondReport | DoneReport | FailedReport;
export type ToWorker = WorkerOrder | StopOrder;

export const SLOT_MS = 5;
