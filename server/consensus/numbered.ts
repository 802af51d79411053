import { fail } from './assert.ts';

/**
 * Values by command number, mostly consecutive, added at the top and dropped from below. Plain data; adding, reading and
 * dropping cost an array access each, which a map's would not. Holes are undefined: keep them few (limits.ts).
 */
export interface Numbered<T> {
  /** The number of items[0]. */
  base: number;
  /** Items before this index are dropped; they are freed in bulk. */
  head: number;
  items: (T | undefined)[];
}

/** Dropped items are freed when there are this many and they are at least half. */
const FREE_AFTER = 512;

/** Empty; numbers below `first` will never be put. */
export function numbered<T>(first: number): Numbered<T> {
  return { base: first, head: 0, items: [] };
}

export function at<T>(list: Numbered<T>, number: number): T | undefined {
  const index = number - list.base;
  return index < list.head ? undefined : list.items[index];
}

export function put<T>(list: Numbered<T>, number: number, value: T): void {
  const index = number - list.base;
  if (index < list.head) fail('I11', 'a dropped number comes back', { number, first: list.base + list.head });
  while (list.items.length < index) list.items.push(undefined);
  list.items[index] = value;
}

/** Makes a hole. */
export function remove<T>(list: Numbered<T>, number: number): void {
  if (at(list, number) !== undefined) list.items[number - list.base] = undefined;
}

/** Forgets all numbers up to and with this one. */
export function dropThrough<T>(list: Numbered<T>, number: number): void {
  const head = number + 1 - list.base;
  if (head <= list.head) return;
  if (head >= list.items.length) {
    list.items = [];
    list.base = number + 1;
    list.head = 0;
    return;
  }
  list.head = head;
  if (head < FREE_AFTER || head * 2 < list.items.length) return;
  list.items = list.items.slice(head);
  list.base += head;
  list.head = 0;
}

/** The lowest number that may be held, and the one after the highest put. */
export function startOf<T>(list: Numbered<T>): number {
  return list.base + list.head;
}
export function endOf<T>(list: Numbered<T>): number {
  return list.base + list.items.length;
}

/** What is held, ascending. */
export function* entries<T>(list: Numbered<T>): Generator<readonly [number, T]> {
  for (let index = list.head; index < list.items.length; index++) {
    const value = list.items[index];
    if (value !== undefined) yield [list.base + index, value];
  }
}

export function cloneNumbered<T>(list: Numbered<T>): Numbered<T> {
  return { base: list.base, head: list.head, items: list.items.slice() };
}
