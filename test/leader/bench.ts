import { defineWorld } from '../../game-logic/define-world.ts';
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';
import type { Command } from '../../server/consensus/types.ts';
import { Leader, type LeaderLimits } from '../../server/leader/leader.ts';
import type { ActionRequest, Reply } from '../../server/leader/types.ts';

const WALL = 1_800_000_000_000;

/** A leader on a real world, with a test in the place of consensus. Ballots are of a cluster of three regions. */
export class LeaderBench {
  readonly leader: Leader;
  readonly state: WorldState;
  readonly proposed: Command[] = [];
  readonly replies: Reply[] = [];
  readonly logged: string[] = [];
  clock = 1_000;
  window: number;
  /** How many functions fit into a turn before the clock says it is over; 0: time stands still. */
  slowMs = 0;
  lastConfirm: number | undefined;
  private named = 0;

  constructor(
    options: { definition?: WorldDefinition; window?: number; limits?: Partial<LeaderLimits> } = {},
  ) {
    const definition = options.definition ?? warehouse;
    this.window = options.window ?? 100;
    this.state = new WorldState(definition);
    this.leader = new Leader({
      definition,
      regions: 3,
      leaderState: (state) => new LeaderState(state as WorldState),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  activate(ballot = 3, chain: readonly Command[] = []): this {
    this.leader.activate(ballot, this.state, chain, this.clock);
    this.proposed.push(...chain);
    return this;
  }

  request(session: string, sequence: number, action: string, args: object, name = 0): ActionRequest {
    const region = 0;
    const type = this.state.definition.schema.actions[action];
    const bytes = type === undefined ? new Uint8Array(8) : type.encode(args);
    this.named++;
    return { region, request: name || this.named, session, sequence, action, args: bytes };
  }

  submit(...requests: ActionRequest[]): this {
    for (const request of requests) this.leader.submit(request, this.clock);
    return this;
  }

  /** One turn; returns the numbers proposed in it. */
  run(): number[] {
    let elapsed = 0;
    const { commands, confirm } = this.leader.run({
      clock: this.clock,
      now: WALL + this.clock,
      room: this.state.number + this.window - this.leader.version,
      random: () => 0.5,
      log: (message) => this.logged.push(message),
      elapsed: () => {
        elapsed += this.slowMs;
        return elapsed;
      },
    });
    this.proposed.push(...commands);
    if (confirm !== undefined) this.lastConfirm = confirm;
    this.replies.push(...this.leader.takeReplies());
    return commands.map((command) => command.number);
  }

  /** Everything up to `number` is issued. */
  issue(number: number): this {
    for (const command of this.proposed)
      if (command.number > this.state.number && command.number <= number) this.state.apply(command.bytes);
    this.leader.issued(number);
    this.replies.push(...this.leader.takeReplies());
    return this;
  }

  confirm(token = this.lastConfirm ?? 0): this {
    this.leader.confirmed(token);
    this.replies.push(...this.leader.takeReplies());
    return this;
  }

  envelope(number: number) {
    const command = this.proposed.find((candidate) => candidate.number === number);
    if (command === undefined) throw new Error(`number ${number} was not proposed`);
    return decodeEnvelope(command.bytes);
  }

  actions(): string[] {
    return this.proposed.map((command) => decodeEnvelope(command.bytes).action);
  }
}

/** The warehouse with everything that a world can have: joins, leaves, ticks, timers, dice and bugs. */
export function livelyWorld(options: { everyMs?: number } = {}) {
  return defineWorld(warehouseSchema, {
    initial: { warehouse: [{ id: 'A' }, { id: 'B' }] },
    timers: {
      ring(ctx) {
        ctx.world.warehouse.put({ id: 'rung', amount: 1 });
      },
    },
    actions: {
      open(ctx, { id }) {
        ctx.world.warehouse.put({ id });
        if (id === 'bug') throw new Error('a bug');
        return null;
      },
      inbound(ctx, { to, amount }) {
        const row = ctx.world.warehouse.get(to) ?? ctx.refuse('no-such-warehouse');
        row.amount += Math.floor(ctx.random() * amount);
        return row.amount;
      },
      outbound(ctx, { from }) {
        return ctx.world.warehouse.row(from)?.amount ?? null;
      },
      transfer(ctx, { amount }) {
        ctx.after(amount, 'ring');
      },
    },
    join(ctx) {
      if (ctx.session === 'banned') ctx.refuse('banned');
      ctx.world.warehouse.put({ id: ctx.session });
    },
    leave(ctx) {
      ctx.world.warehouse.remove(ctx.session);
    },
    tick: {
      everyMs: options.everyMs ?? 50,
      run(ctx) {
        const row = ctx.world.warehouse.get('B');
        if (row !== undefined) row.amount += 1;
      },
    },
  });
}
