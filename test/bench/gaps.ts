/** Pauses in a series of events. Pure. */

/**
 * The longest stretch within from..to without an event, in the unit of the times; it may begin with the last event before `from`, and an end
 * without event counts up to `to`. `times` rise.
 */
export function longestGap(times: readonly number[], from: number, to: number): number {
  let last = from;
  let longest = 0;
  for (const time of times) {
    if (time <= from) {
      last = time;
      continue;
    }
    if (time > to) break;
    longest = Math.max(longest, time - last);
    last = time;
  }
  return Math.max(longest, to - last);
}
