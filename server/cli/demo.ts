/** `throughline demo`: three region servers on this machine, a playable page, and keys to break them. */
import { resolve } from 'node:path';
import { askJson } from './ask.ts';
import { type Keys, keysFile, keysOf } from './demo/keys.ts';
import { builtFiles, HOST, placesOf, type RegionPlace } from './demo/layout.ts';
import { OpponentsProcess } from './demo/opponents-process.ts';
import { writePageFolder } from './demo/page-folder.ts';
import { requireFreePorts } from './demo/ports.ts';
import { RegionProcess } from './demo/region-process.ts';
import { Screen } from './demo/screen.ts';
import { type Ballot, WorldWatch } from './demo/watch.ts';
import { help, type OptionSpecs, type Options, readOptions } from './options.ts';
import { Failure, UsageError } from './usage.ts';

const OPTIONS: OptionSpecs = {
  regions: { value: 'NAME,…', help: 'region servers, each a process', initial: 'eu,us,ap' },
  bots: { value: 'N', help: 'computer opponents in the arena, 0 to 24, at first 20; kept in the world' },
  port: { value: 'PORT', help: "the first region's port for clients; the others follow", initial: '2567' },
  data: { value: 'DIR', help: 'where everything is kept; starting again goes on from it', initial: './data' },
};

export const DEMO_HELP = help(
  'demo',
  '[--regions eu,us,ap] [--bots N] [--port 2567] [--data DIR]',
  'Runs region servers on this machine, with a page to play on. In a terminal: K kills the leader, H hands\n' +
    'leadership on, P cuts the leader off from its peers for a while, Q quits.',
  OPTIONS,
);

const WORLD = 'arena';
const STATUS_MS = 500;
/** A new leader's first command is in the stream by then, if the world is not quiet. */
const TELL_WITHIN_MS = 4_000;
/** All regions up and a leader found. */
const READY_MS = 30_000;
/** A region server that cannot even start this often ends the demo. */
const STARTS_AT_MOST = 3;
const CUT_MS = 5_000;
const BOTS_AT_MOST = 24;

export async function demo(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const options = readOptions('demo', OPTIONS, argv, environment);
  if (options.positionals.length > 0)
    throw new UsageError(`demo takes no '${options.positionals[0]}'`, 'demo');
  const places = placesOf(options.need('regions'), options.need('port'));
  const bots = botsOf(options);
  await requireFreePorts(places);
  const running = new Demo(places, resolve(options.need('data')));
  return await running.run(bots);
}

function botsOf(options: Options): number | null {
  const given = options.get('bots');
  if (given === undefined) return null;
  const count = Number(given);
  if (Number.isInteger(count) && count >= 0 && count <= BOTS_AT_MOST) return count;
  throw new UsageError(`bots: expected 0 to ${BOTS_AT_MOST}, got '${given}'`, 'demo');
}

class Demo {
  readonly #places: readonly RegionPlace[];
  readonly #data: string;
  readonly #keys: Keys;
  readonly #screen = new Screen(process.stdout, process.stdin);
  readonly #regions: readonly RegionProcess[];
  readonly #watch: WorldWatch;
  readonly #opponents: OpponentsProcess;
  #quit: (code: number) => void = () => {};
  #cut: { readonly place: RegionPlace; readonly timer: NodeJS.Timeout } | null = null;
  #leaving = false;
  #led: Ballot | null = null;
  #changes = 0;
  #pauseMs: number | null = null;

