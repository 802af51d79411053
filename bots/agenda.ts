/**
 * The open model: when each bot means to act is fixed beforehand and does not wait for answers. Who acts late, because the
 * server or this process was slow, is charged from the moment it meant to act. Pure: the caller tells the time.
 */

interface Appointment {
  readonly at: number;
  readonly who: number;
}

/** A queue by time. */
class Agenda {
  readonly #heap: Appointment[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the next one is due; Infinity if there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, who: number): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push({ at, who });
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if ((heap[parent] as Appointment).at <= at) break;
      heap[place] = heap[parent] as Appointment;
      place = parent;
    }
    heap[place] = { at, who };
  }

  /** Takes out the next one if it is due. */
  take(now: number): Appointment | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop() as Appointment;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(last: Appointment): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Appointment).at < (heap[child] as Appointment).at)
        child += 1;
      if ((heap[child] as Appointment).at >= last.at) break;
      heap[place] = heap[child] as Appointment;
      place = child;
    }
    heap[place] = last;
  }
}

/** Whose turn it is, and when it was meant to be. */
export interface Turn {
  readonly who: number;
  readonly at: number;
}

/** Players and their turns, each at a pace of its own. */
export class Turns {
  readonly #agenda = new Agenda();
  readonly #paces = new Map<number, { readonly rate: number; readonly random: () => number }>();

  /** When the next turn is due; Infinity if nobody has one. */
  get next(): number {
    return this.#agenda.next;
  }

  /** `rate`: turns a second. The first comes within one mean interval. */
  add(who: number, now: number, rate: number, random: () => number): void {
    this.#paces.set(who, { rate, random });
    this.#agenda.add(now + (1_000 / rate) * random(), who);
  }

  /** No more turns for this one, but for one that was fixed already. */
  remove(who: number): void {
    this.#paces.delete(who);
  }

  /** The next turn that is due. The one after it is set from when this one was meant to be, however late it is now. */
  take(now: number): Turn | undefined {
    const due = this.#agenda.take(now);
    const pace = due && this.#paces.get(due.who);
    if (due !== undefined && pace !== undefined)
      this.#agenda.add(due.at + interval(pace.rate, pace.random), due.who);
    return due;
  }
}

/** Milliseconds to the next act of a bot that acts `rate` times a second: half to one and a half of the mean, by dice. */
function interval(rate: number, random: () => number): number {
  return (1_000 / rate) * (0.5 + random());
}
