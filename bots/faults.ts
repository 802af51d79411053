/** Faults on purpose: `kill:leader@10s`, `cut:us@20s-30s`, made through the admin ports, which must allow it. */
import { BadPlan } from './plan.ts';
import { seeded } from './random.ts';
import { Unreachable } from './target.ts';

type FaultKind = 'kill' | 'restart' | 'cut' | 'freeze' | 'hand-over';

export interface Fault {
  readonly text: string;
  readonly kind: FaultKind;
  /** A region's name, `leader`, or `all` where that makes sense. */
  readonly target: string;
  /** Seconds after the start. */
  readonly from: number;
  readonly to: number;
}

const KINDS: readonly FaultKind[] = ['kill', 'restart', 'cut', 'freeze', 'hand-over'];
const LASTS: readonly FaultKind[] = ['cut', 'freeze'];

/** Throws an Error with words for the user. */
export function parseFault(text: string): Fault {
  const match = /^([a-z-]+):([a-z0-9_-]+)@([0-9.]+)s?(?:-([0-9.]+)s?)?$/.exec(text.trim());
  const kind = KINDS.find((name) => name === match?.[1]);
  if (match === null || kind === undefined)
    throw new Error(
      `fault '${text}': expected kill:leader@10s, restart:all@60s, hand-over:us@5s, cut:us@20s-30s or freeze:ap@40s-42s`,
    );
  const [, , target = '', begin = '', end] = match;
  const from = Number(begin);
  const to = end === undefined ? from : Number(end);
  if (!Number.isFinite(from) || !Number.isFinite(to)) throw new Error(`fault '${text}': no such time`);
  if (LASTS.includes(kind) ? to <= from : end !== undefined)
    throw new Error(`fault '${text}': ${LASTS.includes(kind) ? 'from when until when?' : 'it has no end'}`);
  if (target === 'all' && kind !== 'restart' && kind !== 'kill')
    throw new Error(`fault '${text}': not to all at once`);
  if (target === 'leader' && kind === 'hand-over')
    throw new Error(`fault '${text}': the leader leads already`);
  return { text: text.trim(), kind, target, from, to };
}

/** `random:5`: so many faults by dice, spread over the run, one at a time, the same for a seed. */
export function randomFaults(count: number, seconds: number, seed: number): Fault[] {
  const random = seeded(seed, 'faults');
  const room = seconds / (count + 1);
  return Array.from({ length: count }, (_, at) => {
    const from = Math.round(room * (at + 0.7 + 0.3 * random()) * 10) / 10;
    const kind = (['kill', 'cut', 'freeze'] as const)[Math.floor(random() * 3)] ?? 'kill';
    const to = Math.round((from + Math.min(room / 2, 1 + 2 * random())) * 10) / 10;
    return parseFault(kind === 'kill' ? `kill:leader@${from}s` : `${kind}:leader@${from}s-${to}s`);
  });
}

interface Place {
  readonly region: string;
  readonly admin: string;
}

export interface Inflicted {
  readonly fault: Fault;
  /** Whom it hit; empty if it could not be made. */
  readonly regions: readonly string[];
  /** Milliseconds after the start. */
  readonly at: number;
  readonly problem: string | null;
}

const PATIENCE_MS = 3_000;
/** A region that leads may be looked for this long: another fault may just have happened. */
const LOOK_MS = 5_000;

export class Saboteur {
  readonly #world: string;
  readonly #admins: readonly string[];
  readonly #token: string | undefined;
  #places: readonly Place[] = [];

  constructor(world: string, admins: readonly string[], token: string | undefined) {
    this.#world = world;
    this.#admins = admins;
    this.#token = token;
  }

