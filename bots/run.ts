/** One run from beginning to end: workers, faults, the comparison, the report. */
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { compare } from './compare.ts';
import { conclude } from './conclude.ts';
import { type Fault, type Inflicted, Saboteur } from './faults.ts';
import { Hands } from './hands.ts';
import { mergeDone, mergeSecond } from './merge.ts';
import type { BotOrder, SecondReport, WorkerOrder } from './messages.ts';
import { type Plan, SETTLE_MS } from './plan.ts';
import { populate } from './population.ts';
import type { Report, SecondFigures } from './report/types.ts';
import { type Output, RunScreen } from './screen.ts';
import { stockOf } from './scripts/trader.ts';
import { enter, numberNow, stockUp, Unreachable } from './target.ts';

/** From the order to the start: all workers have it by then. */
const HEAD_START_MS = 300;

/** Throws Unreachable where nothing answers, Error for what else makes a run impossible. */
export async function runBots(plan: Plan, out: Output, interrupted: AbortSignal): Promise<Report> {
  const screen = new RunScreen(out, plan.seconds);
  const guest = await enter(plan.urls, plan.world);
  if (plan.definition === 'warehouse') await stockUp(plan.urls, plan.world, stocksOf(plan));
  const saboteur = new Saboteur(plan.world, plan.admins, plan.adminToken);
  if (plan.faults.length > 0) await saboteur.prepare(plan.faults);
  const hands = new Hands(plan.entry);
  try {
    await hands.start(plan.workers);
    const before = await numberNow(plan.urls, plan.world, guest.token);
    return await new Run(plan, screen, hands, saboteur, guest.token, before, interrupted).run();
  } finally {
    screen.close();
    hands.close();
  }
}

/** The warehouses that bots of this plan use. */
function stocksOf({ replay, mix, warehouses }: Plan): string[] {
  if (replay !== null) {
    const named = replay.acts.flat().flatMap(({ args }) => [args['from'], args['to']]);
    return [...new Set(named.filter((id) => typeof id === 'string'))];
  }
  if (mix.every(({ kind }) => kind === 'idle')) return [];
  return Array.from({ length: warehouses }, (_, at) => stockOf(at));
}

class Run {
  readonly #plan: Plan;
  readonly #screen: RunScreen;
  readonly #hands: Hands;
  readonly #saboteur: Saboteur;
  readonly #token: string;
  /** The last command before the first bot came. */
  readonly #before: number;
  readonly #interrupted: AbortSignal;
  readonly #startAt = Date.now() + HEAD_START_MS;
  readonly #inflicted: Inflicted[] = [];
  readonly #seconds = new Map<number, SecondReport[]>();
  readonly #series: SecondFigures[] = [];
  readonly #busy: { sum: number; count: number }[];
  #worst = 0;

  constructor(
    plan: Plan,
    screen: RunScreen,
    hands: Hands,
    saboteur: Saboteur,
    token: string,
    before: number,
    interrupted: AbortSignal,
  ) {
    this.#plan = plan;
    this.#screen = screen;
    this.#hands = hands;
    this.#saboteur = saboteur;
    this.#token = token;
    this.#before = before;
    this.#interrupted = interrupted;
    this.#busy = Array.from({ length: plan.workers }, () => ({ sum: 0, count: 0 }));
  }

