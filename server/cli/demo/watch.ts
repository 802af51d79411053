/**
 * What the demo's status line shows, read as any client could: it follows the arena's commands at one region, and goes on
 * at another when that one is gone.
 */
import { HOST, type RegionPlace } from './layout.ts';

const WORLD = 'arena';
const RATE_WINDOW_MS = 3_000;
const LOOK_EVERY_MS = 1_000;
const AGAIN_MS = 200;
/** Without a command for so long the world was quiet: what follows is no pause. */
const QUIET_MS = 1_000;
const REQUEST_MS = 3_000;
/** A region that tells nothing for so long while another knows more is cut off from its peers. */
const STALLED_MS = 1_000;
const PAUSES_KEPT = 8;

const nameOf = ({ round, region }: Ballot): string => `${round} ${region}`;

export interface Sight {
  readonly number: number;
  /** Commands and players' actions a second. */
  readonly commands: number;
  readonly actions: number;
  readonly players: number;
}

export interface Ballot {
  readonly round: number;
  readonly region: string;
}

interface Line {
  readonly number: number;
  readonly ballot: Ballot;
  readonly session: string | null;
  readonly action: string;
  readonly time: number;
}

export class WorldWatch {
  readonly #places: readonly RegionPlace[];
  readonly #isUp: (place: RegionPlace) => boolean;
  readonly #stopped = new AbortController();
  /** The stream of now: at which region, since when nothing came, and what ends it. */
  #stream: { readonly place: RegionPlace; heardAt: number; readonly end: AbortController } | null = null;
  #token: string | null = null;
  #last: Line | null = null;
  #lastGapMs = Number.POSITIVE_INFINITY;
  #recent: { readonly at: number; readonly action: boolean }[] = [];
  #players = 0;
  /** Pauses before the first command of late ballots. */
  readonly #pauses = new Map<string, number | null>();

  constructor(places: readonly RegionPlace[], isUp: (place: RegionPlace) => boolean) {
    this.#places = places;
    this.#isUp = isUp;
  }

  start(): void {
    void this.#follow();
    void this.#lookAround();
  }

  stop(): void {
    this.#stopped.abort();
  }

  get sight(): Sight {
    const now = performance.now();
    this.#recent = this.#recent.filter(({ at }) => now - at < RATE_WINDOW_MS);
    const seconds = RATE_WINDOW_MS / 1_000;
    return {
      number: this.#last?.number ?? 0,
      commands: this.#recent.length / seconds,
      actions: this.#recent.filter(({ action }) => action).length / seconds,
      players: this.#players,
    };
  }

  /**
   * World time between the last command before this ballot and its first one; null where the world was quiet before,
   * undefined while no command was seen in it.
   */
  pauseBefore(ballot: Ballot): number | null | undefined {
    return this.#pauses.get(nameOf(ballot));
  }

  async #follow(): Promise<void> {
    for (let turn = 0; !this.#stopped.signal.aborted; turn++) {
      const place = this.#places[turn % this.#places.length]!;
      try {
        if (this.#isUp(place)) await this.#followAt(place);
      } catch {
        // This region is gone or not ready: the next one knows the same.
      }
      await pause(AGAIN_MS, this.#stopped.signal);
    }
  }

  async #followAt(place: RegionPlace): Promise<void> {
    const base = `http://${HOST}:${place.client}`;
    const token = await this.#guest(base);
    const from = this.#last ? this.#last.number + 1 : await this.#currentNumber(base, token);
    const stream = { place, heardAt: performance.now(), end: new AbortController() };
    this.#stream = stream;
    const response = await fetch(`${base}/v1/worlds/${WORLD}/commands?from=${from}&follow=1`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([this.#stopped.signal, stream.end.signal]),
    });
    // Too old to be told one by one: go on from what is current.
    if (response.status === 410) this.#last = null;
    if (!response.ok || !response.body) throw new Error(`${response.status}`);
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      stream.heardAt = performance.now();
      for (const line of lines) if (line.trim() !== '') this.#command(JSON.parse(line) as Line);
    }
  }

  #command(line: Line): void {
    const before = this.#last;
    if (before && line.number <= before.number) return;
    const gapMs = before ? line.time - before.time : Number.POSITIVE_INFINITY;
    this.#recent.push({
      at: performance.now(),
      action: line.session !== null && !line.action.startsWith('$'),
    });
    if (before && nameOf(before.ballot) !== nameOf(line.ballot)) {
      this.#pauses.set(nameOf(line.ballot), this.#lastGapMs < QUIET_MS ? gapMs : null);
      for (const oldest of this.#pauses.keys()) {
        if (this.#pauses.size <= PAUSES_KEPT) break;
        this.#pauses.delete(oldest);
      }
    }
    this.#lastGapMs = gapMs;
    this.#last = line;
  }

  async #lookAround(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        const up = this.#places.filter(this.#isUp);
        // Another one than is followed, to see what that one may be missing.
        const place = up.find((candidate) => candidate !== this.#stream?.place) ?? up[0];
        if (place) await this.#look(`http://${HOST}:${place.client}`);
      } catch {
        // The number of a moment ago will do.
      }
      await pause(LOOK_EVERY_MS, this.#stopped.signal);
    }
  }

  async #look(base: string): Promise<void> {
    const state = (await this.#get(`${base}/v1/worlds/${WORLD}/state`, await this.#guest(base))) as {
      number: number;
      tables: { player: { kind: string }[] };
    };
    this.#players = state.tables.player.filter(({ kind }) => kind === 'human').length;
    const stream = this.#stream;
    const missing = this.#last !== null && state.number > this.#last.number;
    if (stream && missing && performance.now() - stream.heardAt > STALLED_MS) stream.end.abort();
  }

  async #currentNumber(base: string, token: string): Promise<number> {
    const { number } = (await this.#get(`${base}/v1/worlds/${WORLD}/state`, token)) as { number: number };
    // The last one, to know who leads.
    return Math.max(1, number);
  }

  /** A reader needs a name; it never acts, so it never enters the world. */
  async #guest(base: string): Promise<string> {
    if (this.#token !== null) return this.#token;
    const response = await fetch(`${base}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ world: WORLD }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (!response.ok) throw new Error(`${response.status}`);
    this.#token = ((await response.json()) as { token: string }).token;
    return this.#token;
  }

  async #get(url: string, token: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_MS) });
    if (!response.ok) throw new Error(`${response.status}`);
    return await response.json();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : ms);
    signal.addEventListener('abort', done);
  });
}
