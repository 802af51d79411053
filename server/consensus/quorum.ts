import { fail } from './assert.ts';
import type { Device } from './types.ts';

/** Whether the devices of a bit mask (bit d for device d) form a majority set. */
export type IsMajority = (devices: number) => boolean;

/** A bit mask must fit a 32-bit integer, sign left out. */
const MAX_DEVICES = 31;
/** Up to here a majority is one look into a table of 2^n bytes (1 KiB). */
const TABLE_DEVICES = 10;

/** The definition: weights that sum to strictly more than half of all [0049], A40. Half is not enough (B2). */
export function weighsMoreThanHalf(weights: readonly number[], devices: Iterable<Device>): boolean {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const device of new Set(devices)) sum += weights[device] ?? 0;
  return 2 * sum > all;
}

/** The same as a function of a bit mask, fast. Weights are whole numbers, so that sums are exact. */
export function createMajority(weights: readonly number[]): IsMajority {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  for (const weight of weights)
    if (!Number.isSafeInteger(weight) || weight < 0)
      fail('B2', 'a weight is not a natural number', { weight });
  if (weights.length === 0 || weights.length > MAX_DEVICES || all === 0 || !Number.isSafeInteger(2 * all))
    fail('B2', 'no majority set can be formed', { devices: weights.length, all });

  const weighs = (devices: number): boolean => {
    let sum = 0;
    for (let rest = devices; rest !== 0; rest &= rest - 1) sum += weights[31 - Math.clz32(rest & -rest)] ?? 0;
    return 2 * sum > all;
  };
  if (weights.length > TABLE_DEVICES) return weighs;

  const table = new Uint8Array(1 << weights.length);
  for (let devices = 0; devices < table.length; devices++) table[devices] = weighs(devices) ? 1 : 0;
  return (devices) => table[devices] === 1;
}
