import type { Answer } from '../../../client/session-types.ts';
import type { Device } from '../../../server/consensus/types.ts';
import { checkWorld } from '../check/world-check.ts';
import { YardModel } from '../check/yard-check.ts';
import type { Choices } from '../choices.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { MakeMachine } from '../cluster/ground.ts';
import type { Load } from '../cluster/wild-run.ts';
import type { Production } from '../production.ts';
import { Deeds, end, fateOf, type Lived } from './ledger-of-deeds.ts';
import { RegionMachine, type Seen } from './region-machine.ts';
import { chooseDeed, keyOf } from './warehouse-model.ts';
import type { WorldProfile } from './world-profile.ts';

/** A request that a region's process has not answered yet. */
interface Call {
  readonly lived: Lived;
  readonly device: Device;
  readonly incarnation: number;
}

/**
 * Callers for a wild run of whole region servers. Some post a deed once and believe the first no; some repeat it through other
 * regions, and then believe no single no.
 */
export class WorldLoad implements Load<RegionMachine> {
  private readonly production: Production;
  private readonly profile: WorldProfile;
  private readonly choices: Choices;
  private readonly now: () => number;
  private readonly deeds = new Deeds();
  private readonly open: (Lived | null)[];
  private readonly sequences: number[];
  private readonly calls = new Map<number, Call>();
  private readonly reading = new Map<number, number>();
  private cluster: Cluster<RegionMachine> | null = null;
  private names = 0;

  constructor(production: Production, profile: WorldProfile, choices: Choices, now: () => number) {
    this.production = production;
    this.profile = profile;
    this.choices = choices;
    this.now = now;
    const count = profile.cluster.clients;
    this.open = new Array<Lived | null>(count).fill(null);
    this.sequences = new Array<number>(count).fill(0);
  }

  get waiting(): number {
    return this.open.filter((lived) => lived !== null).length;
  }

  get machine(): MakeMachine<RegionMachine> {
    const { production, profile, choices } = this;
    return (start) =>
      new RegionMachine(production, start, {
        players: {
          tell: () => {},
          close: () => {},
          admits: () => true,
          answered: (call, answer) => this.answered(call, answer),
          read: (id, seen) => this.seen(id, seen),
          random: () => choices.below(65_536) / 65_536,
        },
        edge: null,
        saved: null,
        firstRequest: choices.below(2 ** 31),
        limits: { ...profile.host, deadlineMs: Number.MAX_SAFE_INTEGER },
        leaderLimits: profile.leader,
        yard: profile.yard,
        slowness: profile.slowness,
        encoded: profile.encoded,
        rest: profile.cluster.rest,
      });
  }

  ask(cluster: Cluster<RegionMachine>, device: Device, now: number): void {
    this.cluster = cluster;
    if (this.choices.chance(0.15)) {
      this.read(cluster, device, now);
      return;
    }
    const caller = this.choices.below(this.open.length);
    const lived = this.open[caller] ?? this.begin(caller, now);
    if (lived.copies > 0 && !this.repeats(caller)) return;
    this.post(cluster, device, lived);
  }

  askAgain(cluster: Cluster<RegionMachine>, device: () => Device): void {
    for (const lived of this.open)
      if (lived !== null && !this.underWay(cluster, lived)) this.post(cluster, device(), lived);
  }

  askAnew(now: number): void {
    for (const caller of this.open.keys()) this.begin(caller, now, 'inbound');
  }

  confirm(): void {}

  check(cluster: Cluster<RegionMachine>): void {
    const yard = this.profile.yard ? new YardModel(null) : null;
    checkWorld(this.production, cluster.checker.truth, this.deeds, yard);
  }

  /** Every other caller asks once and waits. */
  private repeats(caller: number): boolean {
    return caller % 2 === 1;
  }

  private begin(caller: number, now: number, only?: 'inbound'): Lived {
    const deed =
      only === undefined
        ? chooseDeed(this.choices, this.profile.appetite)
        : { action: only, args: { to: 'A', amount: 1 } };
    const lived = this.deeds.begin(`caller-${caller}`, deed, now, this.cluster?.checker.truth.upTo ?? 0);
    lived.sequence = ++this.sequences[caller]!;
    this.open[caller] = lived;
    return lived;
  }

  private post(cluster: Cluster<RegionMachine>, device: Device, lived: Lived): void {
    const { machine } = cluster.device(device);
    if (machine === null) return;
    const call = ++this.names;
    const { session, sequence, deed } = lived;
    const { action } = deed;
    const args = this.production.warehouse.schema.actions[action]!.encode(deed.args);
    lived.copies++;
    this.calls.set(call, { lived, device, incarnation: cluster.device(device).incarnation });
    cluster.run(device, (region) => region.call(call, { session, sequence, action, args }));
  }

  private answered(call: number, answer: Answer): void {
    const { lived } = this.calls.get(call)!;
    this.calls.delete(call);
    const caller = this.open.indexOf(lived);
    if (caller < 0) return;
    const fate = fateOf(answer);
    const definite = fate.kind === 'issued' || (fate.kind === 'refused' && lived.copies === 1);
    // Of several copies the others may still come to something; once all were answered, nobody knows.
    const over = fate.kind === 'refused' && this.cluster !== null && !this.underWay(this.cluster, lived);
    if (!definite && !over) return;
    this.open[caller] = null;
    end(
      lived,
      definite ? fate : { kind: 'unknown', code: answer.code },
      this.now(),
      this.cluster?.checker.truth.upTo ?? 0,
    );
  }

  /** Some process may still answer it; those that died forgot. */
  private underWay(cluster: Cluster<RegionMachine>, lived: Lived): boolean {
    for (const [name, call] of this.calls) {
      if (cluster.device(call.device).incarnation !== call.incarnation) this.calls.delete(name);
      else if (call.lived === lived) return true;
    }
    return false;
  }

  private read(cluster: Cluster<RegionMachine>, device: Device, now: number): void {
    const id = ++this.names;
    this.reading.set(id, this.deeds.reads.length);
    const issuedBefore = cluster.checker.truth.upTo;
    this.deeds.reads.push({ called: now, issuedBefore, returned: Number.POSITIVE_INFINITY, seen: null });
    cluster.run(device, (region) => region.read(id));
  }

  private seen(id: number, seen: Seen): void {
    const read = this.deeds.reads[this.reading.get(id)!]!;
    if (seen === null) return;
    read.seen = { number: seen.number, amounts: keyOf(seen.amounts) };
    read.returned = this.now();
  }
}
