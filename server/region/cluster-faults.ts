import type { Faults } from '../admin/types.ts';
import { type ErrorCode, HTTP_STATUS, ThroughlineError } from '../errors.ts';
import { ADMIN_FREEZE_MS, FAULT_DETAIL, FAULT_HEALED_MS, FAULT_ORDERS, FAULT_PASSED_MS } from '../limits.ts';
import type { Links } from '../links/types.ts';
import type { LinkFaults } from './link-faults.ts';

/** What a process does to itself and to its own links. */
type Order =
  | { readonly kind: 'cut'; readonly a: string; readonly b: string }
  | { readonly kind: 'delay'; readonly a: string; readonly b: string; readonly ms: number }
  | { readonly kind: 'kill'; readonly region: string }
  | { readonly kind: 'freeze'; readonly region: string; readonly ms: number }
  /** `told`: regions that heard of it, or are about to. */
  | { readonly kind: 'heal'; readonly told: readonly string[] };

/** Between hosts: an order under a number, and what came of it. */
type Note =
  | { readonly fault: number; readonly order: Order }
  | { readonly made: number; readonly code?: ErrorCode; readonly detail?: string };

interface Waiting {
  readonly device: number;
  readonly done: (error: ThroughlineError | null) => void;
}

/**
 * Faults in any region of the cluster, whichever region is asked: what only another process can do is passed on to it over the
 * link between them, and is done when that process says so. Whoever may speak on a link has proved the cluster's secret; it obeys
 * only where faults are allowed.
 */
