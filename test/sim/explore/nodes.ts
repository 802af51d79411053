import type { Message } from '../../../server/consensus/types.ts';
import {
  type Cut,
  type DeviceState,
  DISK,
  LEAD,
  MARK,
  type Outcome,
  PROPOSE,
  RESTART,
} from './device-state.ts';
import type { Scope } from './scope.ts';
import type { Space } from './space.ts';

/** One device and the messages on their way to it that can still matter, interned. A global state is one node a device. */
export interface Node {
  readonly id: number;
  readonly state: DeviceState;
  /** Ascending. */
  readonly inbox: readonly number[];
  /** What may happen here, and what a crash may do; made when first asked for. */
  steps: readonly NodeStep[] | null;
  crashes: readonly NodeStep[] | null;
  readonly added: Map<number, Node>;
}

export interface NodeStep {
  /** In this order: messages delivered, or one of the other actions. */
  readonly actions: readonly number[];
  readonly node: Node;
  readonly sent: readonly number[];
}

/** One thing that may happen at a node. */
interface Try {
  readonly actions: readonly number[];
  readonly outcome: Outcome;
}

interface CountSet {
  readonly state: DeviceState;
  /** Messages from this place on may be added. */
  readonly from: number;
  readonly actions: readonly number[];
}

/**
 * Delivery does not take a message away: that alone is loss, duplication, delay and reordering. Devices touch each other by
 * messages only, so what may happen at a node is found out once, for all global states that it occurs in.
 */
export class Nodes {
  readonly list: Node[] = [];
  /** Each delivery is a branch of its own. */
  private readonly whole: boolean;
  private readonly space: Space;
  private readonly largestSet: number;
  private readonly ids = new Map<string, Node>();

  constructor(space: Space, scope: Scope, whole: boolean) {
    this.space = space;
    this.whole = whole;
    const cut = scope.restarts > 0 && scope.voting === 'leader' && scope.ahead === 0 && !scope.lazyMarks;
    this.largestSet = cut ? Infinity : Math.floor(scope.devices / 2) + 1;
  }

  of(state: DeviceState, inbox: readonly number[]): Node {
    const key = String.fromCharCode(state.id & 0xffff, state.id >>> 16, ...inbox);
    let node = this.ids.get(key);
    if (node === undefined) {
      node = { id: this.list.length, state, inbox, steps: null, crashes: null, added: new Map() };
      this.list.push(node);
      this.ids.set(key, node);
    }
    return node;
  }

  /** The node with one more message on its way; the same where that can do nothing. */
  with(node: Node, message: number): Node {
    let other = node.added.get(message);
    if (other === undefined) {
      const known = node.inbox.includes(message) || !this.space.matters(node.state, message);
      other = known ? node : this.of(node.state, inserted(node.inbox, message));
      node.added.set(message, other);
    }
    return other;
  }

  steps(node: Node): readonly NodeStep[] {
    node.steps ??= this.findSteps(node);
    return node.steps;
  }

  crashes(node: Node): readonly NodeStep[] {
    node.crashes ??= this.findCrashes(node);
    return node.crashes;
  }

  private findSteps(node: Node): NodeStep[] {
    const steps: NodeStep[] = [];
    for (const { actions, outcome } of this.tries(node)) {
      const next = this.after(outcome.state, node.inbox);
      if (next !== node || outcome.sent.length > 0) steps.push({ actions, node: next, sent: outcome.sent });
    }
    return steps;
  }

  /** A crash at rest, or in the middle of anything that may happen here. */
  private findCrashes(node: Node): NodeStep[] {
    const { state, inbox } = node;
    const found = new Map<string, NodeStep>();
    const take = (actions: readonly number[], { store, sent }: Cut) => {
      const next = this.after(this.space.boot(state.self, store), inbox);
      const key = `${next.id}>${sent}`;
      if (!found.has(key) && (next !== node || sent.length > 0))
        found.set(key, { actions, node: next, sent });
    };
    take([RESTART], { store: state.store, sent: [] });
    for (const { actions, outcome } of this.tries(node))
      for (const cut of outcome.cuts) take([...actions, RESTART], cut);
    return [...found.values()];
  }

  private tries(node: Node): Try[] {
    const { state } = node;
    const inbox = this.readable(node);
    const single = [...(state.waiting.length > 0 ? [DISK] : []), ...this.own(state)];
    const counts = this.whole ? [] : inbox.filter((id) => this.isCount(id));
    const tries: Try[] = [...single, ...inbox.filter((id) => !counts.includes(id))].map((action) => ({
      actions: [action],
      outcome: this.space.outcome(state, action),
    }));
    this.countTogether(state, counts, tries);
    return tries;
  }

  private own(state: DeviceState): number[] {
    const actions: number[] = [];
    if (!this.space.mayGoOn(state)) return actions;
    if (this.space.mayLead(state)) actions.push(LEAD);
    if (this.space.mayPropose(state)) actions.push(PROPOSE);
    if (this.space.mayMark(state)) actions.push(MARK);
    return actions;
  }

  /** Messages that the device may read now; counting it may always, so that it makes no difference when it does. */
  private readable({ state, inbox }: Node): readonly number[] {
    return this.space.mayGoOn(state) ? inbox : inbox.filter((id) => this.isCount(id));
  }

  /**
   * A vote or an answer that is only counted changes nothing else about the device and says nothing to anyone, until a majority is
   * complete. Messages do not go away, so nothing is lost by counting it only then, together with those that complete it: what
   * happens in between is the same without it. So messages that only count are delivered in sets whose last has an effect,
   * smaller sets first, and a larger one only where its effect is another. One message may count twice in a set, for a core
   * that counts wrongly. A majority's votes for one number are enough: that one step issues several numbers differs from as
   * many steps only where a crash can cut it between what it tells others and what it writes.
   */
  private countTogether(first: DeviceState, counts: readonly number[], tries: Try[]): void {
    const effects = new Set<string>();
    let sets: CountSet[] = [{ state: first, from: 0, actions: [] }];
    for (let size = 1; sets.length > 0 && size <= this.largestSet; size++) {
      const larger: CountSet[] = [];
      for (const { state, from, actions } of sets) {
        for (const [at, id] of counts.entries()) {
          const outcome = this.space.outcome(state, id);
          if (outcome.state === state && outcome.sent.length === 0) continue;
          const done = [...actions, id];
          if (isQuiet(state, outcome)) {
            if (at >= from) larger.push({ state: outcome.state, from: at, actions: done });
            continue;
          }
          const effect = `${outcome.state.visible}>${outcome.sent}`;
          if (!effects.has(effect)) tries.push({ actions: done, outcome });
          effects.add(effect);
        }
      }
      sets = larger;
    }
  }

  private isCount(id: number): boolean {
    const kind: Message['kind'] = this.space.messages[id]!.message.kind;
    return kind === 'voted' || kind === 'ballot-info';
  }

  private after(state: DeviceState, inbox: readonly number[]): Node {
    return this.of(
      state,
      inbox.filter((id) => this.space.matters(state, id)),
    );
  }
}

/** Nothing happened but counting. */
function isQuiet(before: DeviceState, { state, sent, cuts }: Outcome): boolean {
  return state.visible === before.visible && sent.length === 0 && cuts.length === 0;
}

function inserted(list: readonly number[], id: number): number[] {
  const at = list.findIndex((other) => other > id);
  return at === -1 ? [...list, id] : [...list.slice(0, at), id, ...list.slice(at)];
}
