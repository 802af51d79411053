/**
 * What one action costs the leader and a replica, without network and disk: `execute` (exactly-once, function, delta, digests,
 * encoding) and `apply`, in nanoseconds a warehouse transfer. Run with `npx tsx test/bench/execute.ts`.
 */
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { Environment, Executed } from '../../game-logic/types.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';

const WAREHOUSES = 64;
const SESSIONS = 256;
const COMMANDS = 50_000;
/** Commands open at a time: what the overlay holds. */
const WINDOW = 512;
const ENVIRONMENT: Environment = { now: 1_700_000_000_000, random: Math.random, log: () => {} };

/** The value below which a share of the values lies. */
const quantile = (values: readonly number[], share: number) =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length * share)] as number);

/**
 * Nanoseconds of execute and of apply, each over batches of WINDOW transfers: the median, and what a tenth of the batches stays
 * below, which other load on the machine disturbs less.
 */
export function measureExecute(rounds: number) {
  const executing: number[] = [];
  const applying: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds + 2; round++) {
    const figures = oneRound();
    bytes = figures.bytes;
    // The first rounds warm the compiler up.
    if (round < 2) continue;
    executing.push(...figures.execute);
    applying.push(...figures.apply);
  }
  return {
    executeNs: { p10: quantile(executing, 0.1), p50: quantile(executing, 0.5) },
    applyNs: { p10: quantile(applying, 0.1), p50: quantile(applying, 0.5) },
    bytes,
  };
}

function oneRound() {
  const state = new WorldState(warehouse);
  const leader = new LeaderState(state);
  const sequences = new Array<number>(SESSIONS).fill(0);
  const run = (name: string, action: string, args: object): Executed => {
    const at = Number(name);
    sequences[at] = (sequences[at] as number) + 1;
    const bytes = warehouse.schema.actions[action as 'transfer'].encode(args);
    const call = {
      kind: 'action',
      session: `session-${name}`,
      sequence: sequences[at] as number,
      action,
      args: bytes,
      origin: { region: 0, request: sequences[at] as number },
    } as const;
    return leader.execute(call, 3, ENVIRONMENT);
  };
  const commit = (executed: Executed) => {
    if (executed.kind !== 'command') throw new Error(JSON.stringify(executed));
    state.apply(executed.bytes);
    leader.issued(executed.number);
  };
  for (let i = 0; i < WAREHOUSES; i++) {
    commit(run('0', 'open', { id: `warehouse-${i}` }));
    commit(run('0', 'inbound', { to: `warehouse-${i}`, amount: 1_000_000 }));
  }
  const calls = Array.from({ length: COMMANDS }, (_, i) => {
    const at = i % SESSIONS;
    sequences[at] = (sequences[at] as number) + 1;
    return {
      kind: 'action',
      session: `session-${at}`,
      sequence: sequences[at] as number,
      action: 'transfer',
      args: warehouse.schema.actions.transfer.encode({
        from: `warehouse-${(i * 7) % WAREHOUSES}`,
        to: `warehouse-${(i * 13 + 1) % WAREHOUSES}`,
        amount: 1 + (i % 5),
      }),
      origin: { region: 0, request: i },
    } as const;
  });
  const made: Uint8Array[] = [];
  const execute: number[] = [];
  const apply: number[] = [];
  let bytes = 0;
  for (let i = 0; i < COMMANDS; i += WINDOW) {
    made.length = 0;
    const start = process.hrtime.bigint();
    for (let j = i; j < Math.min(i + WINDOW, COMMANDS); j++) {
      const executed = leader.execute(calls[j] as (typeof calls)[number], 3, ENVIRONMENT);
      if (executed.kind !== 'command') throw new Error(JSON.stringify(executed));
      made.push(executed.bytes);
    }
    const between = process.hrtime.bigint();
    for (const command of made) state.apply(command);
    const end = process.hrtime.bigint();
    leader.issued(state.number);
    execute.push(Number(between - start) / made.length);
    apply.push(Number(end - between) / made.length);
    for (const command of made) bytes += command.length;
  }
  return { execute, apply, bytes: Math.round(bytes / COMMANDS) };
}
