/**
 * Computer opponents for people: bots that join over the SDK like any player, as many as the world wants, for as long as they
 * are let. Nothing is measured, and nothing ends them: a region that goes away is one to come back from.
 */
import { connect } from '../client/connect.ts';
import type { ClientWorld } from '../client/world.ts';
import { arena } from '../game-logic/worlds/arena/index.ts';
import { seeded } from './random.ts';
import type { BotView, Intent } from './script-types.ts';
import { opponent } from './scripts/opponent.ts';
import { enter, type Guest, tablesAt } from './target.ts';

/** A step each, as smooth as a person's. */
const EVERY_MS = 100;
/** Acts of one without an answer: beyond it the world stands still, and so do they. */
const UNANSWERED_AT_MOST = 5;
const ACT_MS = 5_000;
/** How often the number wanted is looked at. */
const LOOK_MS = 1_000;
/** They come one after the other. */
const COME_MS = 60;
const AGAIN_MS = 1_000;
const GOOD_BYE_MS = 1_500;

type ArenaWorld = ClientWorld<typeof arena.schema>;

class Opponent {
  readonly #urls: readonly string[];
  readonly #random: () => number;
  #world: ArenaWorld | null = null;
  #token: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #unanswered = 0;
  #gone = false;

  /** `urls`: its own first. */
  constructor(urls: readonly string[], random: () => number) {
    this.#urls = urls;
    this.#random = random;
    void this.#come();
  }

  /** As many as the world wants of its kind; undefined while it does not know. */
  get wanted(): number | undefined {
    return this.#world?.status.phase === 'live' ? this.#world.tables.match.get(0)?.opponents : undefined;
  }

  async leave(): Promise<void> {
    this.#gone = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#world?.close();
  }

  async #come(): Promise<void> {
    if (this.#gone) return;
    try {
      const world = await connect(this.#urls, { world: 'arena', definition: arena, token: this.#token });
      if (this.#gone) return await world.close();
      this.#play(world);
    } catch {
      // Nobody answers, or nobody lets it in: later.
      this.#again();
    }
  }

  #again(): void {
    this.#world = null;
    if (!this.#gone) this.#timer = setTimeout(() => void this.#come(), AGAIN_MS * (0.5 + this.#random()));
  }

  #play(world: ArenaWorld): void {
    this.#world = world;
    this.#token = world.token;
    this.#unanswered = 0;
    const turn = opponent.play(viewOf(world, this.#random));
    let over = false;
    world.onStatus(({ phase }) => {
      if (phase !== 'closed' || over || this.#gone) return;
      // Every address said no: perhaps to this player, so it comes back as another.
      over = true;
      this.#token = null;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#again();
    });
    const next = () => {
      if (over || this.#gone) return;
      this.#timer = setTimeout(next, EVERY_MS * (0.9 + 0.2 * this.#random()));
      if (world.status.phase !== 'live' || this.#unanswered >= UNANSWERED_AT_MOST) return;
      const intent = turn();
      if (intent !== null) this.#act(world, intent);
    };
    next();
  }

  #act(world: ArenaWorld, { action, args }: Intent): void {
    this.#unanswered += 1;
    const settled = () => {
      this.#unanswered -= 1;
    };
    // A blow that misses, or a step that is lost in a change of leader, is nothing to do anything about.
    world
      .act(action as 'move', args as { dx: number; dy: number }, { predict: false, timeoutMs: ACT_MS })
      .then(settled, settled);
  }
}

function viewOf(world: ArenaWorld, random: () => number): BotView {
  const tables = world.tables as unknown as {
    readonly [name: string]: { get(key: unknown): undefined; rows(): Iterable<never> } | undefined;
  };
  return {
    ...{ world: 'arena', session: world.session, random, everyMs: EVERY_MS },
    now: () => world.now,
    row: (table, key) => tables[table]?.get(key),
    rows: (table) => tables[table]?.rows() ?? [],
    market: () => 0,
  };
}

/** Plays until `stop`; resolves when all have said good-bye. */
export async function playForPeople(urls: readonly string[], stop: AbortSignal): Promise<void> {
  const playing: Opponent[] = [];
  let guest: Guest | null = null;
  let born = 0;
  const wanted = async (): Promise<number> => {
    for (const one of playing) if (one.wanted !== undefined) return one.wanted;
    if (playing.length > 0) return playing.length;
    guest ??= await enter(urls, 'arena');
    for (const url of urls) {
      const match = await tablesAt(url, 'arena', guest.token).catch(() => undefined);
      if (match !== undefined) return Number(match['match']?.[0]?.['opponents'] ?? 0);
    }
    // Its time may be over: another one next time.
    guest = null;
    return 0;
  };
  while (!stop.aborted) {
    const number = await wanted().catch(() => playing.length);
    while (playing.length < number && !stop.aborted) {
      const home = born % urls.length;
      const own = [...urls.slice(home), ...urls.slice(0, home)];
      playing.push(new Opponent(own, seeded(Date.now() >>> 0, `opponent ${born++}`)));
      await pause(COME_MS, stop);
    }
    while (playing.length > number) void playing.pop()?.leave();
    await pause(LOOK_MS, stop);
  }
  const byes = Promise.all(playing.map((one) => one.leave()));
  await Promise.race([byes, new Promise((resolve) => setTimeout(resolve, GOOD_BYE_MS))]);
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, stop.aborted ? 0 : ms);
    stop.addEventListener('abort', done);
  });
}
