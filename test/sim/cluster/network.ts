import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { Profile } from './profile.ts';

/** How late the very late are, on average: where all wait in order behind one, a far network must still come to rest. */
const LATE_ROUNDS = 200;
const LATE_MOST = 16_000;

/** Decides the fate of each message: never, once or twice, and when. */
export class Network {
  private readonly choices: Choices;
  private readonly profile: Profile['network'];
  /** cut[from][to] counts the faults that hold this direction shut. */
  private readonly cuts: number[][];
  private readonly muted: number[];
  private readonly lastArrival: number[][];
  /** Added to the profile's loss while a storm lasts. */
  storm = 0;
  /** After healing: no loss, no copies, nothing old. */
  calm = false;

  constructor(choices: Choices, profile: Profile['network'], devices: number) {
    this.choices = choices;
    this.profile = profile;
    this.cuts = Array.from({ length: devices }, () => new Array<number>(devices).fill(0));
    this.muted = new Array<number>(devices).fill(0);
    this.lastArrival = Array.from({ length: devices }, () => new Array<number>(devices).fill(0));
  }

  /** Arrival times of the copies of a message sent now. */
  fate(from: Device, to: Device, now: number): number[] {
    if (from === to) return [now];
    if (this.isCut(from, to)) return [];
    const { loss, duplicate, old } = this.profile;
    if (!this.calm && this.choices.chance(Math.min(0.95, loss + this.storm))) return [];
    const first = this.arrival(from, to, now, !this.calm && this.choices.chance(old));
    if (this.calm || !this.choices.chance(duplicate)) return [first];
    return [first, this.arrival(from, to, now, this.choices.chance(old * 4))];
  }

  isCut(from: Device, to: Device): boolean {
    return this.cuts[from]![to]! > 0 || this.muted[from]! > 0;
  }

  cut(from: Device, to: Device, by: 1 | -1): void {
    this.cuts[from]![to]! += by;
  }

  mute(device: Device, by: 1 | -1): void {
    this.muted[device]! += by;
  }

  /** Ends all faults, except what cuts off the devices in `lost`. */
  heal(lost: ReadonlySet<Device>): void {
    this.calm = true;
    this.storm = 0;
    this.muted.fill(0);
    for (const [from, row] of this.cuts.entries())
      for (const to of row.keys()) if (!lost.has(from) && !lost.has(to)) row[to] = 0;
  }

  private arrival(from: Device, to: Device, now: number, late: boolean): number {
    const { latency, jitter, ordered } = this.profile;
    const time =
      now +
      latency +
      this.choices.waiting(jitter / 3) +
      (late ? this.choices.waiting(Math.min(LATE_ROUNDS * latency, LATE_MOST)) : 0);
    if (!ordered) return time;
    const row = this.lastArrival[from]!;
    row[to] = Math.max(time, row[to]!);
    return row[to]!;
  }
}
