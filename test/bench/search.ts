/** Where to look for the largest number that is still good. Pure. */

/**
 * Doubles from `first` until one is bad, then halves the distance by ratio. `good`: the largest that was (0: none yet), `bad`: the least that
 * was not. Null: the answer is `good`, within the ratio `close`.
 */
export function nextCount(
  good: number,
  bad: number,
  first: number,
  most: number,
  close: number,
): number | null {
  if (good === 0 && bad === Number.POSITIVE_INFINITY) return first;
  if (bad === Number.POSITIVE_INFINITY) return good >= most ? null : Math.min(most, good * 2);
  if (good === 0) return bad <= 2 ? null : Math.floor(bad / 2);
  if (bad / good <= close) return null;
  const middle = Math.round(Math.sqrt(good * bad));
  return middle <= good || middle >= bad ? null : middle;
}