export class ClusterFaults implements Faults {
  readonly #region: string;
  readonly #regions: readonly string[];
  readonly #own: Faults;
  readonly #links: Pick<Links, 'note' | 'status'>;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  constructor(
    region: string,
    regions: readonly string[],
    own: Pick<LinkFaults, keyof Faults>,
    links: Pick<Links, 'note' | 'status'>,
  ) {
    this.#region = region;
    this.#regions = regions;
    this.#own = own;
    this.#links = links;
  }

  /** One end of a link is enough. */
  cut(a: string, b: string): Promise<void> {
    return this.#anyOf([a, b], { kind: 'cut', a, b });
  }

  /** Each end delays what it sends itself; one that is away sends nothing. */
  async delay(a: string, b: string, ms: number): Promise<void> {
    requireTime(ms);
    const order: Order = { kind: 'delay', a, b, ms };
    const here = [this.#region, ...this.#linked()];
    const ends = [a, b].filter((region) => here.includes(region));
    if (ends.length === 0) throw this.#unreachable([a, b]);
    await Promise.all(ends.map((region) => this.#anyOf([region], order)));
  }

  kill(region: string): Promise<void> {
    return this.#anyOf([region], { kind: 'kill', region });
  }

  async freeze(region: string, ms: number): Promise<void> {
    requireTime(ms);
    return this.#anyOf([region], { kind: 'freeze', region, ms });
  }

  heal(): Promise<void> {
    return this.#heal([this.#region]);
  }

  /** A region that is cut off from this one may be reached through others. */
  async #heal(told: readonly string[]): Promise<void> {
    await this.#own.heal();
    const others = this.#linked().filter((region) => !told.includes(region));
    const order: Order = { kind: 'heal', told: [...told, ...others] };
    // Who is cut off by its own doing does not hear of it here, but from another region, or at its own admin port.
    const answers = Promise.allSettled(others.map((region) => this.#pass(region, order)));
    await Promise.race([answers, new Promise((resolve) => setTimeout(resolve, FAULT_HEALED_MS).unref())]);
  }

  /** By this region if it is one of them, else by the first that is linked. */
  async #anyOf(regions: readonly string[], order: Order): Promise<void> {
    if (regions.includes(this.#region)) return this.#make(order);
    const linked = this.#linked();
    const other = regions.find((region) => linked.includes(region));
    if (other !== undefined) return this.#pass(other, order);
    throw this.#unreachable(regions);
  }

  #unreachable(regions: readonly string[]): ThroughlineError {
    const names = regions.join(' or ');
    return new ThroughlineError(
      'no-quorum',
      `${this.#region} has no link to ${names}: ask the admin port there`,
    );
  }

  #linked(): string[] {
    return this.#links.status().flatMap(({ region, connected }) => (connected ? [region] : []));
  }

  #make(order: Order): Promise<void> {
    switch (order.kind) {
      case 'cut':
        return this.#own.cut(order.a, order.b);
      case 'delay':
        return this.#own.delay(order.a, order.b, order.ms);
      case 'kill':
        return this.#own.kill(order.region);
      case 'freeze':
        return this.#own.freeze(order.region, order.ms);
      case 'heal':
        return this.#heal(order.told);
    }
  }

  async #pass(region: string, order: Order): Promise<void> {
    const device = this.#regions.indexOf(region);
    const number = this.#next++;
    if (this.#waiting.size >= FAULT_ORDERS)
      throw new ThroughlineError('overloaded', 'too many faults are on their way to other regions');
    return new Promise((resolve, reject) => {
      const done = (error: ThroughlineError | null) => {
        clearTimeout(timer);
        this.#waiting.delete(number);
        if (error === null) resolve();
        else reject(error);
      };
      const late = () =>
        done(
          new ThroughlineError('no-quorum', `${region} did not say in time that it is done; it may be`, {
            kind: 'unknown',
          }),
        );
      const timer = setTimeout(late, FAULT_PASSED_MS);
      this.#waiting.set(number, { device, done });
      this.#say(device, { fault: number, order });
    });
  }

  /** A note of the host of another region. Nothing in it is believed. */
  heard(device: number, text: string): void {
    const note = noteOf(text);
    if (note === null) return;
    if ('made' in note) {
      const waiting = this.#waiting.get(note.made);
      if (waiting?.device !== device) return;
      const { code, detail = '' } = note;
      waiting.done(code === undefined ? null : new ThroughlineError(code, detail));
      return;
    }
    const { fault, order } = note;
    const failed = (cause: unknown) => {
      const { code, message } =
        cause instanceof ThroughlineError ? cause : { code: 'internal' as const, message: String(cause) };
      this.#say(device, { made: fault, code, detail: message.slice(0, FAULT_DETAIL) });
    };
    (async () => this.#make(order))().then(() => this.#say(device, { made: fault }), failed);
  }

  #say(device: number, note: Note): void {
    this.#links.note(device, JSON.stringify(note));
  }
}

/** What a region without --allow-faults says to an order; null: it is none. */
export function refusalOf(text: string): string | null {
  const note = noteOf(text);
  if (note === null || !('fault' in note)) return null;
  const refusal: Note = {
    made: note.fault,
    code: 'forbidden',
    detail: 'faults are made with --allow-faults only, there too',
  };
  return JSON.stringify(refusal);
}

function noteOf(text: string): Note | null {
  try {
    const value = JSON.parse(text) as { readonly [name: string]: unknown };
    if (Number.isSafeInteger(value['made'])) {
      const { made, code, detail } = value as { made: number; code: unknown; detail: unknown };
      if (code === undefined) return { made };
      const known = typeof code === 'string' && Object.hasOwn(HTTP_STATUS, code);
      return { made, code: known ? (code as ErrorCode) : 'internal', detail: String(detail) };
    }
    const order = Number.isSafeInteger(value['fault']) ? orderOf(value['order']) : null;
    return order === null ? null : { fault: value['fault'] as number, order };
  } catch {
    return null;
  }
}

/** JSON knows numbers beyond all bounds, and timers take those for none. */
const isTime = (ms: unknown): ms is number => typeof ms === 'number' && ms >= 0 && ms <= ADMIN_FREEZE_MS;

function requireTime(ms: number): void {
  if (!isTime(ms))
    throw new ThroughlineError('bad-request', `a fault takes 0 to ${ADMIN_FREEZE_MS} milliseconds`);
}

function orderOf(value: unknown): Order | null {
  const { kind, a, b, ms, region, told } = value as { readonly [name: string]: unknown };
  const pair = typeof a === 'string' && typeof b === 'string' ? { a, b } : null;
  const time = isTime(ms) ? ms : null;
  if (kind === 'cut' && pair !== null) return { kind, ...pair };
  if (kind === 'delay' && pair !== null && time !== null) return { kind, ...pair, ms: time };
  if (kind === 'kill' && typeof region === 'string') return { kind, region };
  if (kind === 'freeze' && typeof region === 'string' && time !== null) return { kind, region, ms: time };
  if (kind === 'heal' && Array.isArray(told)) return { kind, told: told.map(String) };
  return null;
}
