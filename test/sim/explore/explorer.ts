import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { DISK, LEAD, MARK, PROPOSE, RESTART } from './device-state.ts';
import { type Node, type NodeStep, Nodes } from './nodes.ts';
import { NumberIndex } from './number-index.ts';
import { nameOf, type Scope } from './scope.ts';
import { Space } from './space.ts';
import { StateTable } from './state-table.ts';
import { TupleCheck } from './tuple-check.ts';
import { serialiseMessage } from './wording.ts';

export interface Progress {
  readonly scope: string;
  /** Global states reached that no earlier one covered. */
  readonly states: number;
  /** Of these not looked at yet; 0 at the end. */
  readonly waiting: number;
  /** Steps from the first state. */
  readonly depth: number;
  readonly devices: number;
  readonly messages: number;
  /** Tuples of device states; each was checked, those with equal disks and logs once. */
  readonly tuples: number;
  readonly checked: number;
  readonly ms: number;
}

export interface Exploration extends Progress {
  /** Everything within the scope was visited. */
  readonly complete: boolean;
  readonly violation?: { readonly rule: string; readonly detail: string; readonly steps: readonly string[] };
}

export interface Limits {
  readonly ms?: number;
  readonly states?: number;
  /** Called every few seconds. */
  readonly progress?: (progress: Progress) => void;
}

const PROGRESS_MS = 10_000;
/** More distinct disks with logs than these do not occur within memory. */
const FACTS = 2 ** 24;

/**
 * Visits every global state of a scope, breadth first, so that a violation comes with a shortest way to it. A global state is
 * one node a device (its state, and the messages on their way to it that can still matter) and the restarts used.
 */
export class Explorer {
  private readonly scope: Scope;
  private readonly space: Space;
  private readonly nodes: Nodes;
  private readonly table: StateTable;
  private readonly check: TupleCheck;
  /** Lists of what the disks and logs hold, as chains of pairs (what came before, next device); `checked` of them whole. */
  private readonly facts = new NumberIndex();
  private checked = 0;
  private next = 0;
  private depth = 0;
  /** The first state that is one step further than those before. */
  private further = 1;
  /** What is being tried from state `next`, for the story of a violation. */
  private trying: { readonly device: number; readonly actions: readonly number[] } | null = null;
  private ms = 0;

  /** `whole`: without leaving out what cannot matter beyond PROTOCOL 16.2; slower, for checking the explorer itself. */
  constructor(production: Production, scope: Scope, whole = false) {
    this.scope = scope;
    this.space = new Space(production, scope);
    this.nodes = new Nodes(this.space, scope, whole);
    this.table = new StateTable(this.nodes.list, scope.devices, whole);
    this.check = new TupleCheck(scope.devices);
  }

  /** Goes on until all is visited, a rule is broken or a limit is reached; may be called again after a limit. */
  run({ ms = Infinity, states = Infinity, progress }: Limits = {}): Exploration {
    const start = performance.now() - this.ms;
    const until = this.ms + ms;
    let told = this.ms;
    try {
      if (this.table.size === 0)
        this.reach(
          this.space.initial().map((state) => this.nodes.of(state, [])),
          0,
          -1,
        );
      for (; this.next < this.table.size; this.next++) {
        if ((this.next & 255) === 0) {
          this.ms = performance.now() - start;
          if (this.ms > until || this.table.size > states) break;
          if (this.ms - told > PROGRESS_MS) {
            told = this.ms;
            progress?.(this.progress());
          }
        }
        if (this.next === this.further) {
          this.depth++;
          this.further = this.table.size;
        }
        this.expand(this.next);
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.ms = performance.now() - start;
      const { rule, message: detail } = error;
      return { ...this.progress(), complete: false, violation: { rule, detail, steps: this.story() } };
    }
    this.ms = performance.now() - start;
    return { ...this.progress(), complete: this.next === this.table.size };
  }

  private progress(): Progress {
    return {
      scope: nameOf(this.scope),
      states: this.table.size,
      waiting: this.table.size - this.next,
      depth: this.depth,
      devices: this.space.states.length,
      messages: this.space.messages.length,
      tuples: this.table.tupleCount,
      checked: this.checked,
      ms: this.ms,
    };
  }

  private expand(index: number): void {
    const restarts = this.table.restarts(index);
    if (restarts < 0) return;
    const before = this.nodesOf(index);
    for (const [device, node] of before.entries()) {
      this.trying = { device, actions: [] };
      for (const step of this.nodes.steps(node)) this.become(before, device, step, restarts, index);
      if (restarts === this.scope.restarts) continue;
      for (const step of this.nodes.crashes(node)) this.become(before, device, step, restarts + 1, index);
    }
  }

  private become(
    before: readonly Node[],
    device: number,
    step: NodeStep,
    restarts: number,
    parent: number,
  ): void {
    this.trying = { device, actions: step.actions };
    this.reach(this.result(before, device, step), restarts, parent);
  }

  private result(before: readonly Node[], device: number, { node, sent }: NodeStep): Node[] {
    const after = [...before];
    after[device] = node;
    for (const id of sent) {
      const { to } = this.space.messages[id]!;
      after[to] = this.nodes.with(after[to]!, id);
    }
    return after;
  }

  private reach(state: readonly Node[], restarts: number, parent: number): void {
    this.table.add(state, restarts, parent, () => this.examine(state));
  }

  /** G1 to G4, once for each combination of disks and logs. */
  private examine(state: readonly Node[]): void {
    const { size } = this.facts;
    let list = 0;
    for (const { state: at } of state) list = this.facts.place(list * FACTS + at.facts) + 1;
    if (this.facts.size === size) return;
    this.checked++;
    this.check.check(state.map((node) => node.state));
  }

  private nodesOf(index: number): Node[] {
    return Array.from({ length: this.scope.devices }, (_, device) => this.table.node(index, device));
  }

  /** The way to what was being tried, a line for each action. */
  private story(): string[] {
    const way: number[] = [];
    for (let at = this.next; at >= 0; at = this.table.parent(at)) way.unshift(at);
    const lines: string[] = [];
    for (let at = 1; at < way.length; at++) lines.push(...this.between(way[at - 1]!, way[at]!));
    if (this.trying !== null) lines.push(...this.say(this.trying.device, this.trying.actions));
    return lines;
  }

  /** How the explorer came from a state to another: the step is found again, not stored. */
  private between(index: number, after: number): string[] {
    const before = this.nodesOf(index);
    const wanted = this.nodesOf(after);
    for (const [device, node] of before.entries()) {
      for (const step of [...this.nodes.steps(node), ...(node.crashes ?? [])])
        if (this.result(before, device, step).every((other, at) => other === wanted[at]))
          return this.say(device, step.actions);
    }
    return [`from state ${index} to ${after}`];
  }

  private say(device: number, actions: readonly number[]): string[] {
    return actions.map((action) => {
      if (action < 0) return `device ${device} ${OWN[action]}`;
      const { from, to, message } = this.space.messages[action]!;
      return `${from}>${to} ${serialiseMessage(message)}`;
    });
  }
}

const OWN: Readonly<Record<number, string>> = {
  [LEAD]: 'leads',
  [PROPOSE]: 'proposes',
  [RESTART]: 'crashes and restarts',
  [DISK]: 'has its next write on disk',
  [MARK]: 'writes what is issued',
};
