/**
 * Is there an order of the operations that respects real time and that the sequential model allows? The search of Wing
 * and Gong, with Lowe's memory of (what is already ordered, state): the same pair is never explored twice.
 */

/** One operation as its client saw it. Times are any numbers that grow; `returned` is Infinity where no answer came. */
export interface Operation<I, O> {
  readonly called: number;
  readonly returned: number;
  readonly input: I;
  /** undefined: outcome unknown; it may have happened at any time after the call, or never. */
  readonly output: O | undefined;
}

/** A sequential specification. States are immutable. */
export interface Model<S, I, O> {
  readonly initial: S;
  /** The state after `input` answered `output` in `state`, or null where that answer is impossible there. */
  step(state: S, input: I, output: O | undefined): S | null;
  /** Equal keys mean equal states. */
  key(state: S): string;
}

export type Verdict =
  | { readonly kind: 'linearizable'; readonly order: readonly number[]; readonly visited: number }
  /** `longest`: the longest legal beginning found; `stuck`: completed operations that fit nowhere after it. */
  | {
      readonly kind: 'not-linearizable';
      readonly longest: readonly number[];
      readonly stuck: readonly number[];
      readonly visited: number;
    }
  | { readonly kind: 'gave-up'; readonly visited: number };

/** A call or a return in the doubly linked list of events still to be ordered. */
interface Node {
  readonly operation: number;
  /** The return belonging to a call; null in a return itself. */
  readonly match: Node | null;
  previous: Node | null;
  next: Node | null;
}

/** `limit`: how many (order, state) pairs may be visited before giving up. */
export function checkLinearizable<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
  limit = 1_000_000,
): Verdict {
  const head = linkEvents(operations);
  const ordered = new Uint8Array(operations.length);
  let open = operations.filter(({ returned }) => returned !== Number.POSITIVE_INFINITY).length;
  const seen = new Set<string>();
  const path: { node: Node; state: S }[] = [];
  let longest: number[] = [];
  let state = model.initial;
  let at = head.next;
  let visited = 0;

  while (open > 0) {
    if (at?.match != null) {
      const next = stepCall(at);
      if (next !== null) {
        path.push({ node: at, state });
        state = next;
        if (path.length > longest.length) longest = path.map(({ node }) => node.operation);
        lift(at);
        at = head.next;
      } else at = at.next;
      if (visited > limit) return { kind: 'gave-up', visited };
      continue;
    }
    // A return (or the end): the operation must have been ordered by now, and it was not. Go back one decision.
    const last = path.pop();
    if (last === undefined) return { kind: 'not-linearizable', longest, stuck: stuckAfter(longest), visited };
    state = last.state;
    ordered[last.node.operation] = 0;
    if (completes(last.node)) open++;
    unlift(last.node);
    at = last.node.next;
  }
  return { kind: 'linearizable', order: path.map(({ node }) => node.operation), visited };

  /** The state with the operation of this call put next, or null if the model or the memory says no. */
  function stepCall(call: Node): S | null {
    const { input, output } = operations[call.operation]!;
    const next = model.step(state, input, output);
    if (next === null) return null;
    ordered[call.operation] = 1;
    const key = `${bits(ordered)}|${model.key(next)}`;
    visited++;
    if (seen.has(key)) {
      ordered[call.operation] = 0;
      return null;
    }
    seen.add(key);
    if (completes(call)) open--;
    return next;
  }

  function completes(call: Node): boolean {
    return operations[call.operation]!.returned !== Number.POSITIVE_INFINITY;
  }

  function stuckAfter(order: readonly number[]): number[] {
    const done = new Set(order);
    const earliest = Math.min(
      ...operations.filter((_, index) => !done.has(index)).map(({ returned }) => returned),
    );
    return operations.flatMap(({ called }, index) => (!done.has(index) && called <= earliest ? [index] : []));
  }
}

/** All calls and returns in order of time; at equal times calls first, so that touching operations count as concurrent. */
function linkEvents(operations: readonly { called: number; returned: number }[]): Node {
  const events: { time: number; rank: number; node: Node }[] = [];
  for (const [operation, { called, returned }] of operations.entries()) {
    if (returned < called) throw new Error(`operation ${operation} returned before it was called`);
    const end: Node = { operation, match: null, previous: null, next: null };
    events.push({ time: called, rank: 0, node: { operation, match: end, previous: null, next: null } });
    events.push({ time: returned, rank: 1, node: end });
  }
  events.sort((a, b) => a.time - b.time || a.rank - b.rank || a.node.operation - b.node.operation);
  const head: Node = { operation: -1, match: null, previous: null, next: null };
  let last = head;
  for (const { node } of events) {
    last.next = node;
    node.previous = last;
    last = node;
  }
  return head;
}

/** Takes a call and its return out of the list; they keep their own links for `unlift`. */
function lift(call: Node): void {
  unlink(call);
  unlink(call.match!);
}

function unlink(node: Node): void {
  node.previous!.next = node.next;
  if (node.next !== null) node.next.previous = node.previous;
}

/** Exactly the reverse of the last `lift`. */
function unlift(call: Node): void {
  relink(call.match!);
  relink(call);
}

function relink(node: Node): void {
  node.previous!.next = node;
  if (node.next !== null) node.next.previous = node;
}

function bits(flags: Uint8Array): string {
  let text = '';
  for (let i = 0; i < flags.length; i += 15) {
    let unit = 0;
    for (let j = i; j < Math.min(i + 15, flags.length); j++) unit = (unit << 1) | flags[j]!;
    text += String.fromCharCode(unit);
  }
  return text;
}
