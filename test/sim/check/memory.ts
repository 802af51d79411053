import {
  CONFIRMS,
  OPEN_WINDOWS,
  TALLY_BALLOTS,
  TALLY_RANGES,
  VOTES_PER_NUMBER,
} from '../../../server/consensus/limits.ts';
import type { ConsensusConfig } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';

/** What is going on in the whole system. */
export interface Surroundings {
  /** Ballots that became active so far: no number has more distinct commands. */
  readonly ballots: number;
  readonly issued: number;
}

/** Values in a command, and in a vote: itself and what hangs on it. */
const COMMAND = 5;
const VOTE = 2 + COMMAND;
/** In a run of one command (issued-tail.ts). */
const RUN = 7;
/** Dropped items are freed in bulk (numbered.ts, issued-tail.ts): until then a list holds as many again, or this many. */
const FREED_LATE = 512;
/** Everything else: settings, failure detector, timers; a handful of values a device. */
const REST = 300;
const REST_PER_DEVICE = 60;

/** All parts of a consensus core that grow, and where they stand. */
interface Grown {
  readonly core: {
    readonly lease: { readonly asks: object } | null;
    readonly paxos: {
      readonly upTo: number;
      readonly tail: object;
      readonly votes: object;
      readonly early: object;
      readonly tally: object;
      readonly role: object;
    };
  };
}

/**
 * The memory of one core, counted in values, stays below what its limits allow, however long a run is. The parts that grow are
 * measured one by one, all that is left together: a new part that nobody thought of is found there.
 */
export function checkMemory(
  { devices, window, tailCommands }: ConsensusConfig,
  { ballots, issued }: Surroundings,
  consensus: unknown,
): void {
  const { core } = consensus as Grown;
  const { tail, votes, early, tally, role, upTo } = core.paxos;
  const open = OPEN_WINDOWS * window;
  const perNumber = 1 + VOTE * Math.min(ballots + 1, VOTES_PER_NUMBER);
  const ranges = Math.min(TALLY_RANGES, Math.max(0, issued - upTo) + open);
  const asks = core.lease?.asks ?? [];
  const parts: readonly (readonly [name: string, part: object, most: number])[] = [
    // One run may be partly held, partly dropped.
    ['tail', tail, listOf(tailCommands, RUN) + open],
    ['votes', votes, listOf(open, perNumber)],
    ['early', early, listOf(open, COMMAND)],
    ['tally', tally, 8 + TALLY_BALLOTS * (3 + devices * (1 + 4 * ranges))],
    ['role', role, listOf(open + window, COMMAND) + 2 * devices * (8 + open * (1 + perNumber))],
    ['asks', asks, 1 + 4 * CONFIRMS],
  ];
  for (const [name, part, most] of parts) {
    const size = measure(part);
    if (size > most) throw new Violation('memory', `${name} holds ${size} values, at most ${most}`);
  }
  const rest = measure(core, new Set(parts.map(([, part]) => part)));
  const most = REST + REST_PER_DEVICE * devices;
  if (rest > most)
    throw new Violation('memory', `what is left of the core holds ${rest} values, at most ${most}`);
}

function listOf(most: number, each: number): number {
  return 8 + each * (most + Math.max(FREED_LATE, most));
}

/** Values that hang on this one by own enumerable properties, each object once; bytes count as one value. */
export function measure(root: unknown, leftOut: ReadonlySet<unknown> = new Set()): number {
  const seen = new Set<unknown>(leftOut);
  const pending: unknown[] = [root];
  let count = 0;
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value === 'object' && value !== null) {
      if (seen.has(value)) continue;
      seen.add(value);
      if (value instanceof Map) pending.push(...value.keys(), ...value.values());
      else if (value instanceof Set) pending.push(...value);
      else if (!ArrayBuffer.isView(value)) for (const inner of Object.values(value)) pending.push(inner);
    }
    count++;
  }
  return count;
}