  /** Learns which region is where, and whether faults are allowed there. Throws BadPlan or Unreachable. */
  async prepare(faults: readonly Fault[]): Promise<void> {
    try {
      this.#places = await Promise.all(
        this.#admins.map(async (admin) => ({ admin, region: (await this.#status(admin)).region })),
      );
      for (const { admin } of this.#places) await this.#post(admin, 'api/faults', { heal: true });
    } catch (error) {
      throw new Unreachable(`no faults without all admin ports: ${(error as Error).message}`);
    }
    for (const { target, text } of faults)
      if (target !== 'leader' && target !== 'all' && !this.#places.some(({ region }) => region === target))
        throw new BadPlan(`fault '${text}': no admin port of a region ${target} is given`);
  }

  /** Begins a fault; resolves once it is made, with what takes it back later. */
  async inflict(
    fault: Fault,
  ): Promise<{ readonly regions: readonly string[]; readonly end: () => Promise<void> }> {
    const hit = fault.target === 'all' ? this.#places : [await this.#find(fault.target)];
    for (const place of hit) await this.#one(fault, place);
    const end = async () => {
      if (fault.kind === 'cut')
        for (const { admin } of hit) await this.#post(admin, 'api/faults', { heal: true });
    };
    return { regions: hit.map(({ region }) => region), end };
  }

  async #one({ kind, from, to }: Fault, { region, admin }: Place): Promise<void> {
    if (kind === 'hand-over') {
      const leader = await this.#find('leader');
      await this.#post(leader.admin, `api/worlds/${this.#world}/leader`, { region });
      return;
    }
    if (kind === 'cut') {
      for (const { region: other } of this.#places)
        if (other !== region) await this.#post(admin, 'api/faults', { cut: [region, other] });
      return;
    }
    const body = kind === 'freeze' ? { freeze: { [region]: (to - from) * 1_000 } } : { kill: region };
    await this.#post(admin, 'api/faults', body);
  }

  async #find(target: string): Promise<Place> {
    if (target !== 'leader') return this.#places.find(({ region }) => region === target) as Place;
    const end = performance.now() + LOOK_MS;
    for (;;) {
      const all = await Promise.allSettled(this.#places.map(({ admin }) => this.#status(admin)));
      const at = all.findIndex(
        (one) =>
          one.status === 'fulfilled' &&
          one.value.worlds.some(({ world, role }) => world === this.#world && role === 'leader'),
      );
      const place = this.#places[at];
      if (place !== undefined) return place;
      if (performance.now() > end) throw new Error('nobody leads just now');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #status(admin: string): Promise<{ region: string; worlds: { world: string; role: string }[] }> {
    return (await this.#ask(admin, 'api/status')) as {
      region: string;
      worlds: { world: string; role: string }[];
    };
  }

  #post(admin: string, path: string, body: object): Promise<unknown> {
    return this.#ask(admin, path, body);
  }

  async #ask(admin: string, path: string, body?: object): Promise<unknown> {
    const base = /^https?:/.test(admin) ? admin.replace(/\/+$/, '') : `http://${admin}`;
    const headers: { [name: string]: string } = { 'content-type': 'application/json' };
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    const response = await fetch(`${base}/${path}`, {
      headers,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new Error(`${base}: ${error.cause instanceof Error ? error.cause.message : error.message}`);
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${base}/${path}: ${response.status} ${text.slice(0, 200)}`);
    return text === '' ? null : JSON.parse(text);
  }
}

/**
 * The longest time without an acknowledgement that begins in [from, to), in milliseconds; slots of `slotMs`. Pure.
 * `end`: up to here bots went on asking, so that a silence until then is one, too.
 */
export function longestSilence(
  slots: ArrayLike<number>,
  from: number,
  to: number,
  end: number,
  slotMs: number,
): number {
  let longest = 0;
  let run = 0;
  const last = Math.min(slots.length, Math.floor(end / slotMs));
  for (let slot = Math.max(0, Math.floor(from / slotMs)); slot < last; slot++) {
    const silent = (slots[slot] ?? 0) === 0;
    // A silence that began before `to` counts whole, one that begins after it not at all.
    if ((!silent || run === 0) && slot * slotMs >= to) break;
    run = silent ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest * slotMs;
}
