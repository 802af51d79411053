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

/** Players and their turns, each at a pace of its own or at moments that are given. */
export class Turns {
  readonly #agenda = new Agenda();
  /** When the turn after the one at `at` is; undefined: there is none. */
  readonly #following = new Map<number, (at: number) => number | undefined>();

  /** When the next turn is due; Infinity if nobody has one. */
  get next(): number {
    return this.#agenda.next;
  }

  /** `rate`: turns a second. The first comes within one mean interval. */
  add(who: number, now: number, rate: number, random: () => number): void {
    this.#following.set(who, (at) => at + interval(rate, random));
    this.#agenda.add(now + (1_000 / rate) * random(), who);
  }

  /** Turns at these moments, which rise; those that are over come at once, and are told as meant then. */
  addAt(who: number, moments: readonly number[]): void {
    const [first] = moments;
    if (first === undefined) return;
    let next = 1;
    this.#following.set(who, () => moments[next++]);
    this.#agenda.add(first, who);
  }

  /** No more turns for this one, but for one that was fixed already. */
  remove(who: number): void {
    this.#following.delete(who);
  }

  /** The next turn that is due. The one after it is set from when this one was meant to be, however late it is now. */
  take(now: number): Turn | undefined {
    const due = this.#agenda.take(now);
    const following = due && this.#following.get(due.who)?.(due.at);
    if (due !== undefined && following !== undefined) this.#agenda.add(following, due.who);
    return due;
  }
}

/** Milliseconds to the next act of a bot that acts `rate` times a second: half to one and a half of the mean, by dice. */
function interval(rate: number, random: () => number): number {
  return (1_000 / rate) * (0.5 + random());
}
