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

/** Null where there is nothing to compare: no goal is reached, or missed, by what was not measured. */
export function atLeast(goal: string, measured: number, bound: number): Goal | null {
  return known(measured, bound) ? { goal, measured, bound, reached: measured >= bound } : null;
}

export function atMost(goal: string, measured: number, bound: number): Goal | null {
  return known(measured, bound) ? { goal, measured, bound, reached: measured <= bound } : null;
}

const known = (measured: number, bound: number): boolean => !Number.isNaN(measured) && !Number.isNaN(bound);

/** A cell of a table: `✓` reached, `✗` missed; empty where there is no goal. */
export const goalCell = (goals: readonly (Goal | null)[]): string =>
  goals
    .filter((each) => each !== null)
    .map(({ goal, reached }) => `${reached ? '✓' : '✗'} ${goal}`)
    .join(', ');

/** For the report. */
export const goalList = (goals: readonly (Goal | null)[]): Goal[] => goals.filter((each) => each !== null);
