import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { NumberIndex } from './number-index.ts';
import { nameOf, type Scope } from './scope.ts';
import { type DeviceState, LEAD, type Outcome, PROPOSE, RESTART, Space, serialiseMessage } from './space.ts';
import { StateSet } from './state-set.ts';
import { TupleCheck } from './tuple-check.ts';

export interface Progress {
  readonly scope: string;
  readonly states: number;
  /** States seen but not expanded yet; 0 at the end. */
  readonly waiting: number;
  readonly devices: number;
  readonly messages: number;
  readonly tuples: number;
  readonly ms: number;
}

export interface Exploration extends Progress {
  /** Everything within the scope was visited. */
  readonly complete: boolean;
  readonly violation?: { readonly rule: string; readonly detail: string; readonly steps: readonly string[] };
}

/** More distinct sets of messages, states of devices and restarts than these do not occur within memory. */
const SETS = 2 ** 27;
const STATES = 2 ** 24;
const RESTARTS = 16;

export interface Limits {
  readonly ms?: number;
  readonly states?: number;
  readonly progress?: (progress: Progress) => void;
}

/**
 * Visits every global state of a scope, breadth first, so that a violation comes with a shortest way to it. A global state is
 * the devices' states, the set of messages that can still matter, and the restarts used. Delivery does not take a message
 * away: that alone is loss, duplication, delay and reordering.
 */
export class Explorer {
  private readonly scope: Scope;
  private readonly space: Space;
  private readonly check: TupleCheck;
  private readonly seen = new StateSet();
  private readonly tuples: { readonly states: readonly DeviceState[]; readonly restarts: number }[] = [];
  /** Lists of device states, as chains of pairs (what came before, next device). */
  private readonly lists = new NumberIndex();
  private readonly tupleIds = new NumberIndex();
  /** Lists that keep G1-G4. */
  private readonly checked = new Set<number>();
  private readonly sets: (readonly number[])[] = [];
  private readonly setIds = new Map<string, number>();
  private next = 0;
  /** What is being tried from state `next`, for the story of a violation. */
  private trying = 0;
  private ms = 0;

  constructor(production: Production, scope: Scope) {
    this.scope = scope;
    this.space = new Space(production, scope);
    this.check = new TupleCheck(scope.devices);
  }

  /** Goes on until all is visited, a rule is broken or a limit is reached; may be called again after a limit. */
  run({
    ms = Number.POSITIVE_INFINITY,
    states = Number.POSITIVE_INFINITY,
    progress,
  }: Limits = {}): Exploration {
    const start = performance.now() - this.ms;
    const clock = () => {
      this.ms = performance.now() - start;
      return this.ms;
    };
    const until = this.ms + ms;
    try {
      if (this.seen.size === 0) this.reach(this.space.initial(), 0, [], -1, 0);
      while (this.next < this.seen.size) {
        if ((this.next & 1023) === 0) {
          if (clock() > until || this.seen.size > states) break;
          if ((this.next & 0x3ffff) === 0) progress?.(this.progress());
        }
        this.expand(this.next);
        this.next++;
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      clock();
      const { rule, message: detail } = error;
      return {
        ...this.progress(),
        complete: false,
        violation: { rule, detail, steps: this.story(this.next) },
      };
    }
    clock();
    return { ...this.progress(), complete: this.next === this.seen.size };
  }

  private progress(): Progress {
    return {
      scope: nameOf(this.scope),
      states: this.seen.size,
      waiting: this.seen.size - this.next,
      devices: this.space.states.length,
      messages: this.space.messages.length,
      tuples: this.checked.size,
      ms: this.ms,
    };
  }

  private expand(index: number): void {
    const key = this.seen.key(index);
    const { states, restarts } = this.tuples[Math.floor(key / SETS)]!;
    const flying = this.sets[key % SETS]!;
    const act = (state: DeviceState, action: number) => {
      this.trying = action < 0 ? action * 16 - state.self : action;
      for (const outcome of this.space.outcomes(state, action)) {
        const used = restarts + (outcome.crashed ? 1 : 0);
        if (used <= this.scope.restarts) this.become(states, used, flying, index, state.self, outcome);
      }
    };
    for (const state of states) {
      if (this.space.mayLead(state)) act(state, LEAD);
      if (this.space.mayPropose(state)) act(state, PROPOSE);
      if (restarts < this.scope.restarts) act(state, RESTART);
    }
    for (const id of flying) act(states[this.space.messages[id]!.to]!, id);
  }

  private become(
    before: readonly DeviceState[],
    restarts: number,
    flying: readonly number[],
    parent: number,
    self: number,
    { state, sent }: Outcome,
  ): void {
    if (state === before[self] && sent.every((id) => flying.includes(id) || !this.lives(before, id))) return;
    const states = before.map((other) => (other.self === self ? state : other));
    const left = flying.filter((id) => this.space.messages[id]!.to !== self || this.space.matters(state, id));
    for (const id of sent) if (!left.includes(id) && this.lives(states, id)) insert(left, id);
    this.reach(states, restarts, left, parent, this.trying);
  }

  private lives(states: readonly DeviceState[], id: number): boolean {
    return this.space.matters(states[this.space.messages[id]!.to]!, id);
  }

  private reach(
    states: readonly DeviceState[],
    restarts: number,
    flying: readonly number[],
    parent: number,
    action: number,
  ): void {
    const tuple = this.tupleOf(states, restarts);
    const set = this.setOf(flying);
    this.seen.add(tuple * SETS + set, parent, action);
  }

  private tupleOf(states: readonly DeviceState[], restarts: number): number {
    let list = 0;
    for (const { id } of states) list = this.lists.place(list * STATES + id) + 1;
    const id = this.tupleIds.place(list * RESTARTS + restarts);
    if (id < this.tuples.length) return id;
    if (!this.checked.has(list)) {
      this.checked.add(list);
      this.check.check(states);
    }
    this.tuples.push({ states, restarts });
    return id;
  }

  private setOf(flying: readonly number[]): number {
    const key = String.fromCharCode(...flying);
    let id = this.setIds.get(key);
    if (id === undefined) {
      id = this.sets.length;
      this.sets.push(flying);
      this.setIds.set(key, id);
    }
    return id;
  }

  /** The shortest way to a state, one line for each action. */
  private story(index: number): string[] {
    return [...this.seen.path(index), this.trying].map((action) => {
      if (action >= 0) {
        const { from, to, message } = this.space.messages[action]!;
        return `${from}>${to} ${serialiseMessage(message)}`;
      }
      const self = -action % 16;
      const what = -(-action - self) / 16;
      return `device ${self} ${what === LEAD ? 'leads' : what === PROPOSE ? 'proposes' : 'restarts'}`;
    });
  }
}

function insert(list: number[], id: number): void {
  let at = list.length;
  while (at > 0 && list[at - 1]! > id) at--;
  list.splice(at, 0, id);
}