  constructor(places: readonly RegionPlace[], data: string) {
    this.#places = places;
    this.#data = data;
    this.#keys = keysOf(data);
    const files = builtFiles();
    const page = writePageFolder(files, data, places);
    const shared = { places, data, page, keys: this.#keys, files, say: (line: string) => this.#say(line) };
    this.#regions = places.map((place) => new RegionProcess({ ...shared, place }));
    this.#opponents = new OpponentsProcess({ places, data, files });
    this.#watch = new WorldWatch(places, (place) => this.#region(place.name)?.ready === true);
  }

  /** Resolves with the exit code when everything is stopped. */
  async run(bots: number | null): Promise<number> {
    const quit = new Promise<number>((resolve) => {
      this.#quit = resolve;
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#quit(0));
    // Whatever happens to this process, the others must not stay behind.
    process.on('exit', () => {
      for (const one of [this.#opponents, ...this.#regions]) one.abandon();
    });
    const startedAt = performance.now();
    for (const region of this.#regions) region.start();
    this.#watch.start();
    const status = setInterval(() => void this.#showStatus(), STATUS_MS);
    let code: number;
    try {
      const early = await Promise.race([this.#waitUntilReady(), quit]);
      if (early === null) {
        this.#introduce(performance.now() - startedAt);
        this.#screen.listen((key) => this.#key(key));
        if (bots !== null) await this.#setOpponents(bots);
        this.#opponents.start();
      }
      code = early ?? (await quit);
    } finally {
      clearInterval(status);
      await this.#stop();
    }
    return code;
  }

  /** Resolves with null; rejects with a Failure when it will not come to that. */
  async #waitUntilReady(): Promise<null> {
    const limit = performance.now() + READY_MS;
    for (;;) {
      const hopeless = this.#regions.find(({ failures }) => failures >= STARTS_AT_MOST);
      if (hopeless)
        throw new Failure(
          `region ${hopeless.place.name} does not start:\n${hopeless.lastWords || this.#logHint()}`,
        );
      if (this.#regions.every(({ ready }) => ready) && (await this.#leader()) !== null) return null;
      if (performance.now() > limit)
        throw new Failure(`not ready after ${READY_MS / 1_000} s. ${this.#logHint()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #introduce(ms: number): void {
    const url = (port: number) => `http://${HOST}:${port}/`;
    const first = this.#places[0]!;
    const width = Math.max(...this.#places.map(({ name }) => name.length));
    const lines = [
      '',
      `  Throughline runs one world on ${this.#places.length} region servers; ready after ${(ms / 1_000).toFixed(1)} s.`,
      '',
      `  play     ${url(first.client)}   (open it twice)`,
      ...this.#places.map(
        ({ name, client, admin }, i) =>
          `  ${i === 0 ? 'regions' : '       '}  ${name.padEnd(width)}  ${url(client)}  admin ${url(admin)}api/status`,
      ),
      `  admin    Authorization: Bearer, with adminToken of ${keysFile(this.#data)}`,
      `  kept in  ${this.#data}`,
      ...(this.#screen.live
        ? ['', '  K kills the leader   H hands leadership on   P cuts the leader off   Q quits']
        : []),
      '',
    ];
    for (const line of lines) this.#say(line);
  }

  async #showStatus(): Promise<void> {
    const ballot = await this.#ballot();
    if (this.#leaving) return;
    if (ballot) this.#noteLeader(ballot);
    const { number, commands, actions, players } = this.#watch.sight;
    const servers = this.#regions.map(({ place, ready }) => `${ready ? '●' : '○'} ${place.name}`).join(' ');
    const parts = [
      servers,
      `leader ${ballot?.region ?? '?'}`,
      `number ${number}`,
      `${commands.toFixed(0)} commands/s`,
      `${actions.toFixed(0)} actions/s`,
      `${players} player${players === 1 ? '' : 's'}`,
      `last pause ${this.#pauseMs === null ? '–' : `${Math.round(this.#pauseMs)} ms`}`,
      `${this.#changes} change${this.#changes === 1 ? '' : 's'} of leader`,
    ];
    this.#screen.status(parts.join('  '), performance.now());
  }

  /** Tells of a new leader, once its first command may have shown how long the world stood still. */
  #noteLeader(ballot: Ballot): void {
    const before = this.#led;
    this.#led = ballot;
    if (!before || (before.round === ballot.round && before.region === ballot.region)) return;
    this.#changes++;
    void this.#tellOfChange(before, ballot);
  }

  async #tellOfChange(before: Ballot, ballot: Ballot): Promise<void> {
    const limit = performance.now() + TELL_WITHIN_MS;
    let pauseMs = this.#watch.pauseBefore(ballot);
    while (pauseMs === undefined && performance.now() < limit && !this.#leaving) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      pauseMs = this.#watch.pauseBefore(ballot);
    }
    if (this.#leaving) return;
    if (typeof pauseMs === 'number') this.#pauseMs = pauseMs;
    const pause =
      typeof pauseMs === 'number'
        ? `the world stood still for ${Math.round(pauseMs)} ms`
        : 'the world was quiet';
    this.#say(`leader of the arena: ${before.region} → ${ballot.region}; ${pause}`);
  }

  #key(key: string): void {
    const what = { k: () => this.#kill(), h: () => this.#handOver(), p: () => this.#partition() }[key];
    if (key === 'q') this.#quit(0);
    else if (what && !this.#leaving)
      what().catch((error: unknown) => this.#say(error instanceof Error ? error.message : String(error)));
  }

  async #kill(): Promise<void> {
    const region = this.#region(await this.#leader());
    if (!region) throw new Error('nobody leads just now');
    this.#say(`K: killing ${region.place.name}, which leads`);
    region.kill();
  }

  async #handOver(): Promise<void> {
    const leader = this.#region(await this.#leader());
    const others = this.#others(leader).filter(({ ready }) => ready);
    if (!leader || others.length === 0) throw new Error('there is nobody to hand leadership to');
    const next = others[0]!.place.name;
    this.#say(`H: ${leader.place.name} hands leadership to ${next}`);
    await this.#ask(leader.place, `api/worlds/${WORLD}/leader`, { region: next });
  }

  async #partition(): Promise<void> {
    const leader = this.#region(await this.#leader());
    if (!leader || this.#cut) throw new Error(this.#cut ? 'one is cut off already' : 'nobody leads just now');
    const { place } = leader;
    this.#say(`P: cutting ${place.name}, which leads, off from its peers for ${CUT_MS / 1_000} s`);
    this.#cut = { place, timer: setTimeout(() => void this.#heal(), CUT_MS) };
    for (const other of this.#others(leader))
      await this.#ask(place, 'api/faults', { cut: [place.name, other.place.name] });
  }

  async #heal(): Promise<void> {
    const cut = this.#cut;
    this.#cut = null;
    if (!cut || this.#leaving) return;
    try {
      await this.#ask(cut.place, 'api/faults', { heal: true });
      this.#say(`P: ${cut.place.name} is back with its peers`);
    } catch (error) {
      // A process that died meanwhile comes back whole.
      this.#say(`P: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The region that leads the arena, as it says itself; null if none does. */
  async #leader(): Promise<string | null> {
    return (await this.#ballot())?.region ?? null;
  }

  /** Its ballot; of two that believe they lead, one cut off from the rest, the newer. */
  async #ballot(): Promise<Ballot | null> {
    const asked = this.#regions
      .filter(({ ready }) => ready)
      .map(({ place }) => this.#ask(place, 'api/status'));
    let newest: Ballot | null = null;
    for (const answer of await Promise.allSettled(asked)) {
      if (answer.status !== 'fulfilled') continue;
      const { worlds } = answer.value as { worlds: { world: string; role: string; ballot: Ballot }[] };
      const led = worlds.find(({ world, role }) => world === WORLD && role === 'leader')?.ballot;
      if (led && led.round > (newest?.round ?? -1)) newest = led;
    }
    return newest;
  }

  async #ask(place: RegionPlace, path: string, body?: object): Promise<unknown> {
    const url = `http://${HOST}:${place.admin}/${path}`;
    const token = this.#keys.adminToken;
    return await askJson(body === undefined ? { url, token } : { url, token, method: 'POST', body });
  }

  async #setOpponents(count: number): Promise<void> {
    const base = `http://${HOST}:${this.#places[0]!.client}`;
    const guest = (await askJson({ url: `${base}/v1/sessions`, method: 'POST', body: { world: WORLD } })) as {
      token: string;
    };
    await askJson({
      url: `${base}/v1/worlds/${WORLD}/actions`,
      method: 'POST',
      token: guest.token,
      body: { sequence: 1, action: 'opponents', args: { count } },
    });
  }

  #region(name: string | null): RegionProcess | undefined {
    return this.#regions.find(({ place }) => place.name === name);
  }

  /** The other regions, in order from the next one on. */
  #others(region: RegionProcess | undefined): RegionProcess[] {
    const at = region ? this.#regions.indexOf(region) : -1;
    return [...this.#regions.slice(at + 1), ...this.#regions.slice(0, Math.max(0, at))];
  }

  #logHint(): string {
    return `The servers' words are in ${this.#data}/logs.`;
  }

  #say(line: string): void {
    this.#screen.say(line);
  }

  async #stop(): Promise<void> {
    this.#leaving = true;
    if (this.#cut) clearTimeout(this.#cut.timer);
    this.#watch.stop();
    this.#screen.close();
    this.#say('stopping the region servers…');
    await this.#opponents.stop();
    await Promise.all(this.#regions.map((region) => region.stop()));
    this.#say('stopped; starting again goes on from here');
  }
}
