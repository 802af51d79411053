/** A finished run, as `--json` writes it; the other formats are made of it. Times in milliseconds. */
import type { Summary } from '../histogram.ts';
import type { Problem, Verdict } from '../ledger.ts';
import type { Counts, Trend, Wrong } from '../messages.ts';
import type { Judged } from '../thresholds.ts';

export interface FaultReport {
  readonly fault: string;
  readonly regions: readonly string[];
  /** Since the start. */
  readonly atMs: number;
  readonly endMs: number;
  readonly problem: string | null;
  /** Longest time in which no bot anywhere got an acknowledgement. */
  readonly pauseMs: number;
  /** The same for the bots that were at each region when the fault came, wherever they went then. */
  readonly byRegion: { readonly [region: string]: number };
}

export interface SecondFigures {
  readonly second: number;
  readonly acts: number;
  readonly issued: number;
  readonly refused: number;
  readonly failed: number;
  readonly live: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly bytesDown: number;
  readonly bytesUp: number;
  readonly leader: string | null;
  readonly number: number;
}

export interface Report {
  readonly passed: boolean;
  readonly version: string;
  readonly commandLine: string;
  readonly startedAt: string;
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly memoryGb: number;
    readonly load: number;
    readonly node: string;
    readonly platform: string;
  };
  readonly target: { readonly urls: readonly string[]; readonly world: string };
  readonly load: {
    readonly bots: number;
    readonly kinds: { readonly [kind: string]: number };
    readonly rate: number;
    /** As long as it really ran. */
    readonly seconds: number;
    /** How many play when, or what is replayed by how many. */
    readonly stages: string;
    readonly replay: boolean;
    readonly seed: number;
    readonly workers: number;
    readonly zipf: number;
    readonly interrupted: boolean;
  };
  readonly thresholds: readonly Judged[];
  readonly trends: Readonly<Record<Trend, Summary>>;
  readonly counts: Counts;
  readonly codes: { readonly [code: string]: number };
  readonly reconnects: { readonly [kind: string]: number };
  readonly faults: readonly FaultReport[];
  readonly verdict: {
    readonly sound: boolean;
    /** What is wrong, in words; empty when sound. */
    readonly complaints: readonly string[];
    readonly readFrom: string | null;
    readonly books: Omit<Verdict, 'problems'> | null;
    readonly problems: readonly Problem[];
    /** Wrong in the streams that bots were sent. */
    readonly wrongs: readonly Wrong[];
    readonly digests: readonly (readonly [url: string, digest: string | null])[];
  };
  readonly generator: {
    /** Busiest worker's share of its time, 0 to 1, over the whole run and in its worst second. */
    readonly busy: number;
    readonly worst: number;
    readonly cpuSeconds: number;
    /** The figures say as much about this generator as about the server. */
    readonly limit: boolean;
    readonly words: string;
  };
  readonly series: readonly SecondFigures[];
}
