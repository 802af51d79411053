import { Choices, Runaway } from './choices.ts';
import { CoreLoad } from './cluster/core-load.ts';
import { chooseProfile, type Overrides } from './cluster/profile.ts';
import type { Report } from './cluster/report.ts';
import { TimedRun } from './cluster/timed-run.ts';
import { WildRun } from './cluster/wild-run.ts';
import { printSpans, type Span } from './kept.ts';
import type { Production } from './production.ts';
import { Violation } from './violation.ts';
import { WorldLoad } from './world/world-load.ts';
import { chooseWorldProfile } from './world/world-profile.ts';
import { WorldRun } from './world/world-run.ts';

/**
 * `timed`: consensus under faults on simulated time. `wild`: consensus under any order of events at all. `world`: whole region
 * servers with leader, replicas, gateways and clients, under faults on simulated time. `wild-world`: whole region servers
 * under any order of events. `rest`, `rest-world`: as `timed` and `world`, with so little to do that the world rests between deeds.
 */
export const KINDS = ['timed', 'wild', 'world', 'wild-world', 'rest', 'rest-world'] as const;
export type Kind = (typeof KINDS)[number];

/** Everything that a run depends on; the same spec is the same run on every machine. */
export interface Spec extends Overrides {
  readonly seed: string;
  /** Events under fire; healing comes on top. */
  readonly steps: number;
  /** Absent: the seed decides. */
  readonly kind?: Kind;
  /** Absent: all. Else the choices at these positions only; the others are the harmless ones. */
  readonly keep?: readonly Span[];
}

export interface Finding {
  readonly rule: string;
  readonly detail: string;
}

export interface Result {
  readonly spec: Spec;
  readonly kind: Kind;
  readonly report: Report;
  /** Made in this run. */
  readonly choices: number;
  readonly finding?: Finding;
}

/** One run. A violation is a result, any other error a fault of the simulator and thrown. `most`: choices, before it is given up. */
export function runSpec(
  production: Production,
  spec: Spec,
  print?: (line: string) => void,
  most = Infinity,
): Result {
  const choices = Choices.calmed(spec.seed, spec.keep ?? null, most);
  const drawn = choices.pick(KINDS);
  const kind = spec.kind ?? drawn;
  const run = makeRun(production, kind, choices, spec, print);
  const result = { spec, kind };
  try {
    return { ...result, report: run.run(spec.steps), choices: choices.count };
  } catch (error) {
    const rest = { report: run.report(), choices: choices.count };
    if (error instanceof Violation)
      return { ...result, ...rest, finding: { rule: error.rule, detail: error.message } };
    if (error instanceof Runaway) return { ...result, ...rest };
    // What production code throws where nothing may be thrown is a fault as any other, and has its seed.
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...result, ...rest, finding: { rule: 'crash', detail } };
  }
}

function makeRun(
  production: Production,
  kind: Kind,
  choices: Choices,
  spec: Spec,
  print?: (line: string) => void,
): { run(steps: number): Report; report(): Report } {
  const rest = kind === 'rest' || kind === 'rest-world';
  if (kind === 'world' || kind === 'wild-world' || kind === 'rest-world') {
    const profile = chooseWorldProfile(choices, { ...spec, rest });
    print?.(`profile ${JSON.stringify(profile)}`);
    if (kind !== 'wild-world') return new WorldRun(production, profile, choices, print);
    const make = (now: () => number) => {
      const load = new WorldLoad(production, profile, choices, now);
      return { load, machine: load.machine };
    };
    return new WildRun(profile.cluster, choices, make, print);
  }
  const profile = chooseProfile(choices, { ...spec, rest });
  print?.(`profile ${JSON.stringify(profile)}`);
  if (kind !== 'wild') return new TimedRun(production, profile, choices, print);
  const make = (now: () => number) => {
    const load = new CoreLoad(choices, profile.clients);
    return { load, machine: load.machine(production, now) };
  };
  return new WildRun(profile, choices, make, print);
}

/** The one command that repeats a run. */
export function commandOf({ seed, steps, kind, voting, keep }: Spec): string {
  const options = [`--seed ${/^[\w.-]+$/.test(seed) ? seed : `'${seed}'`}`, `--steps ${steps}`];
  if (kind !== undefined) options.push(`--kind ${kind}`);
  if (voting !== undefined) options.push(`--voting ${voting}`);
  if (keep !== undefined) options.push(`--keep ${printSpans(keep)}`);
  return `npm run sim -- ${options.join(' ')} --columns`;
}

/** Sums over many runs. */
export class Tally {
  runs = 0;
  steps = 0;
  issued = 0;
  ballots = 0;
  faults = 0;
  rests = 0;
  /** Simulated milliseconds. */
  time = 0;
  readonly failed: Result[] = [];

  add(result: Result): void {
    this.runs++;
    this.steps += result.report.steps;
    this.issued += result.report.issued;
    this.ballots += result.report.ballots;
    this.faults += result.report.faults;
    this.rests += result.report.rests;
    this.time += result.report.time;
    if (result.finding !== undefined) this.failed.push(result);
  }

  get line(): string {
    const hours = (this.time / 3_600_000).toFixed(2);
    return `${this.runs} runs, ${hours} simulated hours, ${this.steps} events, ${this.issued} commands issued in ${this.ballots} ballots, ${this.faults} faults injected, ${this.rests} times at rest, ${this.failed.length} violations`;
  }
}
