import type { Answer } from '../../../client/session-types.ts';
import type { Device } from '../../../server/consensus/types.ts';
import type { LeaderLimits } from '../../../server/leader/leader.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import type { Parcel } from '../check/checker.ts';
import { checkWorld } from '../check/world-check.ts';
import { YardModel } from '../check/yard-check.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Production } from '../production.ts';
import { Deeds, end, type Fate, fateOf, type Lived } from './ledger-of-deeds.ts';
import { RegionMachine } from './region-machine.ts';
import type { Deed } from './warehouse-model.ts';

/** Deliveries after which a script that does not come to rest is wrong. */
const DELIVERIES = 10_000;

/** Region servers under the hand of a story: what arrives, and when, it says itself. */
export class Script {
  readonly cluster: Cluster<RegionMachine>;
  private readonly production: Production;
  private readonly deeds = new Deeds();
  private readonly calls = new Map<number, (answer: Answer) => void>();
  private readonly woken = new Set<Device>();
  /** Sent and neither delivered nor dropped. */
  pool: Parcel[] = [];
  private names = 0;
  private clock = 1000;
  private readonly yard: boolean;

  constructor(
    production: Production,
    devices: number,
    yard = false,
    leaderLimits: Partial<LeaderLimits> = {},
  ) {
    this.yard = yard;
    this.production = production;
    const config = {
      devices,
      weights: new Array<number>(devices).fill(1),
      window: 8,
      voting: 'all' as const,
      tailCommands: 100,
      messageBytes: 1 << 16,
      seed: 1,
      timing: { heartbeat: 40, election: 1e9, lease: 1e9, retransmit: 1e9 },
      ranks: new Array<number>(devices).fill(0),
    };
    this.cluster = new Cluster(
      config,
      {
        sent: (parcel) => this.pool.push(parcel),
        written: () => {},
        woken: (device) => this.woken.add(device),
        clock: () => ({ now: this.clock, wall: this.clock }),
        died: () => {},
        note: () => {},
      },
      (start) =>
        new RegionMachine(production, start, {
          players: {
            tell: () => {},
            close: () => {},
            admits: () => true,
            answered: (call, answer) => this.answered(call, answer),
            read: () => {},
            random: () => 0.5,
          },
          edge: null,
          saved: null,
          firstRequest: 1,
          limits: {},
          leaderLimits,
          yard,
          slowness: 0,
          encoded: false,
          rest: false,
        }),
    );
    for (const { index } of this.cluster.devices) this.cluster.start(index);
    for (const { index } of this.cluster.devices)
      for (let device = 0; device < devices; device++)
        if (device !== index) this.cluster.input(index, { kind: 'link', device, up: true });
    this.rest();
  }

  /** Delivers whatever passes, and all that follows from it, until nothing more does. */
  deliver(passes: (parcel: Parcel) => boolean = () => true): void {
    for (let count = 0; count < DELIVERIES; count++) {
      this.rest();
      const index = this.pool.findIndex(passes);
      if (index < 0) return;
      this.cluster.deliver(this.pool.splice(index, 1)[0]!);
    }
    throw new Error('the story does not come to rest');
  }

  drop(fits: (parcel: Parcel) => boolean): void {
    this.pool = this.pool.filter((parcel) => !fits(parcel));
  }

  /** A message that comes to a region out of nowhere, as if from another. */
  hand(from: Device, to: Device, message: PeerMessage): void {
    this.cluster.run(to, (machine) => machine.message(from, message));
    this.rest();
  }

  lead(device: Device): void {
    this.cluster.input(device, { kind: 'lead' });
    this.rest();
  }

  /** Time goes by; one turn, and nothing of what follows from it. */
  turn(device: Device, ms: number): void {
    this.clock += ms;
    this.cluster.input(device, { kind: 'tick', now: this.clock });
    this.cluster.run(device, (machine) => machine.turn());
  }

  /** Somebody reads at a region. */
  read(device: Device, id: number): void {
    this.cluster.run(device, (machine) => machine.read(id));
    this.rest();
  }

  tick(device: Device, ms = 40): void {
    this.clock += ms;
    this.cluster.input(device, { kind: 'tick', now: this.clock });
    this.rest();
  }

  /** Somebody posts a deed at a region, once. */
  post(device: Device, session: string, deed: Deed): Lived {
    const lived = this.begin(session, deed);
    this.copy(device, lived, (answer) => this.end(lived, fateOf(answer)));
    return lived;
  }

  /** Somebody wants something of the world, under sequence 1. */
  begin(session: string, deed: Deed): Lived {
    const lived = this.deeds.begin(session, deed, this.clock, this.cluster.checker.truth.upTo);
    lived.sequence = 1;
    return lived;
  }

  /** A copy of it comes to a region. */
  copy(device: Device, lived: Lived, answered: (answer: Answer) => void): void {
    const { session, sequence, deed } = lived;
    lived.copies++;
    const call = ++this.names;
    this.calls.set(call, answered);
    const args = this.production.warehouse.schema.actions[deed.action]!.encode(deed.args);
    this.cluster.run(device, (region) => region.call(call, { session, sequence, action: deed.action, args }));
    this.rest();
  }

  /** Whoever wanted it is told how it ended; what comes later is of no interest. */
  end(lived: Lived, fate: Fate): void {
    if (lived.fate === null) end(lived, fate, this.clock, this.cluster.checker.truth.upTo);
  }

  /** The promises to everybody, at the end. */
  check(): void {
    checkWorld(
      this.production,
      this.cluster.checker.truth,
      this.deeds,
      this.yard ? new YardModel(null) : null,
    );
  }

  private answered(call: number, answer: Answer): void {
    this.clock += 1;
    this.calls.get(call)!(answer);
  }

  /** Turns are taken and disks are quick. */
  private rest(): void {
    for (;;) {
      const device = [...this.woken][0];
      if (device !== undefined) {
        this.woken.delete(device);
        this.cluster.run(device, (machine) => machine.turn());
        continue;
      }
      const busy = this.cluster.devices.find(({ disk }) => disk.queue.length > 0);
      if (busy === undefined) return;
      this.cluster.flush(busy.index, busy.disk.queue.length);
    }
  }
}
