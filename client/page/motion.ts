/**
 * Where to draw somebody else: positions come in steps with the world time they hold at; drawing happens a little in the
 * past, between two of them. Pure.
 */

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly facing: number;
}
interface Sample extends Place {
  readonly time: number;
}

/** Steps come every 50 ms: two of them and some jitter. */
export const DELAY_MS = 110;
/** Longer without news means that the player stood still until shortly before the next step. */
const HELD_MS = 120;
const STEP_MS = 50;
/** A jump this long is a return to life, not a walk. */
const JUMP = 3.2;
const KEPT = 24;

export class Track {
  #samples: Sample[] = [];

  add(time: number, place: Place): void {
    const sample = { time, x: place.x, y: place.y, facing: place.facing };
    const last = this.#samples.at(-1);
    if (last) {
      if (time <= last.time) {
        this.#samples[this.#samples.length - 1] = { ...sample, time: last.time };
        return;
      }
      const jump = Math.hypot(place.x - last.x, place.y - last.y) > JUMP;
      const held = jump ? time - 1 : time - STEP_MS;
      if (jump || time - last.time > HELD_MS)
        this.#samples.push({ ...last, time: Math.max(last.time, held) });
    }
    this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.splice(0, this.#samples.length - KEPT);
  }

  /** Between the samples around `time`; the nearest one outside them. */
  at(time: number): Place {
    const samples = this.#samples;
    const last = samples.at(-1);
    if (!last) throw new Error('a track without a place');
    if (time >= last.time) return last;
    let i = samples.length - 1;
    while (i > 0 && samples[i - 1]!.time > time) i--;
    const after = samples[i]!;
    const before = samples[i - 1];
    if (!before) return after;
    const part = (time - before.time) / (after.time - before.time || 1);
    return {
      x: before.x + part * (after.x - before.x),
      y: before.y + part * (after.y - before.y),
      facing: before.facing + part * turn(before.facing, after.facing),
    };
  }
}

/** The shorter way round from one angle to another. */
export function turn(from: number, to: number): number {
  const full = 2 * Math.PI;
  return ((((to - from) % full) + full * 1.5) % full) - Math.PI;
}
