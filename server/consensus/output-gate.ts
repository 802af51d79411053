import type { Send } from './types.ts';

/**
 * Output commit: holds back what may leave only after a write is durable ("write, then send"). One gate for server, simulator
 * and tests, so that what the tests release is what the server releases. Messages to itself pass through it as well.
 *
 *   host: effects = core.step(input); storage.append(effects.write); transmit(gate.add(effects.sends))
 *         when write w (and all before it) is durable: transmit(gate.persisted(w))
 *
 * What waits leaves in the order it came. What needs no write passes by it: messages may overtake each other anyway.
 * Bounded by what the host lets the core run ahead of its storage (at most one send a device and step).
 */
export class OutputGate {
  private durable = 0;
  private waiting: Send[] = [];

  /** Takes the sends of one step; returns those that may leave now, in order. */
  add(sends: readonly Send[]): readonly Send[] {
    let held = 0;
    for (const send of sends) if (send.after > this.durable) held++;
    if (held === 0) return sends;
    const free: Send[] = [];
    for (const send of sends) {
      if (send.after > this.durable) this.waiting.push(send);
      else free.push(send);
    }
    return free;
  }

  /** All writes up to this number are durable; returns what that sets free, in order. */
  persisted(write: number): readonly Send[] {
    if (write > this.durable) this.durable = write;
    let count = 0;
    while (count < this.waiting.length && this.waiting[count]!.after <= this.durable) count++;
    if (count === 0) return [];
    return this.waiting.splice(0, count);
  }

  /** Sends that wait for a write. */
  get held(): number {
    return this.waiting.length;
  }
}