  async run(): Promise<Report> {
    const plan = this.#plan;
    const people =
      plan.replay === null
        ? populate(plan.mix, plan.stays.length, plan.seed)
        : plan.replay.acts.map(() => 'echo');
    const kinds: { [kind: string]: number } = {};
    for (const kind of people) kinds[kind] = (kinds[kind] ?? 0) + 1;
    const startedAt = new Date(this.#startAt).toISOString();
    let stoppedAt: number | null = null;
    const stop = () => {
      stoppedAt ??= this.#now();
      this.#screen.say('stopping: waiting for the last answers');
      this.#hands.stop();
    };
    this.#interrupted.addEventListener('abort', stop, { once: true });
    if (this.#interrupted.aborted) stop();
    const faults = new AbortController();
    const made = plan.faults.map((fault) => this.#plant(fault, faults.signal));
    const reports = await this.#hands.run(this.#orders(people), (worker, report) =>
      this.#second(worker, report),
    );
    faults.abort();
    await Promise.all(made);
    const merged = mergeDone(reports);
    if (merged.trends.get('connect')?.count === 0) throw new Unreachable('no bot came into the world');
    this.#screen.say(`comparing what bots were told with the sequence …`);
    const comparison = await compare({
      ...{ urls: plan.urls, world: plan.world, token: this.#token },
      ...{ first: this.#before + 1, last: merged.last, books: reports.map(({ books }) => books) },
    });
    const seconds =
      stoppedAt === null ? plan.seconds : Math.min(plan.seconds, Math.max(0, stoppedAt) / 1_000);
    return conclude({
      ...{ plan, merged, comparison, kinds, startedAt, seconds, interrupted: stoppedAt !== null },
      inflicted: this.#inflicted.toSorted((a, b) => a.at - b.at),
      series: this.#series.filter(({ second }) => second < seconds),
      busy: Math.max(...this.#busy.map(({ sum, count }) => (count === 0 ? 0 : sum / count))),
      worst: this.#worst,
      machine: machineOf(),
    });
  }

  #now(): number {
    return Date.now() - this.#startAt;
  }

  #orders(people: readonly string[]): WorkerOrder[] {
    const plan = this.#plan;
    const { length: regions } = plan.urls;
    const bots = people.map((kind, id): BotOrder & { readonly worker: number } => {
      // Neighbours share a worker, so that each worker has bots in every region.
      const group = Math.floor(id / regions);
      const watches = Math.floor(group / plan.workers) < plan.watchers;
      const stay = plan.stays[id] ?? { comesAt: 0, leavesAt: Number.POSITIVE_INFINITY };
      const acts = plan.replay?.acts[id] ?? null;
      return { id, kind, home: id, ...stay, watches, acts, worker: group % plan.workers };
    });
    return Array.from({ length: plan.workers }, (_, at) => ({
      kind: 'order' as const,
      ...{ urls: plan.urls, world: plan.world, definition: plan.definition },
      ...{ seed: plan.seed, rate: plan.rate, zipf: plan.zipf },
      ...{ warehouses: plan.warehouses, startAt: this.#startAt, seconds: plan.seconds, settleMs: SETTLE_MS },
      record: plan.record !== null,
      faultsAt: [...new Set(plan.faults.map(({ from }) => from))],
      bots: bots.filter(({ worker }) => worker === at),
    }));
  }

  #second(worker: number, report: SecondReport): void {
    for (const act of report.acts) this.#plan.record?.(act);
    const busy = this.#busy[worker];
    if (busy && report.second < this.#plan.seconds) {
      busy.sum += report.busy;
      busy.count += 1;
      this.#worst = Math.max(this.#worst, report.busy);
    }
    const same = this.#seconds.get(report.second) ?? [];
    this.#seconds.set(report.second, same);
    if (same.push(report) < this.#plan.workers) return;
    this.#seconds.delete(report.second);
    const figures = mergeSecond(same);
    this.#series.push(figures);
    if (figures.second < this.#plan.seconds)
      this.#screen.second(figures, this.#plan.bots, Math.max(...same.map((one) => one.busy)));
  }

  /** Makes a fault at its time and takes it back at its end, or at the end of the run. */
  async #plant(fault: Fault, over: AbortSignal): Promise<void> {
    await until(this.#startAt + fault.from * 1_000, over);
    if (over.aborted || this.#interrupted.aborted) return;
    const at = this.#now();
    let end: () => Promise<void>;
    try {
      const inflicted = await this.#saboteur.inflict(fault);
      end = inflicted.end;
      const { regions } = inflicted;
      this.#inflicted.push({ fault, regions, at, problem: null });
      this.#screen.say(`${(at / 1_000).toFixed(1).padStart(6)} s  ${fault.text}: ${regions.join(', ')}`);
    } catch (error) {
      this.#inflicted.push({ fault, regions: [], at, problem: words(error) });
      this.#screen.say(`${fault.text}: ${words(error)}`);
      return;
    }
    await until(this.#startAt + fault.to * 1_000, over);
    // Who was killed meanwhile comes back whole.
    await end().catch((error: unknown) => this.#screen.say(`the end of ${fault.text}: ${words(error)}`));
  }
}

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

function until(moment: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve();
    const timer = setTimeout(resolve, Math.max(0, moment - Date.now()));
    over.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function machineOf(): Report['machine'] {
  const [first] = cpus();
  return {
    cpus: cpus().length,
    model: first?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.versions.node,
    platform: `${platform()} ${release()}`,
  };
}
