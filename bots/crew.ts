/** The bots of one process: who comes when, whose turn it is, and what is told about them each second. */
import { performance } from 'node:perf_hooks';
import { type Dialler, dialRoom } from '../client/connection.ts';
import type { WorldDefinition } from '../game-logic/types.ts';
import { worlds } from '../game-logic/worlds/index.ts';
import { Turns } from './agenda.ts';
import { Books } from './books.ts';
import { Lookout } from './foresight.ts';
import type { BotOrder, DoneReport, SecondReport, WorkerOrder } from './messages.ts';
import { Meters } from './meters.ts';
import { Player } from './player.ts';
import type { Surroundings } from './player-types.ts';
import { seeded, zipf } from './random.ts';
import type { RecordedAct } from './replay/record-file.ts';
import type { BotView, Script } from './script-types.ts';
import { echo } from './scripts/echo.ts';
import { scripts } from './scripts/index.ts';
import { Sequence } from './sequence.ts';
import { Sights } from './sights.ts';
import { WholeClient } from './whole-client.ts';

const SWEEP_MS = 100;
const OVERSLEPT_MS = 1_000;
/** Faults come over HTTP: bots are grouped a little earlier. */
const REGROUP_MS = 10;
/** Bots of a process that foretell what their acts do: enough for the figures, and cheap. */
const FORESEEING = 200;
/** Good-byes at the end. */
const CLOSE_MS = 2_000;

interface Pace {
  readonly index: number;
  /** Its number in the whole run. */
  readonly id: number;
  /** Moments of its turns, where they are given. */
  readonly moments: readonly number[] | null;
  /** Mean milliseconds between two turns; 0: none. */
  readonly everyMs: number;
  readonly random: () => number;
}

export class Crew {
  readonly #order: WorkerOrder;
  readonly #definition: WorldDefinition;
  readonly #meters: Meters;
  readonly #books = new Books();
  readonly #sequence: Sequence;
  readonly #turns = new Turns();
  readonly #players: Player[] = [];
  readonly #watchers: WholeClient[] = [];
  readonly #bySession = new Map<string, Player>();
  readonly #around: Surroundings;
  readonly #paces = new Map<Player, Pace>();
  readonly #lookout: Lookout;
  readonly #groups: [number, [string, number][]][] = [];
  readonly #market: (random: () => number) => number;
  #regions: readonly string[] = [];
  #number = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #stop: () => void = () => {};
  #told = 0;
  #acts: RecordedAct[] = [];
  #sweptAt = 0;
  #busy = performance.eventLoopUtilization();

