/** What we want to reach, beside what was measured. Pure. */

export interface Goal {
  /** In words, for the table. */
  readonly goal: string;
  readonly measured: number;
  readonly bound: number;
  readonly reached: boolean;
}

/** Processor seconds of all servers for 10,000 actions, 256 in flight. */
export const CPU_PER_10K = 0.2;

/**
 * Null where `bound`, the measure of another system, is NaN, for that one took no part. What did take part and was not measured,
 * or was measured doing nothing, misses its goal: nothing that failed altogether may look like a success.
 */
export function atLeast(goal: string, measured: number, bound: number): Goal | null {
  return compared(goal, measured, bound, measured >= bound && bound > 0);
}

/** The same; `measured` is to be NaN or infinite where nothing was done. */
export function atMost(goal: string, measured: number, bound: number): Goal | null {
  return compared(goal, measured, bound, measured <= bound);
}

/** That it never happened, while so much else did. */
export function noneIn(goal: string, times: number, work: number): Goal | null {
  return atMost(goal, work > 0 ? times : Number.NaN, 0);
}

function compared(goal: string, measured: number, bound: number, reached: boolean): Goal | null {
  if (Number.isNaN(bound)) return null;
  return { goal, measured, bound, reached: reached && Number.isFinite(measured) };
}

/** A cell of a table: `✓` reached, `✗` missed; empty where there is no goal. */
export const goalCell = (goals: readonly (Goal | null)[]): string =>
  goals
    .filter((each) => each !== null)
    .map(({ goal, reached }) => `${reached ? '✓' : '✗'} ${goal}`)
    .join(', ');

/** For the report. */
export const goalList = (goals: readonly (Goal | null)[]): Goal[] => goals.filter((each) => each !== null);
