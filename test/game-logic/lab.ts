/** A world whose functions are whatever a test wants run: the arena's tables, and one action that is told what to do. */
import type { FunctionContext, TimerContext } from '../../game-logic/context.ts';
import { defineWorld, type World } from '../../game-logic/define-world.ts';
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { Call, Environment, Executed } from '../../game-logic/types.ts';
import { type ArenaSchema, arenaSchema } from '../../schemas/generated/arena.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';

export type LabContext = FunctionContext<ArenaSchema, { readonly ring: { readonly note: string } }>;
export type Body = (ctx: LabContext) => unknown;
type RingBody = (ctx: TimerContext<ArenaSchema>, args: { readonly note: string }) => void;

export const NOW = 1_700_000_000_000;

export interface LabOptions {
  readonly join?: (ctx: LabContext) => void;
  readonly leave?: (ctx: LabContext) => void;
  readonly tick?: (ctx: LabContext) => void;
  readonly maxSessions?: number;
}

/** The last logs of a lab are kept here, so that a test can ask why. */
export interface Log {
  readonly message: string;
  readonly fields: object;
}

export class Lab {
  readonly definition: World<ArenaSchema>;
  readonly state: WorldState;
  leader: LeaderState;
  readonly logs: Log[] = [];
  /** Commands made, all of them. */
  readonly commands: Uint8Array[] = [];
  now = NOW;
  ballot = 3;
  ring: RingBody = () => {};
  random: () => number = () => 0.5;
  private body: Body = () => undefined;
  private readonly sequences = new Map<string, number>();

  constructor(options: LabOptions = {}) {
    const act = (ctx: LabContext) => this.body(ctx);
    const { tick, ...others } = options;
    this.definition = defineWorld(arenaSchema, {
      initial: { match: [{ id: 0 }] },
      timers: {
        ring: (ctx: TimerContext<ArenaSchema>, args: { readonly note: string }) => this.ring(ctx, args),
      },
      actions: { move: act, strike: act, say: act, rename: act, opponents: act, robot: act },
      ...(tick === undefined ? {} : { tick: { everyMs: 50, run: tick } }),
      ...others,
    });
    this.state = new WorldState(this.definition);
    this.leader = new LeaderState(this.state);
  }

  get environment(): Environment {
    return {
      now: this.now,
      random: () => this.random(),
      log: (message, fields = {}) => this.logs.push({ message, fields }),
    };
  }

  call(call: Call): Executed {
    const executed = this.leader.execute(call, this.ballot, this.environment);
    if (executed.kind === 'command') this.commands.push(executed.bytes);
    return executed;
  }

  /** Runs `body` as an action of `session` with its next sequence, or the one given. */
  run(body: Body, session = 'ann', sequence = (this.sequences.get(session) ?? 0) + 1): Executed {
    this.body = body;
    const args = arenaSchema.actions.move.encode({ dx: 0, dy: 0 });
    const origin = { region: 1, request: sequence };
    const executed = this.call({ kind: 'action', session, sequence, action: 'move', args, origin });
    if (executed.kind === 'command')
      this.sequences.set(session, Math.max(sequence, this.sequences.get(session) ?? 0));
    return executed;
  }

  /** Commands that M has not applied yet. */
  get open(): Uint8Array[] {
    return this.commands.slice(this.state.number);
  }

  /** M applies the next `count` open commands, all unless told, and LS hears of it. */
  issue(count = Number.POSITIVE_INFINITY): void {
    for (const bytes of this.open.slice(0, count)) this.state.apply(bytes, false);
    this.leader.issued(this.state.number);
  }

  /** Another leader takes over from M and what is open (R5). */
  changeLeader(): void {
    this.leader = new LeaderState(this.state);
    for (const bytes of this.open) this.leader.adopt(bytes);
    this.ballot += 3;
  }

  /** What LS holds of a table, in its order: read by a function that changes nothing. */
  rows(table: 'player' | 'coin'): object[] {
    const rows: object[] = [];
    const executed = this.run((ctx) => void rows.push(...ctx.world[table].rows()), 'reader', 1);
    if (executed.kind !== 'nothing') throw new Error(`reading came to ${JSON.stringify(executed)}`);
    return rows;
  }
}

export function expectCommand(executed: Executed): Extract<Executed, { kind: 'command' }> {
  if (executed.kind !== 'command') throw new Error(`expected a command, got ${JSON.stringify(executed)}`);
  return executed;
}

export function envelopeOf(executed: Executed) {
  return decodeEnvelope(expectCommand(executed).bytes);
}
