import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { TimedCluster } from '../cluster/timed-cluster.ts';
import { Channel } from './channel.ts';
import type { Down, Up } from './edge-frames.ts';
import type { EdgeProfile } from './edge-profile.ts';
import type { RegionMachine } from './region-machine.ts';

/** Who dials. */
export interface Dialler {
  readonly name: string;
  /** Over a connection that it may have left long ago. */
  heard(connection: number, down: Down): void;
}

/** One connection; each end learns on its own, and late, when it is over. */
interface Wire {
  readonly seat: number;
  readonly client: Dialler;
  readonly connection: number;
  readonly region: Device;
  readonly up: Channel;
  readonly down: Channel;
  /** The life of the region's process it leads to; 0 while dialling. */
  incarnation: number;
  /** The client left it or was told of its end. */
  over: boolean;
  /** What still comes reaches the client all the same. */
  haunted: boolean;
  /** Something went wrong with it: it will not get well again. */
  sick: boolean;
}

/** Mean times until somebody notices, ms: an end that is told, and one that must find out by itself. */
const TOLD = 5;
const UNTOLD = 3000;
/** Mean time for which a network holds frames back that it lost. */
const STALL = 1500;

/** Connections of clients: streams in order that break with frames in flight, in one direction or both, told or not. */
export class Wires {
  private readonly timed: TimedCluster<RegionMachine>;
  private readonly choices: Choices;
  private readonly edge: EdgeProfile;
  private readonly latency: number;
  private readonly trace: (text: () => string) => void;
  private readonly bySeat = new Map<number, Wire>();
  private seats = 0;

  constructor(
    timed: TimedCluster<RegionMachine>,
    choices: Choices,
    latency: number,
    edge: EdgeProfile,
    trace: (text: () => string) => void,
  ) {
    this.timed = timed;
    this.choices = choices;
    this.latency = latency;
    this.edge = edge;
    this.trace = trace;
  }

  dial(client: Dialler, connection: number, region: Device, from: number | null): void {
    const { timed, choices, latency } = this;
    const wire: Wire = {
      ...{ seat: ++this.seats, client, connection, region },
      up: new Channel(timed, choices, latency),
      down: new Channel(timed, choices, latency),
      ...{ incarnation: 0, over: false, haunted: false, sick: false },
    };
    this.bySeat.set(wire.seat, wire);
    wire.up.send(() => this.open(wire, from));
  }

  /** The host takes the connection in at once; its process gets to it when it runs. */
  private open(wire: Wire, from: number | null): void {
    const { region, seat, client } = wire;
    const { machine, incarnation } = this.timed.cluster.device(region);
    if (machine === null) {
      wire.up.break();
      wire.down.finish(() => this.hear(wire, { kind: 'lost', reason: 'refused' }));
      this.bySeat.delete(seat);
      return;
    }
    wire.incarnation = incarnation;
    this.arrive(wire, (host) => {
      this.trace(() => `${client.name} sits down at ${region} from ${from}`);
      host.sit(seat, client.name, from);
    });
  }

  /** The client is done with it; the region learns that after all that was sent before, or by itself and late. */
  hangUp(client: Dialler, connection: number, consented: boolean): void {
    const wire = this.find(client, connection);
    if (wire === undefined) return;
    wire.over = true;
    wire.haunted = this.choices.chance(this.edge.haunted);
    if (this.choices.chance(0.2)) {
      wire.up.break();
      this.abandon(wire, UNTOLD);
    } else wire.up.finish(() => this.arrive(wire, (machine) => this.leave(machine, wire, consented)));
  }

  toRegion(client: Dialler, connection: number, what: (machine: RegionMachine, seat: number) => void): void {
    const wire = this.find(client, connection);
    wire?.up.send(() => this.arrive(wire, (machine) => what(machine, wire.seat)));
  }

  sendUp(client: Dialler, connection: number, up: Up): void {
    this.toRegion(client, connection, (machine, seat) => machine.receive(seat, up));
  }

  toClient(seat: number, down: Down): void {
    const wire = this.bySeat.get(seat);
    wire?.down.send(() => this.hear(wire, down));
  }

  /** The region closes it, after all that it said before. */
  close(seat: number, reason: string): void {
    const wire = this.bySeat.get(seat);
    if (wire === undefined) return;
    this.trace(() => `${wire.region} closes ${wire.client.name}: ${reason}`);
    wire.up.break();
    wire.down.finish(() => this.hear(wire, { kind: 'lost', reason }));
    this.bySeat.delete(seat);
  }

  /** The program of this name is gone without a word. */
  vanish(name: string): void {
    for (const wire of this.bySeat.values()) {
      if (wire.client.name !== name || wire.over) continue;
      wire.over = true;
      wire.up.break();
      this.abandon(wire, this.choices.pick([TOLD, UNTOLD]));
    }
  }

  /** Something happens to the connection of now of the client of this name. */
  hurt(name: string): void {
    const { choices } = this;
    for (const wire of this.bySeat.values()) {
      const { client } = wire;
      if (client.name !== name || wire.over || wire.sick) continue;
      const how = choices.pick(['cut', 'cut', 'deaf up', 'deaf down', 'slow up', 'slow down'] as const);
      this.trace(() => `${client.name} at ${wire.region}: ${how}`);
      if (how === 'slow up') wire.up.stall(STALL);
      else if (how === 'slow down') wire.down.stall(STALL);
      else {
        wire.sick = true;
        if (how !== 'deaf down') wire.up.break();
        if (how !== 'deaf up') wire.down.break();
        if (choices.chance(0.6))
          wire.down.notice(
            () => this.hear(wire, { kind: 'lost', reason: how }),
            how === 'cut' ? TOLD : UNTOLD,
          );
        this.abandon(wire, choices.pick([TOLD, UNTOLD]));
      }
    }
  }

  /** The process at the other end is gone; its machine may tell, or be gone, too. */
  regionGone(region: Device): void {
    for (const wire of this.bySeat.values()) {
      if (wire.region !== region || wire.incarnation === 0) continue;
      this.bySeat.delete(wire.seat);
      wire.up.break();
      wire.down.break();
      if (this.choices.chance(0.7))
        wire.down.notice(() => this.hear(wire, { kind: 'lost', reason: 'closed' }), TOLD);
    }
  }

  private hear(wire: Wire, down: Down): void {
    if (wire.over && !wire.haunted) return;
    if (down.kind === 'lost') {
      wire.over = true;
      wire.haunted = wire.haunted || this.choices.chance(this.edge.haunted);
    }
    wire.client.heard(wire.connection, down);
  }

  /** The region finds out by itself that nobody is there. */
  private abandon(wire: Wire, mean: number): void {
    wire.up.notice(() => this.arrive(wire, (machine) => this.leave(machine, wire, false)), mean);
  }

  private leave(machine: RegionMachine, { seat }: Wire, consented: boolean): void {
    this.bySeat.delete(seat);
    machine.leave(seat, consented);
  }

  /** A frozen process reads its sockets when it goes on. */
  private arrive({ region, incarnation }: Wire, work: (machine: RegionMachine) => void): void {
    this.timed.whenAwake(region, () => {
      if (this.timed.cluster.device(region).incarnation === incarnation) this.timed.cluster.run(region, work);
    });
  }

  private find(client: Dialler, connection: number): Wire | undefined {
    for (const wire of this.bySeat.values())
      if (wire.client === client && wire.connection === connection) return wire;
    return undefined;
  }
}