  constructor(order: WorkerOrder, dial: Dialler = dialRoom) {
    this.#order = order;
    const definition = worlds.get(order.definition);
    if (definition === undefined) throw new Error(`there is no definition '${order.definition}'`);
    this.#definition = definition;
    this.#meters = new Meters(order.seconds * 1_000 + order.settleMs);
    this.#market = zipf(order.warehouses, order.zipf);
    this.#sequence = new Sequence(definition, {
      command: (envelope) => {
        const player = envelope.session === '' ? undefined : this.#bySession.get(envelope.session);
        this.#lookout.heard(envelope.time);
        const time = envelope.time - order.startAt;
        player?.executed(envelope, (intended) => time - intended);
      },
      wrong: (number, what) => this.#meters.wrong(number, what),
    });
    this.#lookout = new Lookout(
      () => this.#sequence.mirror,
      () => this.#now(),
    );
    const sights = new Sights((ms) => this.#meters.time('seen', ms));
    this.#around = {
      ...{ urls: order.urls, world: order.world, schema: definition.schema, sights },
      ...{ sequence: this.#sequence, meters: this.#meters, books: this.#books, lookout: this.#lookout },
      now: () => this.#now(),
      dial,
      meant: (player, at, { action, args }) => {
        const who = this.#paces.get(player)?.id;
        if (order.record && who !== undefined) this.#acts.push({ at, who, action, args });
      },
      arrived: (player) => this.#arrived(player),
      saw: (number, regions) => {
        this.#regions = regions;
        this.#number = Math.max(this.#number, number);
      },
    };
  }

  /** Ends the turns early; answers are still waited for. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  async run(tell: (report: SecondReport) => void): Promise<DoneReport> {
    const cpu = process.cpuUsage();
    const sweep = setInterval(() => this.#sweep(), SWEEP_MS);
    const second = setInterval(() => tell(this.#second()), 1_000);
    await this.#until(0);
    for (const bot of this.#order.bots) this.#invite(bot);
    for (const at of this.#order.faultsAt) this.#at(at * 1_000 - REGROUP_MS, () => this.#regroup(at));
    await this.#until(this.#order.seconds * 1_000);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#stopped = true;
    for (const player of this.#players) player.finish();
    await this.#settled();
    clearInterval(second);
    clearInterval(sweep);
    tell(this.#second());
    const all = [...this.#players, ...this.#watchers].map((one) => one.close());
    await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
    const { user, system } = process.cpuUsage(cpu);
    return this.#done((user + system) / 1e6);
  }

  /** Milliseconds since the start of the run, the same for all workers. */
  #now(): number {
    return performance.timeOrigin + performance.now() - this.#order.startAt;
  }

  /** A moment of the run, or the order to stop. */
  #until(moment: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve();
      const timer = setTimeout(resolve, Math.max(0, moment - this.#now()));
      this.#stop = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #settled(): Promise<void> {
    const end = performance.now() + this.#order.settleMs;
    while (performance.now() < end && this.#players.some(({ unsettled }) => unsettled > 0))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #invite(bot: BotOrder): void {
    const script = bot.acts === null ? (scripts.get(bot.kind) as Script) : echo(bot.acts);
    const { come, leave } = script.wholeClient ? this.#watcher() : this.#player(bot, script);
    this.#at(bot.comesAt, come);
    if (bot.leavesAt < this.#order.seconds * 1_000) this.#at(bot.leavesAt, leave);
  }

  /** At a moment of the run, unless it is stopped before. */
  #at(moment: number, run: () => void): void {
    setTimeout(
      () => {
        if (!this.#stopped) run();
      },
      Math.max(0, moment - this.#now()),
    );
  }

  /** Who is where when a fault comes. */
  #regroup(at: number): void {
    const bots = new Map<string, number>();
    for (const player of this.#players) {
      const region = player.regroup();
      if (region !== '' && player.script.pace > 0) bots.set(region, (bots.get(region) ?? 0) + 1);
    }
    this.#groups.push([at, [...bots]]);
  }

  #watcher() {
    const { urls, world } = this.#order;
    const { meters, sequence } = this.#around;
    const watcher = new WholeClient({ urls, world, meters, sequence, definition: this.#definition });
    this.#watchers.push(watcher);
    const come = () => {
      watcher
        .come()
        .catch((error: unknown) => meters.code(error instanceof Error ? error.message : 'connect'));
    };
    return { come, leave: () => void watcher.close() };
  }

  #player(bot: BotOrder, script: Script) {
    const random = seeded(this.#order.seed, `bot ${bot.id}`);
    const everyMs = script.pace === 0 ? 0 : 1_000 / (this.#order.rate * script.pace);
    const table = (name: string) => this.#sequence.mirror?.table(name);
    const view: BotView = {
      world: this.#order.definition,
      get session() {
        return player.session;
      },
      ...{ random, everyMs },
      now: () => {
        const { mirror } = this.#sequence;
        return mirror === null ? 0 : this.#lookout.time(mirror);
      },
      row: (name, key) => table(name)?.get(key),
      rows: (name) => table(name)?.rows() ?? [],
      market: () => this.#market(random),
    };
    const manners = { ...bot, foresees: this.#players.length < FORESEEING };
    const player: Player = new Player(this.#around, script, manners, random, script.play(view));
    const index = this.#players.push(player) - 1;
    const dice = seeded(this.#order.seed, `turns of ${bot.id}`);
    const moments = bot.acts?.map(({ at }) => at) ?? null;
    this.#paces.set(player, { index, id: bot.id, moments, everyMs, random: dice });
    const leave = () => {
      this.#turns.remove(index);
      player.retire();
    };
    return { come: () => player.come(), leave };
  }

  #arrived(player: Player): void {
    this.#bySession.set(player.session, player);
    const pace = this.#paces.get(player);
    if (pace === undefined || pace.everyMs === 0) return;
    if (pace.moments !== null) this.#turns.addAt(pace.index, pace.moments);
    else this.#turns.add(pace.index, this.#now(), 1_000 / pace.everyMs, pace.random);
    this.#wake();
  }

  #wake(): void {
    if (this.#timer !== null || this.#stopped) return;
    const wait = Math.max(0, this.#turns.next - this.#now());
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#takeTurns();
        this.#wake();
      },
      Math.min(wait, SWEEP_MS),
    );
  }

  #takeTurns(): void {
    const now = this.#now();
    for (let due = this.#turns.take(now); due !== undefined; due = this.#turns.take(now)) {
      if (this.#stopped) return;
      this.#meters.time('late', now - due.at);
      this.#players[due.who]?.turn(due.at);
    }
  }

  #sweep(): void {
    const now = this.#now();
    // After a nap of this process, what servers said may still lie unread: nobody is blamed for silence then.
    const overslept = now - this.#sweptAt > OVERSLEPT_MS;
    this.#sweptAt = now;
    for (const player of this.#players) player.sweep(now, overslept);
  }

  #second(): SecondReport {
    const { mirror } = this.#sequence;
    const busy = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(busy, this.#busy);
    this.#busy = busy;
    const born = mirror?.born ?? 0;
    const leader = this.#regions.length === 0 ? null : (this.#regions[born % this.#regions.length] ?? null);
    const live = [...this.#players, ...this.#watchers].filter((one) => one.live).length;
    const { counts, issued } = this.#meters.second();
    const acts = this.#acts;
    this.#acts = [];
    return {
      kind: 'second',
      second: this.#told++,
      counts,
      issued,
      live,
      leader,
      number: this.#number,
      busy: utilization,
      acts,
    };
  }

  #done(cpu: number): DoneReport {
    const { verified, unchecked } = this.#sequence;
    this.#meters.count('verified', verified);
    this.#meters.count('unchecked', unchecked);
    const { codes, reconnects, wrongs } = this.#meters;
    return {
      kind: 'done',
      ...this.#meters.whole(),
      groups: this.#groups,
      books: this.#books.data(),
      codes: [...codes],
      reconnects: [...reconnects],
      wrongs,
      number: this.#number,
      cpu,
    };
  }
}
