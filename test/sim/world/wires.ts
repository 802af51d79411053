import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { TimedCluster } from '../cluster/timed-cluster.ts';
import type { Player } from './player.ts';
import type { ClientEvent, RegionMachine } from './region-machine.ts';

/** One connection between a player and a region; each end learns on its own when it is over. */
interface Wire {
  readonly seat: number;
  readonly player: Player;
  readonly connection: number;
  readonly region: Device;
  /** The life of the region's process it leads to; 0 while dialling. */
  incarnation: number;
  /** Nothing passes any more. */
  broken: boolean;
  lastDown: number;
  lastUp: number;
}

/** Connections of players: in order like TCP, and broken without warning. */
export class Wires {
  private readonly timed: TimedCluster<RegionMachine>;
  private readonly choices: Choices;
  private readonly latency: number;
  private readonly trace: (text: () => string) => void;
  private readonly bySeat = new Map<number, Wire>();
  private seats = 0;

  constructor(
    timed: TimedCluster<RegionMachine>,
    choices: Choices,
    latency: number,
    trace: (text: () => string) => void,
  ) {
    this.timed = timed;
    this.choices = choices;
    this.latency = latency;
    this.trace = trace;
  }

  dial(player: Player, connection: number, region: Device, from: number | null): void {
    const wire = {
      seat: ++this.seats,
      player,
      connection,
      region,
      incarnation: 0,
      broken: false,
      lastDown: 0,
      lastUp: 0,
    };
    this.bySeat.set(wire.seat, wire);
    this.timed.later(this.delay(), () => {
      if (wire.broken || this.timed.isPaused(region)) return;
      const { machine, incarnation } = this.timed.cluster.device(region);
      if (machine === null) {
        this.lost(wire, 'refused');
        return;
      }
      wire.incarnation = incarnation;
      this.trace(() => `${player.name} sits down at ${region} from ${from}`);
      this.timed.cluster.run(region, (host) => host.sit(wire.seat, player.name, from));
    });
  }

  hangUp(player: Player, connection: number, consented: boolean): void {
    const wire = this.find(player, connection);
    if (wire === undefined) return;
    this.up(wire, (machine) => machine.leave(wire.seat, consented));
    wire.broken = true;
    this.bySeat.delete(wire.seat);
  }

  toRegion(
    player: Player,
    connection: number,
    what: (seat: number) => (machine: RegionMachine) => void,
  ): void {
    const wire = this.find(player, connection);
    if (wire !== undefined && !wire.broken) this.up(wire, what(wire.seat));
  }

  toClient(seat: number, event: ClientEvent): void {
    const wire = this.bySeat.get(seat);
    if (wire === undefined || wire.broken) return;
    wire.lastDown = Math.max(wire.lastDown, this.timed.now + this.delay());
    this.timed.later(wire.lastDown - this.timed.now, () => {
      if (!wire.broken) wire.player.heard(wire.connection, event);
    });
  }

  /** A player's connection of now breaks; either end may take long to see it. */
  cut(player: Player): void {
    for (const wire of this.bySeat.values()) {
      if (wire.player !== player || wire.broken) continue;
      this.trace(() => `${player.name} loses its connection to ${wire.region}`);
      const { seat, region, incarnation } = wire;
      if (this.choices.chance(0.7)) this.lost(wire, 'cut');
      else wire.broken = true;
      this.timed.later(this.choices.waiting(1000), () => {
        if (this.timed.cluster.device(region).incarnation === incarnation)
          this.timed.cluster.run(region, (machine) => machine.leave(seat, false));
      });
    }
  }

  /** The process at the other end is gone. */
  regionGone(region: Device): void {
    for (const wire of this.bySeat.values()) {
      if (wire.region !== region || wire.incarnation === 0 || wire.broken) continue;
      if (this.choices.chance(0.7)) this.lost(wire, 'closed');
      else wire.broken = true;
    }
  }

  private lost(wire: Wire, reason: string): void {
    wire.broken = true;
    this.timed.later(this.delay(), () => wire.player.heard(wire.connection, { kind: 'lost', reason }));
  }

  private up(wire: Wire, work: (machine: RegionMachine) => void): void {
    const { region, incarnation } = wire;
    wire.lastUp = Math.max(wire.lastUp, this.timed.now + this.delay());
    this.timed.later(wire.lastUp - this.timed.now, () => this.arrive(region, incarnation, work));
  }

  /** A frozen process reads its sockets when it goes on. */
  private arrive(region: Device, incarnation: number, work: (machine: RegionMachine) => void): void {
    this.timed.whenAwake(region, () => {
      if (this.timed.cluster.device(region).incarnation === incarnation) this.timed.cluster.run(region, work);
    });
  }

  private find(player: Player, connection: number): Wire | undefined {
    for (const wire of this.bySeat.values())
      if (wire.player === player && wire.connection === connection) return wire;
    return undefined;
  }

  private delay(): number {
    return this.latency / 4 + this.choices.waiting(this.latency / 4);
  }
}
